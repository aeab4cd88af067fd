"""Privacy erasure: nothing that came from a subject is left, but that it is gone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from django.apps import apps
from django.db import DatabaseError, connection

from memories.models import (
    ConversationSummary,
    Delivery,
    Export,
    Feedback,
    Ingestion,
    LlmCall,
    MemoryEvent,
    MemoryVector,
    Message,
    Operation,
    Subject,
)
from memories.selectors.operations import get_operation, list_failed
from memories.services import background
from memories.services.again import retry_operation
from memories.services.background import refresh_anchor_summary
from memories.services.deletion import delete_scope, erase_subject, purge
from memories.services.deliveries import fan_out
from memories.services.run import run_operation
from memories.store import operations
from memories.store.operations import LeaseLost
from memories.types import (
    Actor,
    Decision,
    Dropped,
    ModelCall,
    ProposedEntity,
    ProposedRelation,
    Verdict,
)
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.models import AuditEntry, TenantModel
from tenants.scopes import tenant_scope
from tests.memories.agents import adds, at_once, counters, fact, now, recount

CANARY = "zebrafinch"
NAME = "canary-user-7f3a"
RUN = "canary-run-2c9e"  # no key or id has it in it by chance
CANARY_GRAPH = {
    "entities": (ProposedEntity(CANARY, "animal"),),
    "relations": (ProposedRelation("Ann", "keeps", CANARY),),
}


def erase(agent, name=NAME, kind="user", **details):
    actor = Actor("api_key", agent.access.key_id)
    with agent.scope():
        return erase_subject(agent.access.project_id, kind, name, actor, **details)


def text_columns() -> list[tuple[str, str]]:
    """(table, column) of every text that a tenant's table can hold."""
    return [
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        if issubclass(model, TenantModel)
        for field in model._meta.concrete_fields
        if re.match(r"text|varchar|jsonb|tsvector", field.db_type(connection) or "")
    ]


def traces_of(agent, *words) -> list[str]:
    """``table.column`` of every text that holds one of the words."""
    looking = 'SELECT 1 FROM "{0}" WHERE "{1}"::text ~* %s LIMIT 1'
    return [
        f"{table}.{column}"
        for table, column in text_columns()
        if agent.sql(looking.format(table, column), "|".join(words))
    ]


@pytest.fixture
def told(agent):
    """An agent that a subject has told of everything, everywhere."""
    agent.subscribe()
    mine = {"user_id": NAME, "agent_id": "bot", "run_id": "r1"}
    call = ModelCall(
        "single_pass", "m", "openai", "ok", request=({"role": "user", "content": CANARY},),
        reply=CANARY,
    )  # fmt: skip
    operation_id = agent.accept(
        f"My {CANARY} sings.", **mine, metadata={"pet": CANARY}, instructions=CANARY
    )
    decision = adds(
        f"Ann keeps a {CANARY}.", speaker=CANARY, categories=(CANARY,), **CANARY_GRAPH
    )
    agent.decide(decision, on=operation_id, calls=(call,))
    memory = agent.heads()[0]
    agent.edit(memory.id, text=f"Ann keeps two {CANARY}es.", metadata={"a": CANARY})
    agent.search(CANARY, {"user_id": NAME})
    agent.say(f"{CANARY} again", **mine, idempotency_key=CANARY, body_hash="x")
    refresh_anchor_summary(agent.access.tenant_id, memory.anchor_id)
    delete_scope(agent.access, {"user_id": NAME, "app_id": "*"})
    agent.accept(f"{CANARY} is pending", **mine)
    with agent.scope():
        project_id = agent.access.project_id
        Feedback.objects.create(
            project_id=project_id,
            memory=memory,
            operator_id=agent.access.operator_id,
            reason=CANARY,
        )
        Export.objects.create(project_id=project_id, data={"a": CANARY})
    fan_out(agent.access.tenant_id, project_id)
    with agent.scope():  # as a receiver might answer that says it all again
        Delivery.objects.filter(event_type="memory_add").update(
            status="delivered", response_body=CANARY
        )
    return agent


def test_nothing_is_left_of_the_subject(told):
    assert len(traces_of(told, CANARY, NAME)) > 15  # the search finds what is there
    erase(told)
    assert traces_of(told, CANARY, NAME) == []
    assert told.count(MemoryVector) == 0
    assert told.count(ConversationSummary) == 0


