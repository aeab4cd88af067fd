"""Memories that nobody uses are put aside after the project's days, and come back."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections

from memories.models import Memory, MemoryEvent, Operation
from memories.retrieval import journal
from memories.services.archiving import archive_unused
from memories.services.background import archive_what_is_unused
from memories.services.bring_back import NOT_GONE, bring_back
from memories.services.configuration import change_settings
from memories.types import Decision, Fact, State, ValidTime, Verdict
from memplatform.lib import clock
from tenants.models import AuditEntry
from tests.memories.agents import adds, decides


def archive_after(agent, days: int) -> None:
    with agent.scope():
        change_settings(agent.company.project, {"archive_unused_days": days})


def archive(agent) -> int:
    return archive_unused(agent.access.tenant_id, agent.access.project_id)


def archived(agent) -> list[str]:
    with agent.scope():
        rows = Memory.objects.filter(state=State.ARCHIVED).order_by("text")
        return list(rows.values_list("text", flat=True))


def search(agent, query: str) -> list[str]:
    """Whose uses are written, as they are half a second later."""
    found = agent.found(query, threshold=0)
    journal.flush()
    return found


@pytest.fixture
def thirty(agent, frozen):
    """Unused memories are archived after thirty days."""
    archive_after(agent, 30)
    return agent


def test_what_nobody_used_for_so_long_is_put_aside(thirty, frozen):
    thirty.keep("Ann sings.")
    frozen.advance(days=29)
    assert archive_what_is_unused() == 0
    frozen.advance(days=2)
    assert (archive_what_is_unused(), archive_what_is_unused()) == (1, 0)
    assert archived(thirty) == ["Ann sings."]
    assert thirty.texts() == [] == search(thirty, "Who sings?")


def test_unless_a_project_asks_nothing_is_archived(agent, frozen):
    agent.keep("Ann sings.")
    frozen.advance(days=5000)
    assert archive_what_is_unused() == 0


def test_what_was_found_said_again_merged_into_or_changed_stays(thirty, frozen):
    texts = ("Ann sings.", "Bees need water.", "Rome is hot.", "Cats sleep.", "Old.")
    ids = {text: thirty.keep(text) for text in texts}
    frozen.advance(days=20)
    thirty.search("Ann sings.", {"user_id": "ann"}, top_k=1, threshold=0)
    journal.flush()
    heads = {head.text: head for head in thirty.heads()}
    thirty.decide(decides(Verdict.NONE, "Bees do.", heads["Bees need water."]))
    thirty.decide(decides(Verdict.MERGE, "It is hot in Rome.", heads["Rome is hot."]))
    thirty.edit(ids["Cats sleep."], metadata={"sure": True})
    frozen.advance(days=15)
    assert archive(thirty) == 1
    assert archived(thirty) == ["Old."]
    frozen.advance(days=30)
    assert archive(thirty) == 4


def test_it_waits_until_uses_have_been_counted_for_as_long(agent, frozen):
    agent.keep("Ann sings.")
    frozen.advance(days=100)
    search(agent, "Who sings?")  # before anybody counts
    archive_after(agent, 30)
    assert archive(agent) == 0
    frozen.advance(days=10)
    search(agent, "Who sings?")
    frozen.advance(days=21)
    assert archive(agent) == 0  # 31 days counted, found 21 days ago
    frozen.advance(days=10)
    assert archive(agent) == 1


def test_switched_off_and_on_again_counting_begins_anew(thirty, frozen):
    thirty.keep("Ann sings.")
    frozen.advance(days=29)
    archive_after(thirty, 0)
    archive_after(thirty, 30)
    frozen.advance(days=29)
    assert archive(thirty) == 0


def test_more_days_do_not_lose_what_was_counted(thirty, frozen):
    thirty.keep("Ann sings.")
    frozen.advance(days=29)
    archive_after(thirty, 40)
    frozen.advance(days=12)
    assert archive(thirty) == 1


def test_immutable_ones_those_with_a_day_of_their_own_and_plans_stay(thirty, frozen):
    day = (clock.now() + timedelta(days=400)).date()
    thirty.keep("Ann is allergic to nuts.", is_immutable=True)
    thirty.keep("Ann is in Rome until then.", expires_on=day)
    later = ValidTime(start=clock.now() + timedelta(days=365))
    thirty.decide(Decision(Verdict.ADD, Fact("Ann retires.", (0,), valid=later)))
    frozen.advance(days=100)
    assert archive(thirty) == 0


def test_each_project_has_its_own_days(thirty, other, frozen):
    for who in (thirty, other):
        who.keep("Ann sings.")
    frozen.advance(days=31)
    assert archive_what_is_unused() == 1
    assert (archived(thirty), archived(other)) == (["Ann sings."], [])


def test_it_says_why_and_is_audited(thirty, frozen):
    memory_id = thirty.keep("Ann sings.")
    frozen.advance(days=31)
    archive(thirty)
    last = thirty.history(memory_id)[-1]
    assert (last.kind, last.actor_kind) == ("ARCHIVE", "system")
    assert last.reason == "not found, said again or changed for 30 days"
    with thirty.scope():
        operation = Operation.objects.get(kind="ARCHIVE")
        assert [row["id"] for row in operation.results] == [str(memory_id)]
        entry = AuditEntry.objects.get(action="memory.archive")
    assert (entry.object_id, entry.changes["archived"]) == (
        str(operation.id),
        [None, 1],
    )
    assert last.operation_id == operation.id


def test_it_is_brought_back_as_it_was_and_stays_for_another_while(thirty, frozen):
    memory_id = thirty.keep("Ann sings.")
    frozen.advance(days=31)
    archive(thirty)
    assert bring_back(thirty.access, [memory_id]) == {memory_id: ""}
    assert thirty.texts() == ["Ann sings."] == search(thirty, "Who sings?")
    frozen.advance(days=29)
    assert archive(thirty) == 0
    assert bring_back(thirty.access, [memory_id]) == {memory_id: NOT_GONE}


def test_deleted_in_the_archive_it_comes_back_into_the_archive(thirty, frozen):
    memory_id = thirty.keep("Ann sings.")
    frozen.advance(days=31)
    archive(thirty)
    thirty.delete(memory_id)
    bring_back(thirty.access, [memory_id])
    assert archived(thirty) == ["Ann sings."]
    bring_back(thirty.access, [memory_id])
    assert thirty.texts() == ["Ann sings."]


def test_its_words_said_by_another_by_now_it_stays_where_it_is(thirty, frozen):
    memory_id = thirty.keep("Ann sings.")
    frozen.advance(days=31)
    archive(thirty)
    twin = thirty.keep("Ann sings.")
    assert str(twin) in bring_back(thirty.access, [memory_id])[memory_id]


def test_as_of_a_day_before_it_is_there(thirty, frozen):
    thirty.keep("Ann sings.")
    then = clock.now() + timedelta(days=1)
    frozen.advance(days=31)
    archive(thirty)
    assert thirty.texts(as_of=then) == ["Ann sings."]


def test_two_beats_at_once_archive_each_memory_once(committed_db, agent, frozen):
    archive_after(agent, 30)
    for n in range(10):
        agent.keep(f"Ann has {n} cats.", user_id=f"ann{n % 3}")
    frozen.advance(days=31)
    later = clock.now()

    def beat() -> None:
        try:
            with clock.frozen(later):
                archive_what_is_unused()
        finally:
            connections.close_all()

    beats = [threading.Thread(target=beat) for _ in range(2)]
    for thread in beats:
        thread.start()
    for thread in beats:
        thread.join(60)
    with agent.scope():
        assert Memory.objects.filter(state=State.ARCHIVED).count() == 10
        assert MemoryEvent.objects.filter(kind="ARCHIVE").count() == 10


def test_a_long_list_goes_in_batches(thirty, frozen, monkeypatch):
    monkeypatch.setattr("memories.services.archiving.CHUNK", 2)
    thirty.decide(*(adds(f"Ann has {n} cats.") for n in range(5)))
    frozen.advance(days=31)
    assert archive(thirty) == 5
    with thirty.scope():
        assert Operation.objects.filter(kind="ARCHIVE").count() == 3
