"""Questions that ask which of several, or when: as the rule engine remembers a life,
among other things that were said."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
BESIDE = [
    "I like my coffee black.",
    "My favourite colour is green.",
    "The garden looks lovely this year.",
    "I met Tom at the station on Monday.",
    "My laptop broke last week.",
    "I am learning the cello.",
    "I started a pottery course in January 2025.",
    "I had dinner with Clara yesterday.",
    "We watched a film about penguins.",
]
VISITS = [
    "I visited Rome in May 2019.",
    "I visited Oslo in June 2021.",
    "I visited Riga in March 2024.",
]
RACES = [
    "I ran the Berlin marathon on 16 September 2018.",
    "I ran the Valencia marathon on 1 December 2024.",
    "I ran the Vienna marathon in April 2022.",
]
JOBS = [
    "I worked at Siemens from 2010 to 2015.",
    "I worked at Bosch from 2015 to 2020.",
    "I work at BMW.",
]
HOMES = [
    "I lived in Munich from 2012 to 2014.",
    "I lived in Riga from 2014 to 2018.",
    "I lived in Rome from 2018 to 2021.",
]
PETS = [
    "I adopted a cat named Miso in 2017.",
    "I adopted a dog named Rex in 2020.",
]
MOVE = {
    "2025-01-10": "I live in Lisbon.",
    "2025-03-10": "I visited Paris with my sister for a week.",
    "2025-06-01": "I moved to Berlin on 1 June 2025.",
    "2025-09-01": "I met the neighbours who live next door.",
}
DIARY = {
    "2024-01-12": "I repaired the old radio.",
    "2024-03-14": "I signed up for the choir.",
    "2024-05-18": "I painted the fence white.",
    "2024-06-07": "I lost my umbrella on the tram.",
    "2024-09-09": "I baked rye bread for the first time.",
    "2024-10-30": "I adopted a grey cat.",
}


def tell(agent, facts) -> None:
    """All of it within three weeks, in an order that says nothing."""
    said = [*facts, *BESIDE]
    random.Random(1).shuffle(said)
    for days, text in enumerate(said):
        agent.learn(text, created_at=NOW - timedelta(days=20 - days))


def keep_diary(agent, pages, *, word_for_word: bool = False) -> None:
    for day, text in pages.items():
        said_at = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        add = agent.say if word_for_word else agent.learn
        add(text, created_at=said_at)


@pytest.mark.parametrize(
    ("facts", "question", "answer"),
    [
        (VISITS, "Which city did I visit most recently?", "Riga"),
        (VISITS, "What was the last city I visited?", "Riga"),
        (VISITS, "Which city did I visit first?", "Rome"),
        (RACES, "Which marathon did I run first?", "Berlin"),
        (RACES, "What was the last marathon I ran?", "Valencia"),
        (JOBS, "Where did I work first?", "Siemens"),
        (JOBS, "Where did I work before Bosch?", "Siemens"),
        (JOBS, "Where did I work after Siemens?", "Bosch"),
        (JOBS, "Where did I work before BMW?", "Bosch"),
        (HOMES, "Where did I live before Riga?", "Munich"),
        (HOMES, "Where did I live after Riga?", "Rome"),
        (HOMES, "Where did I live before Rome?", "Riga"),
        (PETS, "Which pet did I adopt first?", "Miso"),
        (PETS, "Which pet did I adopt last?", "Rex"),
    ],
)
def test_of_several_it_is_the_one_in_that_place(agent, facts, question, answer):
    tell(agent, facts)
    assert answer in agent.found(question, reference=NOW)[0]


@pytest.mark.parametrize(
    "question",
    [
        "Where did I live before I moved?",
        "Where did I live before moving?",
        "Where did I live until I moved?",
        "Where did I live as of March 2025?",
        "Where did I live in April 2025?",
        "Where did I live in 2024?",
    ],
)
def test_what_was_so_then_answers_and_passes_the_threshold(agent, question):
    keep_diary(agent, MOVE)
    asked = {"reference": datetime(2026, 3, 2, 12, tzinfo=UTC), "threshold": 0.3}
    assert "Lisbon" in agent.found(question, **asked)[0]
    assert "Berlin" in agent.found("Where do I live?", **asked)[0]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What did I do in March 2024?", "choir"),
        ("What happened in May 2024?", "fence"),
        ("What did I do last week?", "cat"),
        ("What was going on in September 2024?", "rye"),
        ("What did I do on 7 June 2024?", "umbrella"),
    ],
)
@pytest.mark.parametrize("word_for_word", [False, True])
def test_who_asks_only_for_a_time_gets_what_is_of_it(
    agent, question, answer, word_for_word
):
    keep_diary(agent, DIARY, word_for_word=word_for_word)
    asked_at = datetime(2024, 11, 5, 12, tzinfo=UTC)
    found = agent.found(question, reference=asked_at, threshold=0.3)
    assert answer in found[0]


@pytest.mark.parametrize("seen", [{"latest_only": True}, {"filters": "valid_at"}])
def test_what_is_left_out_still_lends_its_successor_what_it_says(agent, seen):
    """ "I moved to Berlin" alone says little of where she lives."""
    keep_diary(agent, MOVE)
    at = {"valid_at": "2026-03-01T00:00:00Z"}
    if seen.get("filters"):
        seen = {"filters": {"AND": [{"user_id": "ann"}, at]}}
    asked = {"reference": datetime(2026, 3, 2, 12, tzinfo=UTC), "threshold": 0.3}
    found = agent.found("Where do I live?", **seen, **asked)
    assert found == ["User moved to Berlin on 1 June 2025"]
