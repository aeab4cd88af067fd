"""A claimed add runs to its end, whatever happens on the way."""

from __future__ import annotations

import json
from datetime import timedelta

import psycopg
import pytest
from django.db.models import Count, Sum

from memories.models import Ingestion, LlmCall, Operation
from memories.services.deletion import delete_scope
from memories.store.operations import Lease
from memories.types import ChatMessage
from memplatform.lib import clock
from memplatform.lib.errors import ScopeError
from tests.memories.agents import ANN, at_once

LISBON = "I live in Lisbon."


def entries(agent, operation) -> list[tuple[str, str]]:
    """(outcome, reason) of each message."""
    messages = agent.ledger(operation.id)["messages"]
    return [(entry["outcome"], entry["reason"]) for entry in messages]


# --- every engine, through the whole story --------------------------------------


def test_a_fact_is_learnt_repeated_and_contradicted(agent, engine):
    first = agent.learn(LISBON)
    assert (first.status, entries(agent, first)) == ("SUCCEEDED", [("learned", "")])
    (lisbon,) = agent.heads()
    assert lisbon.attributed_to == "user"

    again = agent.learn(LISBON)
    assert again.status == "SUCCEEDED"
    assert agent.texts() == [lisbon.text]

    moved = agent.learn("I moved to Berlin.")
    assert entries(agent, moved) == [("learned", "")]
    (berlin,) = agent.texts(latest_only=True)
    assert "Berlin" in berlin
    assert agent.head(lisbon.id).state == "superseded"


def test_a_wish_to_forget_retires_and_is_credited(agent, engine):
    agent.learn("I like green tea.")
    (tea,) = agent.heads()
    operation = agent.learn("Good morning!", "Please forget that I like green tea.")
    assert agent.head(tea.id).state == "retired"
    assert agent.texts() == []
    greeting, wish = entries(agent, operation)
    assert greeting[0] in ("nothing", "dropped")
    assert wish == ("learned", "")
    cause = agent.history(tea.id)[-1]
    assert (cause.kind, cause.new_text) == ("RETIRE", tea.text)
    assert [said.content for said in cause.messages] == [
        "Please forget that I like green tea."
    ]


def test_what_we_recalled_is_not_learnt_again(agent, engine):
    """A context block, and an answer made of it, come back in the next add."""
    agent.learn(LISBON)
    (known,) = agent.texts()
    operation = agent.learn(
        ChatMessage("system", f"You know:\n<memories>\n- {known}\n</memories>"),
        ChatMessage("system", f"<memories>\n- {known}\n- User eats figs.\n</memories>"),
        ChatMessage("user", "Where do I live?"),
        ChatMessage("assistant", known),
        ChatMessage("tool", known),
    )
    outcomes = [outcome for outcome, _ in entries(agent, operation)]
    assert [outcomes[1], *outcomes[3:]] == ["recalled"] * 3
    assert agent.texts() == [known]
    assert agent.events() == ["ADD"]


def test_a_person_who_repeats_a_recalled_fact_confirms_it(agent):
    agent.learn(LISBON)
    operation = agent.learn(LISBON)
    assert entries(agent, operation) == [("confirmed", "")]


def test_a_fact_is_attributed_to_who_said_it(agent, models):
    agent.learn(
        ChatMessage("user", "I like tea."),
        ChatMessage("assistant", "I recommend figs."),
    )
    assert [(h.text, h.attributed_to) for h in agent.heads()] == [
        ("User likes tea.", "user")
    ]
    agent.learn(ChatMessage("assistant", "I recommend figs."), agent_id="bot")
    (figs,) = [h for h in agent.heads() if h.agent_id == "bot"]
    assert figs.attributed_to == "agent"


