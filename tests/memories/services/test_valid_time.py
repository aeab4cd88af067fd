"""When a fact is true, how often, and what it tells of: from message to every reader."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from memories.models import Memory, MemoryVersion
from memories.models.ingestion import Message
from memories.services.deletion import erase_subject
from memories.services.edit import MemoryChanges, restore_version, update_memory
from memories.types import Actor, Aspect, ChatMessage, Decision, ValidTime, Verdict
from tests.memories.agents import adds, fact

WEEKLY = "FREQ=WEEKLY;BYDAY=SU"
SUNDAYS = ValidTime(datetime(2026, 5, 1, tzinfo=UTC), None, "month", WEEKLY)
TOKYO = timezone(timedelta(hours=9))


@pytest.fixture
def swims(agent):
    """That ann swims every Sunday since May."""
    agent.decide(adds("Swims.", valid=SUNDAYS, aspect=Aspect.STATE))
    with agent.scope():
        return Memory.objects.get()


def test_the_rules_read_it_from_what_is_said(agent):
    agent.learn("I swim every Sunday.", "I plan to visit Rome in March 2031.")
    with agent.scope():
        habit = Memory.objects.get(text__contains="swims")
        rome = Memory.objects.get(text__contains="Rome")
    assert (habit.recurs, habit.aspect) == (WEEKLY, "state")
    assert (rome.valid_precision, rome.aspect) == ("month", "plan")
    assert rome.valid_from == datetime(2031, 3, 1, tzinfo=UTC)


def test_every_version_keeps_it(agent, swims):
    update_memory(agent.access, swims.id, MemoryChanges(text="Swims a lot."))
    agent.decide(Decision(Verdict.UPDATE, fact("Swims very much."), swims.id))
    with agent.scope():
        told = MemoryVersion.objects.values_list("recurs", "aspect", "valid_precision")
        assert list(told) == [(WEEKLY, "state", "month")] * 3


def test_what_is_known_better_is_said_and_a_restore_takes_it_back(agent, swims):
    daily = fact(
        "Plans to swim daily.", valid=ValidTime(recurs="FREQ=DAILY"), aspect=Aspect.PLAN
    )
    agent.decide(Decision(Verdict.UPDATE, daily, swims.id))
    with agent.scope():
        swims.refresh_from_db()
    assert (swims.recurs, swims.aspect) == ("FREQ=DAILY", "plan")
    assert swims.valid_from == SUNDAYS.start
    back = restore_version(agent.access, swims.id, 1)
    assert (back.recurs, back.aspect, back.valid_precision) == (
        WEEKLY,
        "state",
        "month",
    )


@pytest.mark.parametrize(
    ("sent_at", "offset", "day"),
    [
        # Already the tenth for whoever wrote it, still the ninth for the project.
        (datetime(2026, 5, 10, 1, tzinfo=TOKYO), 540, "2026-05-09T15:00:00+00:00"),
        (datetime(2026, 5, 9, 16, tzinfo=UTC), None, "2026-05-09T00:00:00+00:00"),
    ],
)
def test_today_is_that_of_the_message(agent, sent_at, offset, day):
    message = ChatMessage("user", "I ran a marathon today.", sent_at=sent_at)
    agent.learn(message)
    with agent.scope():
        assert Message.objects.get().utc_offset == offset
        assert Memory.objects.get().valid_from.isoformat() == day


def test_a_model_reads_it_in_the_same_call(models, agent):
    agent.learn("I swim every Sunday.")
    with agent.scope():
        habit = Memory.objects.get()
    assert (habit.recurs, habit.aspect) == (WEEKLY, "state")


def test_an_erasure_takes_it_along(agent, swims):
    with agent.scope():
        erase_subject(agent.access.project_id, "user", "ann", Actor("system"))
    with agent.scope():
        head = Memory.objects.get(id=swims.id)
        version = MemoryVersion.objects.get(memory_id=swims.id)
    for row in (head, version):
        assert row.text is None
        assert (row.recurs, row.aspect, row.valid_from, row.valid_precision) == (
            (None,) * 4
        )