def test_tombstones_and_an_audit_entry_remain(told):
    memory = told.heads()[0]
    counts = erase(told)
    assert counts == {"memories": 2, "messages": 3}
    assert told.events(memory.id) == ["ADD", "UPDATE", "ERASE"]
    with tenant_scope(told.access.tenant_id):
        entry = AuditEntry.objects.get(action="erase_subject")
    assert entry.changes == counts
    assert entry.actor_id == told.access.key_id


def test_the_erased_is_absent_also_as_of_then(told):
    memory, then = told.heads()[0], now()
    erase(told)
    with pytest.raises(NotFound):
        told.get(memory.id)
    with pytest.raises(NotFound):
        told.get(memory.id, as_of=then)
    assert told.texts({"user_id": NAME}, as_of=then) == []
    assert told.found(CANARY, {"agent_id": "bot"}, as_of=then, threshold=0) == []
    assert [entry.new_text for entry in told.history(memory.id)] == [None] * 3


def test_the_counters_of_other_subjects_are_right(told):
    told.keep("Bea likes tea.", user_id="bea", agent_id="bot")
    erase(told)
    assert counters(told)["agent", "bot"] == (1, 0)
    assert counters(told)["run", "r1"] == (0, 0)
    assert ("user", NAME) not in counters(told)


def test_other_subjects_keep_everything(told):
    bea = {"user_id": "bea"}
    told.keep("Bea likes tea.", **bea)
    erase(told)
    assert told.texts(bea) == ["Bea likes tea."]
    assert told.found("tea", bea) == ["Bea likes tea."]


def test_the_name_may_come_back_with_nothing_known(told):
    erase(told)
    told.keep("Hello again.", user_id=NAME)
    assert told.texts({"user_id": NAME}) == ["Hello again."]
    assert erase(told)["memories"] == 1
    assert traces_of(told, NAME) == []


def test_a_subject_that_only_spoke_is_erased_too(agent):
    agent.accept(f"I like {CANARY}es.", user_id=NAME)
    assert erase(agent) == {"memories": 0, "messages": 1}
    assert traces_of(agent, CANARY, NAME) == []


def test_an_unknown_subject_is_no_error(agent):
    assert erase(agent) == {"memories": 0, "messages": 0}


# --- what is in flight --------------------------------------------------------


def test_what_waits_is_settled_with_its_reason_and_never_runs(agent):
    operation_id = agent.accept(f"I like {CANARY}es.", user_id=NAME)
    erase(agent)
    operation = agent.run(operation_id)
    assert (operation.status, operation.error_code) == ("FAILED", "erased")
    (message,) = agent.ledger(operation_id)["messages"]
    assert (message["outcome"], message["reason"]) == ("failed", "erased")
    assert agent.heads() == []


def test_what_runs_has_lost_its_lease(agent):
    operation_id = agent.accept(f"I like {CANARY}es.", user_id=NAME)
    lease = agent.claim(operation_id)
    plan = agent.plan(operation_id, adds(f"Ann likes {CANARY}es."))
    erase(agent)
    with pytest.raises(LeaseLost):
        agent.apply(lease, plan)
    assert traces_of(agent, CANARY, NAME) == []


def test_a_pending_delete_of_the_subject_is_settled(agent):
    agent.keep(CANARY, user_id=NAME)
    delete = delete_scope(agent.access, {"user_id": NAME})
    erase(agent)
    run_operation(agent.access.tenant_id, delete)
    assert agent.operation(delete).status == "FAILED"


def test_what_was_erased_cannot_be_tried_again(agent):
    """Whether it waited then, or had failed before: there is nothing to run it on."""
    failed = agent.accept(f"I like {CANARY}es.", user_id=NAME)
    lease = agent.claim(failed)
    with agent.scope():
        operations.fail(operations.hold(lease), "provider_rejected", "HTTP 401")
    waiting = agent.accept(f"I like {CANARY}es.", user_id=NAME)
    delete = delete_scope(agent.access, {"user_id": NAME})
    erase(agent)
    for operation_id in (failed, waiting, delete):
        with pytest.raises(InvalidRequest, match="erased"):
            retry_operation(agent.access, operation_id)
        assert agent.operation(operation_id).status == "FAILED"
    with agent.scope():
        assert list_failed() == []


def test_the_barrier_knows_the_name_by_its_hash_only(agent):
    """An add accepted before and still being written must not come in after."""
    operation_id = agent.accept("Hello.", user_id=NAME)
    plan = agent.plan(operation_id, adds(CANARY))
    erase(agent)
    with agent.scope():  # as if its runner had come in time
        Operation.objects.filter(id=operation_id).update(status="PENDING")
    agent.apply(agent.claim(operation_id), plan)
    assert agent.heads() == []
    assert agent.fates(operation_id) == [("dropped", "deleted before applied")]