def test_a_model_cannot_do_harm_whatever_it_answers(agent, models):
    """Unknown numbers, and a deletion of everything with nothing in its place."""
    agent.learn(LISBON)
    row = {"from": [1], "who": "user", "cats": [], "start": None, "end": None}
    row |= {"conf": 1, "why": "", "quote": None, "entities": [], "relations": []}
    models.reply(
        _json(
            row | {"text": "", "op": "DELETE", "id": 1},
            row | {"text": "User likes tea.", "op": "UPDATE", "id": 99},
            row | {"text": "", "op": "DELETE", "id": 1, "quote": "Forget it all."},
        )
    )
    operation = agent.learn("I like tea.")
    assert agent.texts() == ["User lives in Lisbon.", "User likes tea."]
    outcomes = [outcome for outcome, _ in agent.fates(operation.id)]
    assert sorted(outcomes) == ["refused", "refused", "stored"]


def _json(*rows: dict) -> str:
    return json.dumps({"facts": rows})


# --- nothing is held while a model is asked --------------------------------------

# Whoever has a transaction open, or waits inside one.
BUSY = """
SELECT state, query FROM pg_stat_activity
WHERE datname = current_database() AND usename = 'memplatform_app'
  AND (xact_start IS NOT NULL OR state <> 'idle')
"""


@pytest.mark.parametrize("path", ["chat", "embeddings"])
def test_no_transaction_is_open_across_a_model_call(
    committed_db, agent, models, while_asked, path
):
    agent.setup  # noqa: B018 - made before the embedder is held
    operation_id = agent.accept(LISBON)
    with (
        while_asked(operation_id, path),
        psycopg.connect(committed_db.admin_url) as admin,
    ):
        assert admin.execute(BUSY).fetchall() == []
        admin.execute("SELECT 1 FROM memories_anchor FOR UPDATE NOWAIT")
        admin.execute("SELECT 1 FROM memories_operation FOR UPDATE NOWAIT")
    assert agent.operation(operation_id).status == "SUCCEEDED"


def test_models_refuse_to_be_asked_inside_a_transaction(agent, models):
    """Whoever forgets is told at once, not under load."""
    setup = agent.setup
    (embedder,) = setup.embedders.values()
    with agent.scope():
        for ask in (
            lambda: setup.chat.complete(None),
            lambda: embedder.embed([LISBON]),
        ):
            with pytest.raises(ScopeError, match="inside a transaction"):
                ask()
    assert models.stats()["chat"] == models.stats()["embeddings"] == 0


def test_reads_and_edits_go_on_meanwhile(agent, models, while_asked):
    tea = agent.keep("Ann likes tea.")
    with while_asked(agent.accept(LISBON)):
        agent.edit(tea, metadata={"k": 1})
        assert agent.texts() == ["Ann likes tea."]


# --- what changes meanwhile -------------------------------------------------------


def test_a_memory_that_changed_meanwhile_is_decided_about_anew(
    agent, models, while_asked
):
    agent.learn(LISBON)
    (lisbon,) = agent.heads()
    operation_id = agent.accept("I moved to Berlin.")
    asked = models.stats()["chat"]
    with while_asked(operation_id):
        agent.edit(lisbon.id, text="User lives in Lisbon, in Alfama.")
    assert models.stats()["chat"] == asked + 2
    assert agent.head(lisbon.id).state == "superseded"
    assert [v.text for v in agent.versions(lisbon.id)][1] == (
        "User lives in Lisbon, in Alfama."
    )
    assert agent.count(LlmCall, operation_id=operation_id) == 2
    assert agent.operation(operation_id).attempts == 1


def test_a_scope_deleted_meanwhile_stays_deleted(agent, models, while_asked):
    agent.learn(LISBON)
    operation_id = agent.accept("I like tea.")
    with while_asked(operation_id):
        delete = delete_scope(agent.access, ANN)
    assert agent.run(delete).status == "SUCCEEDED"
    assert agent.texts() == []
    assert entries(agent, agent.operation(operation_id)) == [
        ("dropped", "deleted before applied")
    ]


