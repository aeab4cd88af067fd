"""Which patterns are new, grown or known already; and what a model's reply holds."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from memories.pipeline.patterns import MAX_CHARS, _pattern, settle
from memories.types import KnownMemory, KnownPattern, ProposedPattern

AT = datetime(2026, 3, 1, tzinfo=UTC)
MEMORIES = [KnownMemory(UUID(int=n), f"Memory {n}.", AT) for n in range(10)]
KNOWN = UUID(int=99)


def proposed(*numbers: int, text: str = "Comes back to it.") -> ProposedPattern:
    return ProposedPattern(text, tuple(MEMORIES[n] for n in numbers))


def known(*numbers: int, **state: bool) -> KnownPattern:
    return KnownPattern(KNOWN, frozenset(MEMORIES[n].id for n in numbers), **state)


@pytest.mark.parametrize(
    ("new", "older", "target"),
    [
        # nothing like it is known
        ((0, 1, 2), known(5, 6, 7), None),
        # it shares less than half of the older one's memories
        ((0, 1, 2), known(0, 5, 6), None),
        # the older one has grown
        ((0, 1, 2, 3), known(0, 1, 2), KNOWN),
        ((0, 1, 3, 4), known(0, 1, 2), KNOWN),
        # what is left of one that is doubted
        ((0, 1, 2), known(0, 1, 2, 3, is_doubted=True), KNOWN),
        ((0, 1, 2), known(0, 1, 2, is_doubted=True), KNOWN),
    ],
)
def test_a_pattern_is_new_or_changes_the_one_it_grew_from(new, older, target):
    (one,) = settle([proposed(*new)], [older])
    assert one.target == target


@pytest.mark.parametrize(
    ("new", "older"),
    [
        ((0, 1, 2), known(0, 1, 2)),
        ((0, 1, 2), known(0, 1, 2, 3)),
        # somebody has deleted it, or holds it fixed
        ((0, 1, 2), known(0, 1, 2, is_current=False)),
        ((0, 1, 2, 3), known(0, 1, 2, is_current=False)),
        ((0, 1, 2), known(0, 1, 2, is_current=False, is_doubted=True)),
    ],
)
def test_what_is_known_is_not_written_again(new, older):
    assert settle([proposed(*new)], [older]) == []


def test_of_two_that_grew_from_one_the_first_changes_it():
    both = [proposed(0, 1, 2, 3), proposed(0, 1, 2, 4)]
    (one,) = settle(both, [known(0, 1, 2)])
    assert one.pattern == both[0]


def test_what_is_settled_is_known_the_next_time():
    one = proposed(0, 1, 2)
    (first,) = settle([one], [])
    then = KnownPattern(KNOWN, first.pattern.source_ids)
    assert settle([one], [then]) == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Too few.", [1, 2]),
        ("Numbers that were never shown.", [1, 2, 30]),
        ("The same one again.", [1, 1, 2]),
        ("  ", [1, 2, 3]),
        ("x" * (MAX_CHARS + 1), [1, 2, 3]),
    ],
)
def test_a_reply_that_rests_on_too_little_is_no_pattern(text, numbers):
    assert _pattern(text, numbers, MEMORIES) is None


def test_a_reply_names_the_memories_it_rests_on():
    found = _pattern(" Runs a lot. ", [3, 1, 2, 2], MEMORIES)
    assert found and (found.text, found.sources) == (
        "Runs a lot.",
        tuple(MEMORIES[:3]),
    )
