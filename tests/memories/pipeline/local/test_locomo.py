"""Real conversations, read in place: honest rates, not a score.

LOCOMO is CC BY-NC 4.0 and stays outside the repository; absent, these tests skip.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dateutil import parser

from memories.pipeline.local.extract import Extraction, extract
from memories.pipeline.local.screening import QUESTION
from memories.types import ChatMessage, EngineOptions

LOCOMO = Path(__file__).parents[4].parent / "shared/data/locomo/locomo_open.json"

pytestmark = pytest.mark.skipif(
    not LOCOMO.exists(), reason="../shared is absent, and with it LOCOMO"
)

Session = tuple[list[ChatMessage], Extraction]


def read_sessions() -> Iterator[list[ChatMessage]]:
    for sample in json.loads(LOCOMO.read_text()):
        conversation = sample["conversation"]
        for key in filter(re.compile(r"session_\d+").fullmatch, conversation):
            told = conversation[f"{key}_date_time"].replace(" on ", " ")
            sent_at = parser.parse(told).replace(tzinfo=UTC)
            roles = {conversation["speaker_a"]: "user"}
            yield [
                ChatMessage(
                    roles.get(turn["speaker"], "assistant"),
                    turn["text"],
                    name=turn["speaker"],
                    sent_at=sent_at,
                )
                for turn in conversation[key]
            ]


@pytest.fixture(scope="module")
def sessions() -> list[Session]:
    return [
        (messages, extract(messages, EngineOptions(reference=messages[0].sent_at)))
        for messages in read_sessions()
    ]


def facts_of(sessions: list[Session]) -> list[str]:
    return [fact.text for _, extraction in sessions for fact in extraction.facts]


def test_no_fact_speaks_in_the_first_person(sessions):
    pattern = re.compile(r"\b(?:I|me|my|myself|we|us|our|ourselves)\b", re.IGNORECASE)
    bare = (re.sub(r'"[^"]*"', "", text) for text in facts_of(sessions))
    assert [text for text in bare if pattern.search(text)] == []


def test_facts_name_somebody(sessions):
    named = total = 0
    for messages, extraction in sessions:
        names = {message.name for message in messages}
        total += len(extraction.facts)
        named += sum(any(name in f.text for name in names) for f in extraction.facts)
    assert named / total > 0.9


def test_a_session_gives_a_sane_number_of_facts(sessions):
    counts = [len(extraction.facts) for _, extraction in sessions]
    assert all(counts)
    assert 8 <= sum(counts) / len(counts) <= 22
    turns = sum(len(messages) for messages, _ in sessions)
    assert 0.5 <= sum(counts) / turns <= 1


def test_every_message_has_an_outcome(sessions):
    for messages, extraction in sessions:
        seen = {n for fact in extraction.facts for n in fact.messages}
        seen |= {n for dropped in extraction.dropped for n in dropped.messages}
        seen |= {retraction.position for retraction in extraction.retractions}
        assert seen == set(range(len(messages)))


def test_questions_leave_no_fact(sessions):
    asked = dropped = 0
    for messages, extraction in sessions:
        asked += sum(len(re.findall(r"\?(?=\s|$)", m.content)) for m in messages)
        dropped += sum(item.reason == QUESTION for item in extraction.dropped)
    assert dropped / asked > 0.95
    assert not any(text.endswith("?") for text in facts_of(sessions))


RELATIVE = re.compile(
    r"\b(?:yesterday|tomorrow|last (?:week|month|year|night|friday|saturday|sunday|"
    r"weekend)|next (?:month|year)|\w+ (?:days|weeks|months|years) ago)\b",
    re.IGNORECASE,
)


def test_relative_dates_become_absolute(sessions):
    said = left = 0
    for messages, extraction in sessions:
        for fact in extraction.facts:
            said += bool(RELATIVE.search(messages[fact.messages[0]].content))
            left += bool(RELATIVE.search(fact.text))
    assert left / said < 0.15


def test_dated_facts_lie_near_their_session(sessions):
    """A day resolved from a relative phrase is at most weeks away."""
    near = total = 0
    for messages, extraction in sessions:
        today = messages[0].sent_at
        for fact in extraction.facts:
            if fact.valid.precision == "day":
                total += 1
                near += abs((fact.valid.start - today).days) <= 60
    assert total > 100
    assert near / total > 0.95


@pytest.mark.parametrize(
    ("fact", "start"),
    [
        # the questions of LOCOMO ask for these dates
        (
            "Caroline went to a LGBTQ support group on 7 May 2023",
            datetime(2023, 5, 7, tzinfo=UTC),
        ),
        ("Melanie painted that lake sunrise in 2022", datetime(2022, 1, 1, tzinfo=UTC)),
        (
            "Melanie ran a charity race for mental health on 20 May 2023",
            datetime(2023, 5, 20, tzinfo=UTC),
        ),
        (
            "Melanie and others are thinking about going camping in June 2023",
            datetime(2023, 6, 1, tzinfo=UTC),
        ),
    ],
)
def test_known_facts_are_found(sessions, fact, start):
    found = [f for _, e in sessions for f in e.facts if f.text.startswith(fact)]
    assert [f.valid.start for f in found] == [start]
