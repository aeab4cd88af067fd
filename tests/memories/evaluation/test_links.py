"""Which turns a memory stands for, as the ledgers of adds tell it."""

from __future__ import annotations

import pytest

from memories.evaluation.ingest import (
    MOST_TEXT_CHARS,
    batches_of,
    count_cut,
    links_of,
)
from memories.evaluation.types import Conversation, Dataset, Session, Turn


def ledger(ids, *facts):
    names = ("outcome", "memory_id", "target_id", "messages")
    return {
        "messages": [{"id": message_id} for message_id in ids],
        "facts": [dict(zip(names, fact, strict=True)) for fact in facts],
    }


@pytest.mark.parametrize("outcome", ["stored", "updated", "superseded", "confirmed"])
def test_a_memory_stands_for_the_turns_its_facts_rest_on(outcome):
    told = ledger(["m1", "m2"], (outcome, "A", None, ["m2"]))
    links = links_of([(told, ("t1", "t2"))])
    assert links.turns == {"A": {"t2"}}
    assert links.linked_turns == 1


def test_what_only_confirms_is_counted():
    first = ledger(["m1"], ("stored", "A", None, ["m1"]))
    again = ledger(["m2"], ("confirmed", "A", None, ["m2"]))
    links = links_of([(first, ("t1",)), (again, ("t2",))])
    assert (links.turns, links.confirmed) == ({"A": {"t1", "t2"}}, 1)


def test_a_merged_fact_counts_for_the_memory_that_is_shown():
    told = ledger(["m1"], ("merged", "hidden", "A", ["m1"]))
    assert links_of([(told, ("t1",))]).turns == {"A": {"t1"}}


@pytest.mark.parametrize("outcome", ["dropped", "refused", "retired", "quarantined"])
def test_what_was_not_learned_is_no_evidence(outcome):
    told = ledger(["m1"], (outcome, "A", None, ["m1"]))
    assert links_of([(told, ("t1",))]).turns == {}


def test_a_fact_may_rest_on_a_message_of_another_add():
    one = ledger(["m1"], ("stored", "A", None, ["m1", "m2"]))
    links = links_of([(one, ("t1",)), (ledger(["m2"]), ("t2",))])
    assert links.turns == {"A": {"t1", "t2"}}


def conversation(*sizes):
    """One session of turns of so many characters each."""
    turns = tuple(Turn(str(number), "x" * size) for number, size in enumerate(sizes))
    return Conversation("c", (Session("1", turns),), ())


@pytest.mark.parametrize(
    ("sizes", "batches"),
    [
        ([10] * 50, [50]),
        ([10] * 51, [50, 1]),
        ([20_000, 20_000], [1, 1]),
        ([100_000], [1]),  # never none: a long turn goes alone
        ([10, 100_000, 10], [1, 1, 1]),
    ],
)
def test_long_sessions_go_in_as_several_adds(sizes, batches):
    found = [len(batch.turns) for batch in batches_of(conversation(*sizes))]
    assert found == batches


def test_no_add_reaches_over_two_sessions():
    one, two = (Session(str(n), (Turn(str(n), "hello"),)) for n in range(2))
    found = list(batches_of(Conversation("c", (one, two), ())))
    assert [batch.session.id for batch in found] == ["0", "1"]


def test_turns_longer_than_the_api_takes_are_counted():
    turns = (Turn("t1", "x" * MOST_TEXT_CHARS), Turn("t2", "x" * (MOST_TEXT_CHARS + 1)))
    long = Conversation("c", (Session("s", turns),), ())
    assert count_cut(Dataset("custom", (long,))) == 1