def test_a_memory_deleted_meanwhile_stays_deleted(agent, models, while_asked):
    agent.learn(LISBON)
    (lisbon,) = agent.heads()
    with while_asked(agent.accept(LISBON)):
        agent.delete(lisbon.id)
    assert agent.texts() == []


def test_who_was_taken_over_meanwhile_writes_nothing(
    committed_db, agent, models, while_asked
):
    operation_id = agent.accept(LISBON)
    with while_asked(operation_id):
        _end_lease(committed_db, operation_id)
        lease = agent.claim(operation_id)
    taken_over = agent.operation(operation_id)
    assert (taken_over.status, agent.heads()) == ("RUNNING", [])
    assert lease == Lease(operation_id, taken_over.lease_token)
    _end_lease(committed_db, operation_id)
    assert agent.run(operation_id).status == "SUCCEEDED"
    assert agent.events() == ["ADD"]


def _end_lease(server, operation_id) -> None:
    with psycopg.connect(server.admin_url) as admin:
        admin.execute(
            "UPDATE memories_operation SET lease_until = %s WHERE id = %s",
            [clock.now() - timedelta(seconds=1), operation_id],
        )


# --- two at once, and twice ---------------------------------------------------------


def test_an_add_that_ran_does_not_run_again(agent, models):
    operation = agent.learn(LISBON)
    asked = models.stats()["chat"]
    assert agent.run(operation.id).attempts == 1
    assert models.stats()["chat"] == asked
    assert agent.events() == ["ADD"]


def test_two_workers_woken_for_one_add_have_one_effect(committed_db, agent, models):
    operation_id = agent.accept(LISBON)
    at_once(*[lambda: agent.run(operation_id)] * 4)
    assert agent.operation(operation_id).status == "SUCCEEDED"
    assert models.stats()["chat"] == 1
    assert agent.events() == ["ADD"]


def test_eight_racing_adds_of_one_fact_are_one_memory(committed_db, agent, models):
    """Worded differently each time; each has an outcome, in the order of acceptance."""
    models.configure(reword=True)
    agent.setup  # noqa: B018 - made once, before the race
    ids = at_once(*[lambda: agent.accept(LISBON)] * 8)
    for _ in ids:  # as often as workers are woken, until nothing is left to do
        at_once(*[lambda i=i: agent.run(i) for i in ids])
    assert agent.count(Operation, status="SUCCEEDED") == 8
    assert agent.events() == ["ADD"]
    assert len(agent.versions(agent.heads()[0].id)) == 1
    fates = [agent.fates(i)[0][0] for i in ids]
    assert sorted(fates) == ["confirmed"] * 7 + ["stored"]


# --- faults of the model --------------------------------------------------------------


def test_a_fault_that_may_pass_is_tried_again_after_longer_pauses(
    agent, models, settings, frozen
):
    settings.RETRY_BASE_S, settings.MAX_ATTEMPTS = 2.0, 3
    models.order("malformed", times=99)
    operation_id = agent.accept(LISBON)
    for pause_s in (2, 4):
        operation = agent.run(operation_id)
        assert (operation.status, operation.error_code) == (
            "PENDING", "provider_reply_invalid"
        )  # fmt: skip
        due = frozen.instant + timedelta(seconds=pause_s)
        assert operation.next_attempt_at == due
        assert agent.run(operation_id).attempts == operation.attempts  # not yet
        frozen.move_to(due)
    failed = agent.run(operation_id)
    assert (failed.status, failed.attempts) == ("FAILED", 3)
    assert entries(agent, failed) == [("failed", "provider_reply_invalid")]


def test_a_provider_that_names_a_pause_is_obeyed(agent, models, settings, frozen):
    models.order("rate_limit", times=9, retry_after_s=200)
    operation = agent.learn(LISBON)
    assert operation.status == "PENDING"
    assert operation.next_attempt_at == frozen.instant + timedelta(seconds=200)


