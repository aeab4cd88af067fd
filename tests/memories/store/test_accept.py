"""An accepted add is on disk, in its place: numbered per anchor, its messages too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import DataError

from memories.models import Ingestion, Message, Operation
from memories.store.accept import take_place
from memories.types import ChatMessage, Scope
from memplatform.lib import clock
from tests.memories.agents import at_once

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def places(agent) -> list[tuple[str | None, int]]:
    with agent.scope():
        rows = Operation.objects.order_by("created_at", "seq")
        return list(rows.values_list("user_id", "seq"))


def messages(agent) -> list[Message]:
    with agent.scope():
        return list(Message.objects.order_by("anchor_id", "position"))


def test_adds_of_an_anchor_are_numbered_as_they_come(agent):
    for user in ("ann", "bea", "ann"):
        agent.accept(user_id=user)
    assert places(agent) == [("ann", 0), ("bea", 0), ("ann", 1)]


def test_runs_of_a_user_share_the_anchor_and_other_ids_do_not(agent):
    agent.accept(user_id="ann", run_id="r1")
    agent.accept(user_id="ann", run_id="r2")
    agent.accept(user_id="ann", agent_id="bot")
    assert [seq for _, seq in places(agent)] == [0, 1, 0]


def test_messages_of_an_anchor_follow_one_another(agent):
    agent.accept("one", "two")
    agent.accept("three")
    assert [(row.position, row.content) for row in messages(agent)] == [
        (0, "one"), (1, "two"), (2, "three")
    ]  # fmt: skip


def test_adds_at_once_get_each_its_own_place(committed_db, agent):
    agent.setup  # noqa: B018 - made once, before the race
    answers = at_once(*[lambda: agent.accept("one", "two")] * 6)
    assert len(set(answers)) == 6
    assert sorted(seq for _, seq in places(agent)) == list(range(6))
    rows = messages(agent)
    assert [row.position for row in rows] == list(range(12))
    # The two messages of an add stand side by side.
    pairs = zip(rows[::2], rows[1::2], strict=True)
    assert all(one.ingestion_id == two.ingestion_id for one, two in pairs)


def test_a_place_is_given_out_only_once_the_earlier_one_is_visible(committed_db, agent):
    """Else a later add could be claimed before an earlier one can be seen."""
    agent.accept()
    project_id = agent.company.project.id
    with agent.scope():
        take_place(project_id, Scope("ann"), 1, clock.now())
        with (
            psycopg.connect(committed_db.admin_url) as rival,
            pytest.raises(psycopg.errors.LockNotAvailable),
        ):
            rival.execute("SELECT 1 FROM memories_anchor FOR UPDATE NOWAIT")


def test_everything_the_worker_needs_is_written(agent):
    operation_id = agent.accept(
        ChatMessage("user", "I like tea.", "Ann", NOON),
        metadata={"k": [1]},
        is_immutable=True,
        created_at=NOON,
        with_graph=False,
    )
    with agent.scope():
        ingestion = Ingestion.objects.get(operation_id=operation_id)
        (message,) = Message.objects.filter(ingestion=ingestion)
    assert ingestion.metadata == {"k": [1]}
    assert ingestion.options == {
        "created_at": NOON.isoformat(), "is_immutable": True, "with_graph": False
    }  # fmt: skip
    assert (message.role, message.name, message.sent_at) == ("user", "Ann", NOON)


# what the request says of its time → when a message without its own was sent
SENT = [
    ({}, None),
    ({"created_at": NOON}, NOON),
    ({"created_at": NOON, "reference": NOON + timedelta(days=1)}, NOON + timedelta(1)),
]


@pytest.mark.parametrize(("details", "sent_at"), SENT)
def test_a_message_was_sent_when_the_request_says(agent, frozen, details, sent_at):
    agent.accept("Hello.", **details)
    assert messages(agent)[0].sent_at == (sent_at or frozen.instant)


# --- sessions -----------------------------------------------------------------


def sessions(agent) -> list[str | None]:
    return [row.session_key for row in messages(agent)]


def test_a_run_is_a_session(agent):
    agent.accept(user_id="ann", run_id="r1")
    agent.accept(user_id="ann", run_id="r1")
    assert sessions(agent) == ["run:r1"] * 2


def test_turns_within_the_gap_are_one_session(agent, frozen):
    agent.accept("one", "two")
    frozen.advance(hours=agent.setup.settings.session_gap_hours)
    agent.accept("three")
    assert sessions(agent) == ["gap:0"] * 3


def test_a_longer_silence_opens_another(agent, frozen):
    agent.accept("one")
    frozen.advance(hours=agent.setup.settings.session_gap_hours, seconds=1)
    agent.accept("two")
    assert sessions(agent) == ["gap:0", "gap:1"]


def test_what_follows_a_run_is_not_part_of_it(agent):
    agent.accept("one", run_id="r1", user_id="ann")
    agent.accept("two")
    agent.accept("three")
    assert sessions(agent) == ["run:r1", "gap:1", "gap:1"]


# --- all of it, or nothing ----------------------------------------------------


def test_an_accept_that_fails_leaves_nothing_and_takes_no_place(agent):
    with pytest.raises(DataError):
        agent.accept("I like\0tea.")
    assert places(agent) == []
    assert agent.accept()
    assert places(agent) == [("ann", 0)]
