"""Whoever changes a memory: head, version and event, two clocks, counters, outbox."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise

import psycopg
import pytest
from django.db import DatabaseError

from memories.models import Memory, MemoryEvent, MemoryVector, MemoryVersion, Outbox
from memories.services.deletion import delete_scope
from memories.services.edit import restore_version
from memories.services.webhooks import WebhookChanges, change_webhook
from memories.store.batch import FACT_COLUMNS, Batch, Cause, Revision
from memories.types import State, ValidTime, Verdict
from memplatform.lib.errors import NotFound, ScopeError
from tests.memories.agents import (
    ANN,
    adds,
    at_once,
    counters,
    decides,
    overlapping,
    recount,
)

SYSTEM = Cause(actor_kind="system")
NEXT_YEAR = date(2099, 1, 1)
MAY = datetime(2026, 5, 1, tzinfo=UTC)


def delete(agent, head) -> None:
    """A change by hand, under the anchor's lock."""
    with agent.scope():
        batch = Batch.open(head.project_id, [head.anchor_id])
        gone = Revision(state=State.DELETED)
        batch.revise(head, MemoryEvent.Kind.DELETE, gone, SYSTEM)
        batch.flush()


# --- one door: whoever knocks, head + version + event ---------------------------


def verbatim(agent):
    agent.say("Ann likes tea.", "Ann likes jam.", expires_on=NEXT_YEAR)


def learnt(agent):
    agent.learn("I live in Lisbon.")
    agent.learn("I moved to Berlin.")


def decided(agent):
    tea, rum, gin = (agent.keep(f"Ann likes {what}.") for what in ("tea", "rum", "gin"))
    agent.decide(
        decides(Verdict.UPDATE, "Ann likes black tea.", tea),
        decides(Verdict.DELETE, "Ann dislikes rum.", rum),
        decides(Verdict.DELETE, None, gin, evidence="Forget the gin."),
        decides(Verdict.MERGE, "Ann drinks tea.", tea),
    )


def edited(agent):
    agent.edit(agent.keep("Ann likes tea."), text="Ann likes jam.", metadata={"k": 1})
    agent.edit(agent.keep("Ann likes figs."), expires_on=NEXT_YEAR)
    agent.edit(agent.keep("Ann likes rum.", expires_on=NEXT_YEAR), expires_on=None)


def deleted(agent):
    agent.delete(agent.keep("Ann likes tea."))


def restored(agent):
    tea = agent.keep("Ann likes tea.")
    agent.edit(tea, text="Ann likes jam.")
    agent.delete(tea)
    restore_version(agent.access, tea, 1)


def swept(agent):
    verbatim(agent)
    agent.run(delete_scope(agent.access, ANN))


DOORS = [verbatim, learnt, decided, edited, deleted, restored, swept]


every_door = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)


@every_door
def test_every_change_is_a_head_a_version_and_an_event(agent, door):
    door(agent)
    assert agent.heads()
    for head in agent.heads():
        versions = agent.versions(head.id)
        assert [v.number for v in versions] == list(range(1, head.number + 1))
        said = {name: getattr(versions[-1], name) for name in FACT_COLUMNS}
        assert said == {name: getattr(head, name) for name in FACT_COLUMNS}
        changes = [(e.old_number, e.new_number, e.at) for e in events(agent, head)]
        olds = [None, *range(1, head.number)]
        assert changes == [
            (old, v.number, v.known_from) for old, v in zip(olds, versions, strict=True)
        ]


@every_door
def test_the_known_intervals_of_a_memory_are_one_chain(agent, frozen, door):
    """Though the clock stands still, no instant belongs to two versions."""
    door(agent)
    for head in agent.heads():
        versions = agent.versions(head.id)
        assert overlapping(versions) == []
        assert all(one.known_from < two.known_from for one, two in pairwise(versions))
        assert versions[-1].known_to is None


@every_door
def test_the_counters_are_what_counting_would_find(agent, door):
    agent.keep("Bea likes tea.", user_id="bea", agent_id="bot", run_id="r1")
    door(agent)
    assert counters(agent) == recount(agent)