@pytest.mark.parametrize("path", ["chat", "embeddings"])
def test_a_reason_does_not_repeat_what_the_endpoint_quotes(agent, models, caplog, path):
    models.order("refusal", path=path, says=f"Not allowed: {LISBON}")
    failed = agent.learn(LISBON)
    assert (failed.status, failed.error_code) == ("FAILED", "provider_rejected")
    assert "Lisbon" not in failed.error + caplog.text


@pytest.mark.parametrize("pause_s", [86_400, 1e13, float("inf")])
def test_a_provider_that_wants_a_day_is_asked_again_and_then_given_up(
    agent, models, settings, frozen, pause_s
):
    """All that is newer in the anchor would wait that long."""
    settings.MAX_ATTEMPTS = 2
    models.order("rate_limit", times=9, retry_after_s=pause_s)
    operation = agent.learn(LISBON)
    assert operation.next_attempt_at == frozen.instant + timedelta(minutes=5)
    frozen.advance(minutes=5)
    failed = agent.run(operation.id)
    assert (failed.status, failed.error_code) == ("FAILED", "provider_rate_limited")
    assert "HTTP 429" in failed.error
    assert entries(agent, failed) == [("failed", "provider_rate_limited")]


def test_after_the_fault_the_add_has_its_effect_once(agent, models):
    models.order("malformed", times=3)  # one attempt's worth
    operation_id = agent.accept(LISBON)
    assert agent.run(operation_id).status == "PENDING"
    done = agent.run(operation_id)
    assert (done.status, done.attempts, done.error) == ("SUCCEEDED", 2, None)
    assert agent.events() == ["ADD"]
    assert agent.count(LlmCall, operation_id=operation_id) == 4


@pytest.mark.parametrize("fault", ["refusal", "unauthorized"])
def test_a_fault_that_will_not_pass_fails_at_once(agent, models, fault):
    models.order(fault)
    operation = agent.learn(LISBON)
    assert (operation.status, operation.error_code) == ("FAILED", "provider_rejected")
    assert operation.error
    assert entries(agent, operation) == [("failed", "provider_rejected")]
    assert agent.learn("I like tea.").status == "SUCCEEDED"  # the next one runs


def test_an_embedder_that_is_down_is_waited_for(agent, models):
    agent.learn("I like tea.")
    models.order("rate_limit", times=9, path="embeddings", retry_after_s=600)
    operation_id = agent.accept(LISBON)
    assert agent.run(operation_id).status == "PENDING"
    assert agent.texts() == ["User likes tea."]


def test_an_add_that_kills_its_runner_every_time_is_given_up(
    agent, models, settings, frozen
):
    settings.MAX_ATTEMPTS = 2
    operation_id = agent.accept(LISBON)
    for _ in range(2):
        agent.claim(operation_id)  # and its worker dies
        frozen.advance(minutes=5)
    failed = agent.run(operation_id)
    assert (failed.status, failed.error_code) == ("FAILED", "gave_up")
    assert entries(agent, failed) == [("failed", "gave_up")]
    assert models.stats()["chat"] == 0


def test_what_a_failed_attempt_cost_is_recorded(agent, models):
    models.order("refusal")
    operation = agent.learn(LISBON)
    assert agent.count(LlmCall, operation_id=operation.id) == 1


def test_the_use_of_an_add_counts_all_of_its_attempts(agent, models):
    models.order("malformed", times=3)
    operation_id = agent.accept(LISBON)
    agent.run(operation_id)
    agent.run(operation_id)
    with agent.scope():
        ingestion = Ingestion.objects.get(operation_id=operation_id)
        used = LlmCall.objects.filter(operation_id=operation_id).aggregate(
            tokens=Sum("prompt_tokens"), calls=Count("id")
        )
    assert used["calls"] == 4
    assert ingestion.model_calls == 4
    assert ingestion.prompt_tokens == used["tokens"] > 0