def test_adds_and_an_erasure_at_once_do_not_block_one_another(committed_db, agent):
    agent.keep("Bea likes tea.", user_id="bea", agent_id="bot")
    for turn in range(4):
        agent.keep(f"{turn}", user_id=NAME, agent_id="bot")
        answers = at_once(
            *[
                lambda n=name, t=turn: agent.say(f"{t} tea", user_id=n, agent_id="bot")
                for name in (NAME, "bea", "cleo")
            ],
            lambda: erase(agent),
        )
        assert not [a for a in answers if isinstance(a, Exception)], answers
    live = {name: counts for name, counts in recount(agent).items() if counts[0]}
    kept = {name: counts for name, counts in counters(agent).items() if counts[0]}
    assert kept == {n: c for n, c in live.items() if not n[1].startswith("erased-")}


# --- a run shares its anchor with other runs ----------------------------------


def test_erasing_a_run_takes_what_it_changed_elsewhere(agent):
    agent.decide(adds("Ann has a pet."), user_id="ann", run_id="r1")
    pet = agent.heads()[0]
    update = fact(f"Ann has a {CANARY}.")
    agent.decide(
        Decision(Verdict.UPDATE, update, pet.id, CANARY), user_id="ann", run_id=RUN
    )
    agent.keep("Ann likes tea.", user_id="ann", run_id="r1")
    erase(agent, RUN, "run")
    assert traces_of(agent, CANARY, RUN) == []
    assert agent.texts() == ["Ann likes tea."]


def quoting(text: str) -> ModelCall:
    """A call that was shown a text, and said it again."""
    shown = ({"role": "user", "content": text},)
    return ModelCall("single_pass", "m", "openai", "ok", request=shown, reply=text)


def test_erasing_a_run_empties_what_later_adds_quote_of_it(agent):
    early = agent.decide(adds("Ann has a pet."), user_id="ann", calls=(quoting("pet"),))
    agent.decide(adds(f"Ann's pet is a {CANARY}."), user_id="ann", run_id=RUN)
    agent.accept(f"A {CANARY}.", user_id="ann", run_id=RUN)
    told = Dropped(f"is said of the {CANARY}", "Ann sings.", (0,))
    late = agent.accept("We talked of her.", user_id="ann", run_id="r3")
    with agent.scope():  # the one before it is finished elsewhere
        Operation.objects.filter(status="PENDING").exclude(id=late).update(
            status="FAILED"
        )
    decision = replace(adds("Ann is happy."), reason=f"{CANARY}es make her so")
    agent.decide(decision, on=late, dropped=(told,), calls=(quoting(CANARY),))
    erase(agent, RUN, "run")
    assert traces_of(agent, CANARY, RUN) == []
    assert agent.texts() == ["Ann has a pet.", "Ann is happy."]
    assert agent.fates(late) == [("stored", ""), ("dropped", "")]
    with agent.scope():
        assert LlmCall.objects.get(operation_id=early.id).reply == "pet"


def test_an_add_that_was_shown_an_erased_run_thinks_again(agent):
    agent.say(f"A {CANARY}.", user_id="ann", run_id=RUN)
    operation_id = agent.accept("We talked of her.", user_id="ann", run_id="r3")
    lease = agent.claim(operation_id)
    plan = agent.plan(operation_id, adds(CANARY), calls=(quoting(CANARY),))
    erase(agent, RUN, "run")
    with pytest.raises(LeaseLost):
        agent.apply(lease, plan)
    assert agent.run(operation_id).status == "SUCCEEDED"
    assert traces_of(agent, CANARY, RUN) == []


def test_an_edge_asserted_twice_speaks_the_words_of_who_stays(agent):
    ends = (ProposedEntity("Ann", "person"), ProposedEntity("Oslo", "place"))
    graph = {
        "entities": ends,
        "relations": (ProposedRelation("Ann", "lives in", "Oslo"),),
    }
    agent.decide(adds(f"{CANARY} lives in Oslo.", **graph), user_id="ann", run_id="r1")
    agent.decide(adds("Ann lives in Oslo.", **graph), user_id="ann", run_id=RUN)
    erase(agent, "r1", "run")
    assert agent.sql("SELECT fact FROM memories_relation") == [("Ann lives in Oslo.",)]
    assert traces_of(agent, CANARY) == []


# --- whose ------------------------------------------------------------------


