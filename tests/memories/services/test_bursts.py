"""Small adds of one scope that come in together are decided in one model call."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models import Sum

from memories.models import Ingestion, LlmCall, Message, Operation
from memories.models.ingestion import ERASED
from memories.pipeline.run import read_add
from memories.services.configuration import change_settings
from memories.services.deletion import delete_scope
from memories.store.apply import apply_together
from memories.store.operations import LeaseLost
from memories.types import ChatMessage
from tenants import services
from tests.memories.agents import ANN, Agent, adds, at_once
from tests.memories.services.conftest import MODEL_ENGINES, use_engine

FACTS = (
    "I live in Lisbon.",
    "I like green tea.",
    "I play chess.",
    "I work at Acme.",
    "I own a red bicycle.",
)


@pytest.fixture
def window(settings, models, frozen, agent) -> None:
    """Two seconds; and a project that was made ready."""
    settings.ADD_WINDOW_S = 2.0
    agent.setup  # noqa: B018


@pytest.fixture
def accept(agent, frozen):
    """``accept("text")``: an add, a tenth of a second after the one before."""

    def accept(*texts: str, by: Agent | None = None, **details):
        frozen.advance(seconds=0.1)
        return (by or agent).accept(*texts, **details)

    return accept


@pytest.fixture
def run_all(agent, frozen):
    """Let the window pass, then run what was accepted, as the wake-ups would."""

    def run_all(*ids):
        frozen.advance(seconds=2)
        return [agent.run(operation_id) for operation_id in ids]

    return run_all


def asked(models) -> int:
    return models.stats()["chat"]


def results(agent, operation_id) -> list[tuple[str, str]]:
    """(event, text) of what an add did."""
    found = agent.operation(operation_id).results
    return [(r["event"], agent.head(r["id"]).text) for r in found]


def statuses(agent, ids) -> list[str]:
    return [agent.operation(operation_id).status for operation_id in ids]


# --- together -----------------------------------------------------------------------


@pytest.mark.usefixtures("window")
def test_ten_adds_are_one_call_and_ten_events(agent, models, accept, run_all):
    animals = ("cats", "dogs", "goats", "bees", "owls")
    said = [f"I {does} {animal}." for does in ("like", "own") for animal in animals]
    ids = [accept(text) for text in said]
    run_all(*ids)
    assert asked(models) == 1
    assert statuses(agent, ids) == ["SUCCEEDED"] * 10
    told = [results(agent, operation_id) for operation_id in ids]
    wanted = [
        [("ADD", f"User {does} {animal}.")]
        for does in ("likes", "owns")
        for animal in animals
    ]
    assert told == wanted


@pytest.mark.usefixtures("window")
@pytest.mark.parametrize("engine", MODEL_ENGINES)
def test_every_engine_decides_them_together(agent, models, accept, run_all, engine):
    use_engine(agent, engine)
    ids = [accept(text) for text in FACTS]
    run_all(ids[0])
    by_purpose = models.stats()["by_purpose"]
    assert set(by_purpose.values()) == {1}
    assert statuses(agent, ids) == ["SUCCEEDED"] * len(FACTS)
    assert [len(agent.operation(i).results) for i in ids] == [1] * len(FACTS)


@pytest.mark.usefixtures("window")
def test_each_fact_is_caused_by_its_own_message(agent, accept, run_all):
    ids = [accept(text) for text in FACTS]
    run_all(ids[0])
    for operation_id, text in zip(ids, FACTS, strict=True):
        (result,) = agent.operation(operation_id).results
        (entry,) = agent.history(result["id"])
        assert entry.operation_id == operation_id
        assert [message.content for message in entry.messages] == [text]
        (message,) = agent.ledger(operation_id)["messages"]
        assert message["outcome"] == "learned"


@pytest.mark.usefixtures("window")
def test_each_add_keeps_what_was_given_with_it(agent, accept, run_all, frozen):
    first = accept("I like green tea.", metadata={"n": 1}, is_immutable=True)
    second = accept("I play chess.", metadata={"n": 2}, expires_on=date(2027, 1, 1))
    run_all(first)
    tea, chess = agent.heads()
    assert (tea.metadata, tea.is_immutable, tea.expires_on) == ({"n": 1}, True, None)
    assert (chess.metadata, chess.is_immutable) == ({"n": 2}, False)
    assert chess.expires_on == date(2027, 1, 1)
    assert chess.created_at - tea.created_at == timedelta(seconds=0.1)
    assert agent.ledger(first)["together"] == [str(second)]


@pytest.mark.usefixtures("window")
def test_they_are_applied_in_the_order_they_came_in(agent, accept, run_all):
    ids = [accept(text) for text in FACTS]
    run_all(*ids)
    assert [head.text for head in agent.heads()] == [
        "User lives in Lisbon.",
        "User likes green tea.",
        "User plays chess.",
        "User works at Acme.",
        "User owns a red bicycle.",
    ]


@pytest.mark.usefixtures("window")
def test_the_call_is_counted_once(agent, accept, run_all):
    ids = [accept(text) for text in FACTS]
    run_all(ids[0])
    with agent.scope():
        assert LlmCall.objects.get().operation_id == ids[0]
        total = Ingestion.objects.aggregate(calls=Sum("model_calls"))
    assert total == {"calls": 1}


@pytest.mark.usefixtures("window")
def test_a_fact_of_two_adds_is_the_later_ones(agent, models, accept, run_all):
    row = {"from": [1, 2], "who": "user", "cats": [], "start": None, "end": None}
    row |= {"conf": 1, "why": "", "quote": None, "entities": [], "relations": []}
    fact = row | {"text": "User's dog is Rex.", "op": "ADD", "id": None}
    models.reply(json.dumps({"facts": [fact]}))
    first, second = accept("I have a dog."), accept("It is called Rex.")
    run_all(first)
    assert (results(agent, first), len(results(agent, second))) == ([], 1)
    (entry,) = agent.history(agent.operation(second).results[0]["id"])
    assert [m.content for m in entry.messages] == ["I have a dog.", "It is called Rex."]
    (message,) = agent.ledger(first)["messages"]
    assert message["outcome"] == "learned"


@pytest.mark.usefixtures("window")
def test_what_two_adds_say_alike_is_stored_once(agent, accept, run_all):
    ids = [accept("I like green tea."), accept("I like green tea.")]
    run_all(ids[0])
    assert statuses(agent, ids) == ["SUCCEEDED"] * 2
    assert agent.texts() == ["User likes green tea."]


@pytest.mark.usefixtures("window")
def test_two_contradictions_of_one_memory_lose_neither(agent, accept, run_all, frozen):
    agent.say("User lives in Lisbon.")
    ids = [accept("I moved to Berlin."), accept("I moved to Porto.")]
    run_all(ids[0])
    assert statuses(agent, ids) == ["SUCCEEDED"] * 2
    assert {t for t in agent.texts(latest_only=True) if "Lisbon" not in t} == {
        "User moved to Berlin.",
        "User moved to Porto.",
    }


# --- the window ---------------------------------------------------------------------


def test_without_a_window_each_is_decided_at_once(agent, models, accept):
    agent.setup  # noqa: B018
    ids = [accept(text) for text in FACTS[:2]]
    for operation_id in ids:
        assert agent.run(operation_id).status == "SUCCEEDED"
    assert asked(models) == 2


@pytest.mark.usefixtures("window")
def test_an_add_waits_for_its_window(agent, models, accept, frozen):
    operation_id = accept(FACTS[0])
    frozen.advance(seconds=1.9)
    assert agent.run(operation_id).status == "PENDING"
    frozen.advance(seconds=0.1)
    assert agent.run(operation_id).status == "SUCCEEDED"


@pytest.mark.usefixtures("window")
def test_what_comes_in_later_waits_for_its_own(agent, models, accept, frozen):
    first = accept(FACTS[0])
    frozen.advance(seconds=1.95)
    later = accept(FACTS[1])
    assert agent.run(first).status == "SUCCEEDED"
    assert agent.run(later).status == "PENDING"
    frozen.advance(seconds=2)
    assert agent.run(later).status == "SUCCEEDED"
    assert asked(models) == 2


@pytest.mark.usefixtures("window")
def test_a_project_may_have_a_window_of_its_own(agent, models, accept, frozen):
    with agent.scope():
        change_settings(agent.company.project, {"add_window_s": 10})
    ids = [accept(text) for text in FACTS[:2]]
    frozen.advance(seconds=9)
    assert agent.run(ids[0]).status == "PENDING"
    frozen.advance(seconds=1)
    assert agent.run(ids[0]).status == "SUCCEEDED"
    assert asked(models) == 1


@pytest.mark.usefixtures("window")
def test_a_project_may_do_without(agent, accept):
    with agent.scope():
        change_settings(agent.company.project, {"add_window_s": 0})
    assert agent.run(accept(FACTS[0])).status == "SUCCEEDED"


@pytest.mark.usefixtures("window")
def test_a_burst_has_a_bound(agent, models, accept, run_all, monkeypatch):
    monkeypatch.setattr("memories.selectors.bursts.MOST_ADDS", 3)
    ids = [accept(text) for text in FACTS]
    run_all(*ids)
    assert asked(models) == 2
    assert statuses(agent, ids) == ["SUCCEEDED"] * 5


@pytest.mark.usefixtures("window")
def test_a_long_add_waits_for_nobody_and_joins_nobody(agent, models, accept, run_all):
    long = "I like " + "very " * 2000 + "much tea."
    ids = [accept(FACTS[0]), accept(long), accept(FACTS[1])]
    assert agent.operation(ids[1]).next_attempt_at is None
    run_all(*ids)
    assert asked(models) == 3


@pytest.mark.usefixtures("window")
def test_the_local_engine_has_no_call_to_save(agent, accept):
    use_engine(agent, "local")
    assert agent.run(accept(FACTS[0])).status == "SUCCEEDED"


# --- what is not alike --------------------------------------------------------------

ODD = [
    {"run_id": "r", **ANN},
    {"instructions": "Only tea."},
    {"categories": {"tea": "tea"}},
    {"includes": "tea"},
    {"timezone": "Asia/Tokyo"},
    {"created_at": datetime(2020, 1, 1, tzinfo=UTC)},
    {"with_graph": False},
    {"memory_type": "procedure", "agent_id": "bot", **ANN},
]


@pytest.mark.usefixtures("window")
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: next(iter(odd)))
def test_another_way_of_deciding_ends_the_burst(agent, models, accept, run_all, odd):
    ids = [accept(FACTS[0]), accept(FACTS[1], **odd), accept(FACTS[2])]
    run_all(*ids)
    assert statuses(agent, ids) == ["SUCCEEDED"] * 3
    expected = 2 if "agent_id" in odd else 3  # of another anchor: in nobody's way
    assert asked(models) == expected


@pytest.mark.usefixtures("window")
def test_another_key_ends_the_burst(agent, acme, models, accept, run_all):
    with agent.scope():
        key = services.issue_api_key(acme.project, acme.owner).text
    colleague = Agent(type(acme)(acme.tenant, acme.project, acme.owner, key, key))
    ids = [accept(FACTS[0]), accept(FACTS[1], by=colleague), accept(FACTS[2])]
    run_all(*ids)
    assert asked(models) == 3


@pytest.mark.usefixtures("window")
def test_a_verbatim_add_is_in_nobodys_way(agent, models, accept, run_all):
    first = accept(FACTS[0])
    agent.say("Word for word.")
    second = accept(FACTS[1])
    run_all(first, second)
    assert asked(models) == 1


@pytest.mark.usefixtures("window")
def test_what_was_emptied_goes_alone(agent, models, accept, run_all):
    """There is nothing left to decide on: it must not take the others along."""
    ids = [accept(text) for text in FACTS[:3]]
    with agent.scope():
        Message.objects.filter(ingestion__operation_id=ids[1]).update(content=None)
    run_all(*ids)
    assert statuses(agent, ids) == ["SUCCEEDED"] * 3
    assert agent.texts() == ["User lives in Lisbon.", "User plays chess."]
    assert agent.ledger(ids[0]).get("together") is None


# --- when it fails ------------------------------------------------------------------


@pytest.mark.usefixtures("window")
def test_what_fails_together_is_decided_one_by_one(agent, models, accept, run_all):
    """One of them is refused by the model: the others do not suffer."""
    models.order("refusal", times=2, about="chess")
    ids = [accept(text) for text in FACTS]
    run_all(ids[0])
    assert statuses(agent, ids) == ["PENDING"] * 5
    run_all(*ids)
    wanted = ["SUCCEEDED", "SUCCEEDED", "FAILED", "SUCCEEDED", "SUCCEEDED"]
    assert statuses(agent, ids) == wanted
    assert asked(models) == 6
    assert [agent.operation(i).attempts for i in ids] == [1] * 5


@pytest.mark.usefixtures("window")
def test_a_fault_that_passes_keeps_their_order(agent, models, accept, run_all, frozen):
    models.order("error", times=9)
    ids = [accept(text) for text in FACTS[:3]]
    run_all(ids[0])
    assert agent.operation(ids[0]).error_code == "provider_unavailable"
    models.configure(reset=True, dimension=64)
    for operation_id in reversed(ids):
        run_all(operation_id)  # only the oldest may
    assert statuses(agent, ids) == ["SUCCEEDED", "PENDING", "PENDING"]
    run_all(*ids)
    assert [h.text for h in agent.heads()] == [
        "User lives in Lisbon.",
        "User likes green tea.",
        "User plays chess.",
    ]


@pytest.mark.usefixtures("window")
def test_a_mistake_of_ours_parts_them_too(agent, models, accept, run_all, monkeypatch):
    def broken(plan, shares):
        if len(shares) > 1:
            raise ValueError(FACTS[0])
        return {shares[0].operation_id: plan}

    monkeypatch.setattr("memories.pipeline.run.divide", broken)
    ids = [accept(text) for text in FACTS[:2]]
    run_all(ids[0])
    run_all(*ids)
    assert statuses(agent, ids) == ["SUCCEEDED"] * 2


@pytest.mark.usefixtures("window")
def test_the_calls_of_a_failed_burst_are_kept(agent, models, accept, run_all):
    models.order("refusal", about="chess")
    ids = [accept(text) for text in FACTS[:3]]
    run_all(ids[0])
    assert agent.count(LlmCall, operation_id=ids[0]) == 1


# --- when its runner dies ------------------------------------------------------------


@pytest.mark.usefixtures("window")
def test_a_runner_that_died_leaves_them_as_they_were(
    agent, models, accept, run_all, frozen, settings
):
    ids = [accept(text) for text in FACTS[:3]]
    frozen.advance(seconds=2)
    agent.claim(ids[0])  # and is never heard of again
    run_all(*ids)
    assert statuses(agent, ids) == ["RUNNING", "PENDING", "PENDING"]
    frozen.advance(seconds=settings.LEASE_S)
    run_all(*ids)
    assert statuses(agent, ids) == ["SUCCEEDED"] * 3
    assert agent.events() == ["ADD"] * 3
    # The one that was left is decided alone; the others may still be together.
    assert asked(models) == 2


@pytest.mark.usefixtures("window")
def test_a_runner_that_was_slow_writes_nothing(
    agent, accept, run_all, frozen, settings
):
    ids = [accept(text) for text in FACTS[:2]]
    frozen.advance(seconds=2)
    lease = agent.claim(ids[0])
    plans = {i: agent.plan(i, adds("User eats figs.")) for i in ids}
    frozen.advance(seconds=settings.LEASE_S)
    run_all(*ids)
    with pytest.raises(LeaseLost), agent.scope():
        apply_together(lease, plans, accept_stale=True)
    assert "User eats figs." not in agent.texts()
    assert agent.events() == ["ADD"] * 2


@pytest.mark.usefixtures("window")
def test_one_that_was_erased_meanwhile_parts_them(
    agent, accept, frozen, erase_while_read
):
    ids = [accept(text) for text in FACTS[:3]]
    frozen.advance(seconds=2)
    erase_while_read(ids[1])
    agent.run(ids[0])
    assert statuses(agent, ids) == ["PENDING", "FAILED", "PENDING"]
    for operation_id in ids:
        agent.run(operation_id)
    assert statuses(agent, ids) == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert agent.texts() == ["User lives in Lisbon.", "User plays chess."]


@pytest.fixture
def erase_while_read(monkeypatch):
    """``erase_while_read(id)``: as an erasure between reading and applying leaves it."""

    def erase(operation_id) -> None:
        def read(*args):
            monkeypatch.undo()
            Operation.objects.filter(id=operation_id).update(
                status=Operation.Status.FAILED, error_code=ERASED
            )
            return read_add(*args)

        monkeypatch.setattr("memories.services.run.read_add", read)

    return erase


# --- what is deleted between them ------------------------------------------------------


@pytest.mark.usefixtures("window")
def test_a_scope_deleted_between_them_parts_them(
    agent, models, accept, run_all, frozen
):
    """What came in before the delete is gone, what came in after it stays."""
    before = accept("I like green tea.")
    frozen.advance(seconds=0.1)
    delete = delete_scope(agent.access, ANN)
    after = accept("I like green tea.")
    run_all(before, after, delete)
    assert asked(models) == 2
    assert agent.fates(before) == [("dropped", "deleted before applied")]
    assert results(agent, after) == [("ADD", "User likes green tea.")]
    assert agent.texts() == ["User likes green tea."]


@pytest.mark.usefixtures("window")
def test_a_memory_deleted_between_them_parts_them(agent, models, accept, run_all):
    tea = agent.keep("User likes green tea.")
    before = accept("I like green tea.")
    agent.delete(tea)
    after = accept("I like green tea.")
    run_all(before, after)
    assert asked(models) == 2
    assert agent.fates(before) == [("dropped", "deleted before applied")]
    assert agent.texts() == ["User likes green tea."]


def test_a_scope_deleted_while_they_are_asked_about(
    committed_db, agent, models, settings, while_asked
):
    settings.ADD_WINDOW_S = 0.001
    agent.setup  # noqa: B018
    ids = [agent.accept(text) for text in FACTS[:2]]
    settings.ADD_WINDOW_S = 60.0  # both are due, and together
    with while_asked(ids[0]):
        delete = delete_scope(agent.access, ANN)
    assert agent.run(delete).status == "SUCCEEDED"
    assert statuses(agent, ids) == ["SUCCEEDED"] * 2
    assert agent.texts() == []
    for operation_id in ids:
        assert agent.fates(operation_id) == [("dropped", "deleted before applied")]


def test_a_memory_that_changed_while_they_are_asked_about(
    committed_db, agent, models, settings, while_asked
):
    """Both are decided anew, in one call again."""
    lisbon = agent.learn("I live in Lisbon.").results[0]["id"]
    settings.ADD_WINDOW_S = 0.001
    ids = [agent.accept("I moved to Berlin."), agent.accept("I like green tea.")]
    settings.ADD_WINDOW_S = 60.0
    before = asked(models)
    with while_asked(ids[0]):
        agent.edit(lisbon, text="User lives in Lisbon, in Alfama.")
    assert asked(models) == before + 2
    assert agent.head(lisbon).state == "superseded"
    assert statuses(agent, ids) == ["SUCCEEDED"] * 2


def test_workers_that_race_apply_each_once_and_in_order(
    committed_db, agent, models, settings
):
    """Every wake-up at once, in the wrong order, some of them twice."""
    settings.ADD_WINDOW_S = 0.001
    agent.setup  # noqa: B018
    ids = [agent.accept(text) for text in FACTS]
    settings.ADD_WINDOW_S = 60.0
    calls = [lambda i=i: agent.run(i) for i in (*reversed(ids), *ids[:3])]
    assert not [a for a in at_once(*calls) if isinstance(a, Exception)]
    for operation_id in ids:
        agent.run(operation_id)
    assert statuses(agent, ids) == ["SUCCEEDED"] * 5
    assert agent.events() == ["ADD"] * 5
    assert agent.heads()[0].text == "User lives in Lisbon."


def test_a_message_object_is_said_as_it_is(window, agent, accept, run_all):
    ids = [
        accept(ChatMessage("user", "I like green tea.", name="Ann")),
        accept(ChatMessage("user", "I play chess.", name="Bea")),
    ]
    run_all(ids[0])
    assert [head.speaker for head in agent.heads()] == ["Ann", "Bea"]