@every_door
def test_every_change_the_wire_knows_waits_in_the_outbox(agent, door):
    changes = ("memory_add", "memory_update", "memory_delete")
    agent.subscribe(*changes)
    door(agent)
    kinds = {"ADD": "add", "UPDATE": "update", "SUPERSEDE": "update"}
    # Who comes back from a delete is added.
    kinds |= {"RESTORE": "add", "DELETE": "delete", "RETIRE": "delete"}
    with agent.scope():
        told = list(Outbox.objects.values_list("topic", "payload__memory_id"))
        rows = MemoryEvent.objects.values_list("kind", "memory_id")
        happened = [(f"memory_{kinds[k]}", str(i)) for k, i in rows if k in kinds]
    assert sorted(told) == sorted(happened)


@every_door
def test_what_nobody_waits_for_is_not_written_down(agent, other, door):
    other.subscribe()
    webhook = agent.subscribe()
    with agent.scope():
        change_webhook(webhook, WebhookChanges(is_active=False))
    agent.subscribe("memory_categorize")
    door(agent)
    assert set(agent.told()) <= {"memory_categorize"}
    assert other.told() == []


def test_categories_are_told_when_they_come_and_when_they_change(agent):
    agent.subscribe("memory_categorize")
    agent.decide(adds("Ann likes tea.", categories=("food",)))
    assert agent.told() == ["memory_categorize"]
    head = agent.heads()[0]
    agent.edit(head.id, metadata={"k": 1})
    assert agent.told() == ["memory_categorize"]
    with agent.scope():
        batch = Batch.open(head.project_id, [head.anchor_id])
        sorted_anew = Revision(categories=("drinks",))
        kind = MemoryEvent.Kind.CATEGORIZE
        batch.revise(Memory.objects.get(id=head.id), kind, sorted_anew, SYSTEM)
        batch.flush()
    assert agent.told() == ["memory_categorize"] * 2


def events(agent, head) -> list[MemoryEvent]:
    with agent.scope():
        return list(MemoryEvent.objects.filter(memory_id=head.id).order_by("at"))


# --- all of it, or nothing ------------------------------------------------------


WRITTEN = [Memory, MemoryVersion, MemoryEvent, MemoryVector, Outbox]


@pytest.mark.parametrize("model", WRITTEN, ids=lambda model: model.__name__)
def test_when_one_table_refuses_nothing_is_written(committed_db, agent, model):
    agent.subscribe()
    tea = agent.keep("Ann likes tea.")
    before = snapshot(agent)
    with refusing(committed_db, model), pytest.raises(DatabaseError, match="refused"):
        agent.decide(decides(Verdict.DELETE, "Ann dislikes tea.", tea))
    assert snapshot(agent) == before


def snapshot(agent) -> list:
    with agent.scope():
        return [
            sorted(map(str, model.objects.values_list("id", flat=True)))
            for model in WRITTEN
        ] + [list(Memory.objects.values_list("state", "number", "known_from"))]


class refusing:
    """The owner lets a table refuse every insert while the block runs."""

    def __init__(self, server, model) -> None:
        self._url, self._table = server.owner_url, model._meta.db_table

    def __enter__(self) -> None:
        self._run(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'refused'; END $$",
            f"CREATE TRIGGER refuse BEFORE INSERT ON {self._table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse()",
        )

    def __exit__(self, *_: object) -> None:
        self._run(
            f"DROP TRIGGER refuse ON {self._table}",
            "DROP FUNCTION refuse()",
        )

    def _run(self, *statements: str) -> None:
        with psycopg.connect(self._url) as owner:
            for statement in statements:
                owner.execute(statement)


# --- the anchor's lock ----------------------------------------------------------


def test_a_memory_is_not_changed_without_its_anchors_lock(agent):
    head = agent.head(agent.keep("Ann likes tea."))
    with agent.scope(), pytest.raises(ScopeError, match="lock"):
        batch = Batch.open(head.project_id, [])
        batch.revise(head, MemoryEvent.Kind.DELETE, Revision(), SYSTEM)


def test_another_tenants_anchor_cannot_be_locked(agent, other):
    head = agent.head(agent.keep("Ann likes tea."))
    with other.scope():
        assert Batch.open(head.project_id, [head.anchor_id]).anchors == {}


