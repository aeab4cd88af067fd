"""Whom a memory is about, where a question is about one person."""

from __future__ import annotations

from uuid import UUID

import pytest

from memories.retrieval.query import read_query
from memories.retrieval.rank import (
    CALIBRATIONS,
    Candidate,
    Ranking,
    Weights,
    explain,
    rank,
)
from memories.retrieval.whom import about_others
from memories.types import Aspect

FACTS = (
    "Alice lives in Hamburg.",
    "Alice is dating Jonas.",
    "Jonas lives in Hamburg.",
    "Anna from work lives in Porto.",
    "Alice's sister Anna lives in Bergen.",
    "Alice's dog Bruno lives in a kennel.",
    "Alice's boss is Marta.",
    "Tomas gave Alice a ring.",
    "Work is far from where she lives, and Alice likes work.",
    "Zoe lives in Oslo.",
    "User lives near User Street, and Jonas near Tomas.",
)
JONAS, FROM_WORK, SISTER = 2, 3, 4


def pool(*texts: str, aspect: Aspect | None = Aspect.STATE) -> list[Candidate]:
    return [
        Candidate(UUID(int=i), 0.5, text=text, aspect=aspect, speaker="Alice")
        for i, text in enumerate(texts)
    ]


def others(question: str, people=("Alice",), **details) -> set[int]:
    query = read_query(question, people)
    return {*about_others(pool(*FACTS, **details), query)}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Where does Alice live?", {JONAS, FROM_WORK, SISTER}),
        ("Where do I live?", {JONAS, FROM_WORK, SISTER}),
        # Somebody else is named, is asked for, or it is somebody of theirs.
        ("Does Alice know where Jonas lives?", {FROM_WORK, SISTER}),
        ("Who lives where Alice lives?", set()),
        ("Where does Alice's sister live?", set()),
        ("Where do I meet my sister?", set()),
        ("Where does Jonas live?", set()),
    ],
)
def test_what_is_about_others_than_the_question(question, expected):
    """A name is written with a capital within sentences, too: nobody else speaks of
    Zoe, and "work" is none."""
    assert others(question) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Where do I live?", {1, 2}),
        ("Where does she live?", {1, 2}),
        ("where is he living now", {1, 2}),
        # Somebody else may be meant.
        ("Where does her sister live?", set()),
        ("Has she met Jonas?", set()),
        ("Does Łucja know where she lives?", set()),
    ],
)
def test_of_whom_nobody_names_the_memory_is_meant(question, expected):
    """Support asks of its customer, and an agent of whom it talks with."""
    facts = (
        "User lives in Vaasa.",
        "Łucja lives in Lahti.",
        "User's sister Outi lives in Kemi.",
        "User dances with Łucja and Outi.",
    )
    assert {*about_others(pool(*facts), read_query(question))} == expected


def test_who_speaks_is_known_where_it_is_one():
    assert others("Where do I live?", people=()) == set()
    assert others("Where do I live?", people=("Alice", "Bob")) == set()


def test_turns_are_about_who_said_them():
    assert others("Where does Alice live?", aspect=None) == set()


def test_what_is_about_others_stands_back():
    alice, jonas = "Alice is dating Jonas.", "Jonas lives in Hamburg."
    candidates = pool(jonas, alice)
    query = read_query("Where does Alice live?", ("Alice",))
    how = Ranking(query, Weights(), CALIBRATIONS["local"], 0.0, 10, {})
    assert [place.memory_id.int for place in rank(candidates, how)] == [1, 0]
    assert [place.penalty for place in explain(candidates, how)] == [0.0, 0.6]
