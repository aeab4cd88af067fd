"""Patterns by rules: words and categories that come back on several days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from memories.pipeline.local.patterns import find_by_rules
from memories.types import KnownMemory, ValidTime

MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)  # a Sunday


def said(*texts: str, every: int = 2, **details) -> list[KnownMemory]:
    """The newest first; one every two days since March."""
    told = [
        KnownMemory(UUID(int=n), text, MARCH + timedelta(days=every * n), **details)
        for n, text in enumerate(texts)
    ]
    return told[::-1]


def texts(memories: list[KnownMemory], timezone: str = "UTC") -> list[str]:
    return [pattern.text for pattern in find_by_rules(memories, timezone)]


RUNS = [f"Ann went running in {place}." for place in ("Rome", "Oslo", "Bern", "Nice")]


def test_a_word_that_comes_back_on_several_days_is_a_pattern():
    (pattern,) = find_by_rules(said(*RUNS), "UTC")
    assert pattern.text == "Mentions running on 4 days since March 2026"
    assert len(pattern.sources) == 4
    assert pattern.reason == (
        'by rules, no model was asked: 4 memories share the word "running"'
    )


def test_forms_of_a_word_are_one_and_the_commonest_names_it():
    told = said("Ann bakes bread.", "Ann baked a cake.", "Ann bakes for Tom.")
    assert texts(told) == ["Mentions bakes on 3 days since March 2026"]


def test_always_on_the_same_day_of_the_week_is_told():
    told = said(*RUNS, every=7)
    assert texts(told) == [
        "Mentions running on 4 days since March 2026, always a Sunday"
    ]


def test_often_on_one_day_is_no_pattern():
    assert texts(said(*RUNS, every=0)) == []


def test_the_day_it_tells_of_counts_not_the_day_it_was_said():
    valid = ValidTime(start=MARCH)
    assert texts(said(*RUNS, valid=valid)) == []


def test_days_are_those_of_the_projects_timezone():
    late = [
        KnownMemory(UUID(int=n), text, datetime(2026, 3, 1 + n, 23, 30, tzinfo=UTC))
        for n, text in enumerate(RUNS[:3])
    ]
    late[2] = KnownMemory(UUID(int=2), RUNS[2], datetime(2026, 3, 3, 0, 30, tzinfo=UTC))
    assert texts(late) == ["Mentions running on 3 days since March 2026"]
    # In Tokyo the last two are of the same day.
    assert texts(late, "Asia/Tokyo") == []


def test_whom_memories_are_about_is_no_pattern():
    assert texts(said("Ann sings.", "Ann swims.", "Ann has cats.", "Ann is 40.")) == []


def test_a_category_of_which_there_is_much_is_one_where_no_word_tells_it():
    told = said(
        *("Ann swims.", "Ann likes chess.", "Ann skis.", "Ann rows.", "Ann boxes."),
        categories=("sports",),
    )
    assert texts(told) == ["5 memories about sports, on 5 days since March 2026"]


def test_groups_of_the_same_memories_are_told_once():
    told = said(*(f"Ann drinks green tea with {who}." for who in ("Tom", "Bea", "Cem")))
    assert len(texts(told)) == 1


def test_asked_again_it_finds_the_same():
    told = said(*RUNS, "Ann bakes.", "Ann baked bread.", "Ann bakes cakes.")
    assert find_by_rules(told, "UTC") == find_by_rules(told, "UTC")
    assert len(texts(told)) == 2


def test_nothing_is_found_in_nothing():
    assert texts([]) == []