def test_edits_at_once_follow_one_another(committed_db, agent):
    tea = agent.keep("Ann likes tea.")
    edits = [lambda n=n: agent.edit(tea, metadata={"n": n}) for n in range(6)]
    at_once(*edits)
    versions = agent.versions(tea)
    assert [v.number for v in versions] == list(range(1, 8))
    assert overlapping(versions) == []
    assert {v.metadata["n"] for v in versions[1:]} == set(range(6))


def test_anchors_that_share_subjects_do_not_block_one_another(committed_db, agent):
    """Their counters meet in the same rows, which are taken in one order."""
    shared = {"agent_id": "bot", "app_id": "shop", "run_id": "r1"}
    agent.setup  # noqa: B018 - made once, before the race
    for turn in range(4):
        says = [
            lambda text=f"Turn {turn}.", user=f"user-{n}": agent.keep(
                text, user_id=user, **shared
            )
            for n in range(6)
        ]
        answers = at_once(*says)
        assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert counters(agent)["agent", "bot"] == (24, 0)
    assert counters(agent) == recount(agent)


# --- the two clocks --------------------------------------------------------------


def test_a_memory_can_be_read_as_of_every_instant_it_was_known(agent):
    tea = agent.keep("Ann likes tea.")
    agent.edit(tea, text="Ann likes jam.")
    agent.edit(tea, text="Ann likes figs.")
    versions = agent.versions(tea)
    seen = [agent.get(tea, as_of=version.known_from).text for version in versions]
    assert seen == [version.text for version in versions]
    with pytest.raises(NotFound):
        agent.get(tea, as_of=agent.head(tea).accepted_at)


def test_when_it_is_true_is_not_when_it_is_known(agent):
    """Backdated, true since May, known from now on: three clocks, none for another."""
    told = datetime(2020, 1, 1, tzinfo=UTC)
    moved = adds("Ann lives in Berlin.", valid=ValidTime(start=MAY))
    operation = agent.decide(moved, created_at=told)
    (head,) = agent.heads()
    assert (head.created_at, head.valid_from) == (told, MAY)
    assert told < head.accepted_at < head.known_from
    assert head.accepted_at == operation.created_at


def test_an_update_keeps_when_the_old_version_was_true(agent):
    agent.decide(adds("Ann is in Berlin.", valid=ValidTime(start=MAY)))
    (head,) = agent.heads()
    agent.decide(decides(Verdict.UPDATE, "Ann lives in Berlin, Mitte.", head))
    assert [v.valid_from for v in agent.versions(head.id)] == [MAY, MAY]


def test_a_contradiction_closes_what_was_true_and_not_what_was_known_then(agent):
    agent.decide(adds("Ann lives in Lisbon."))
    (lisbon,) = agent.heads()
    decision = decides(Verdict.DELETE, "Ann lives in Berlin.", lisbon)
    agent.decide(decision)
    open_then, closed_now = agent.versions(lisbon.id)
    assert open_then.valid_to is None
    assert closed_now.valid_to is not None
    assert agent.get(lisbon.id, as_of=open_then.known_from).state == State.ACTIVE


# --- texts that change hands ------------------------------------------------------


def test_a_memory_may_take_the_words_another_gave_up_in_the_same_add(agent):
    tea, jam = agent.keep("Ann likes tea."), agent.keep("Ann likes jam.")
    operation = agent.decide(
        decides(Verdict.UPDATE, "Ann likes nothing.", tea),
        decides(Verdict.UPDATE, "Ann likes tea.", jam),
    )
    assert operation.status == "SUCCEEDED"
    assert agent.head(tea).text == "Ann likes nothing."
    assert agent.head(jam).text == "Ann likes tea."


def test_a_memory_may_take_the_words_of_one_superseded_in_the_same_add(agent):
    tea, jam = agent.keep("Ann likes tea."), agent.keep("Ann likes jam.")
    agent.decide(
        decides(Verdict.DELETE, "Ann dislikes tea.", tea),
        decides(Verdict.UPDATE, "Ann likes tea.", jam),
    )
    assert agent.texts(latest_only=True) == ["Ann likes tea.", "Ann dislikes tea."]


def test_a_deleted_memory_gives_its_words_and_its_place_up(agent):
    head = agent.head(agent.keep("Ann likes tea."))
    delete(agent, head)
    assert agent.keep("Ann likes tea.") != head.id
    assert counters(agent) == recount(agent) == {("user", "ann"): (1, 0)}