def test_another_tenants_subject_of_the_same_name_stays(agent, other):
    agent.keep(CANARY, user_id=NAME)
    other.keep(CANARY, user_id=NAME)
    erase(agent)
    assert other.texts({"user_id": NAME}) == [CANARY]


def test_another_project_cannot_be_named(agent, other):
    with pytest.raises(DatabaseError), agent.scope():
        erase_subject(other.access.project_id, "user", NAME, Actor("system"))


def test_summary_calls_keep_no_text(agent, models):
    agent.keep(f"I like my {CANARY}.", user_id=NAME)
    refresh_anchor_summary(agent.access.tenant_id, agent.heads()[0].anchor_id)
    with agent.scope():
        call = LlmCall.objects.get(operation=None)
    assert (call.request, call.reply, call.purpose) == (None, None, "summary")


def test_a_summary_in_flight_does_not_bring_the_erased_back(agent):
    agent.keep(f"I like my {CANARY}.", user_id=NAME)
    anchor_id = agent.heads()[0].anchor_id
    said = background._read_said(agent.access.tenant_id, anchor_id)
    erase(agent)
    with agent.scope():
        background._write_summary(said, CANARY)
    assert traces_of(agent, CANARY) == []


# --- purge --------------------------------------------------------------------


def test_purging_a_project_leaves_no_row_of_it(told, other):
    other.keep("Bea likes tea.", user_id="bea")
    with tenant_scope(told.access.tenant_id):
        purge(told.access.tenant_id, told.access.project_id)
    left = [
        model._meta.label
        for model in apps.get_app_config("memories").get_models()
        if told.count(model)
    ]
    assert left == []
    assert other.texts({"user_id": "bea"}) == ["Bea likes tea."]
    with tenant_scope(told.access.tenant_id):
        assert AuditEntry.objects.filter(action="purge_memories").count() == 1


def test_purging_a_tenant_takes_every_project(told):
    with tenant_scope(told.access.tenant_id):
        purge(told.access.tenant_id, None)
    models = (Ingestion, MemoryEvent, Message, Operation, Subject)
    assert [told.count(model) for model in models] == [0] * 5


def test_a_key_cannot_purge_another_project(agent, other):
    with pytest.raises(DatabaseError), agent.scope():
        purge(agent.access.tenant_id, other.access.project_id)


def test_the_reply_to_an_event_of_the_erased_has_no_text(told):
    with told.scope():
        operation_id = Operation.objects.filter(kind="ADD").earliest("created_at").id
    erase(told)
    with told.scope():
        view = get_operation(operation_id)
    assert [result.text for result in view.results] == [None]
    assert view.payload["messages"] == [{"role": "user", "content": None}]


# --- what comes after the erasure was accepted ---------------------------------


def test_what_was_accepted_later_stays_with_its_counts(frozen, agent):
    agent.keep(f"A {CANARY}.", user_id=NAME, agent_id="bot", run_id="r1")
    accepted = now()
    frozen.advance(seconds=1)
    agent.keep("Hello again.", user_id=NAME, agent_id="bot", run_id="r1")
    erase(agent, accepted_at=accepted)
    assert traces_of(agent, CANARY) == []
    assert agent.texts({"user_id": NAME}) == ["Hello again."]
    assert counters(agent)["user", NAME] == counters(agent)["run", "r1"] == (1, 0)
    assert agent.found("hello", {"user_id": NAME}) == ["Hello again."]


def test_a_subject_may_be_erased_twice(frozen, agent):
    """Each time with an anchor of its own, which then needs a name of its own."""
    for again in range(2):
        agent.keep(f"A {CANARY}.", user_id=NAME)
        accepted = now()
        frozen.advance(seconds=1)
        agent.keep(f"Here for the {again}.", user_id=NAME, agent_id="bot")
        assert erase(agent, accepted_at=accepted)["memories"] == again + 1
        frozen.advance(seconds=1)
    assert agent.texts({"user_id": NAME}) == ["Here for the 1."]
    erase(agent)
    assert traces_of(agent, CANARY, NAME, "Here for") == []


def test_an_add_that_waits_since_then_still_runs(frozen, agent):
    agent.keep(f"A {CANARY}.", user_id=NAME)
    accepted = now()
    frozen.advance(seconds=1)
    waiting = agent.accept("I like bees.", user_id=NAME)
    erase(agent, accepted_at=accepted)
    assert agent.run(waiting).status == "SUCCEEDED"
    assert agent.texts({"user_id": NAME}) != []
