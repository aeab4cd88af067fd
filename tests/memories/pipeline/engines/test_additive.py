from __future__ import annotations

import json
from dataclasses import replace

import pytest

from memories.pipeline.engines.additive import Additive
from tests.memories.pipeline.conversations import (
    OPTIONS,
    Conversation,
    known,
    problems,
    says,
    verdicts,
)


@pytest.fixture
def talk(model_server) -> Conversation:
    return Conversation(Additive, model_server)


def row(**columns):
    plain = {
        "text": "User likes tea.", "from": [1], "who": "user", "cats": [],
        "start": None, "end": None, "conf": 0.9, "entities": [], "relations": [],
        "why": "said so", "supersedes": None, "duplicates": None, "quote": None,
    }  # fmt: skip
    return plain | columns


def test_a_conversation_is_decided_turn_by_turn(talk):
    first = talk.add("I live in Lisbon. I'm vegan.", says("Nice.", "assistant"))
    assert verdicts(first) == ["ADD", "ADD"]

    again = talk.add("You know, I live in Lisbon.")
    assert verdicts(again) == ["MERGE"]
    assert talk.target_text(again.decisions[0]) == "User lives in Lisbon."

    moved = talk.add("I moved to Berlin yesterday.")
    assert verdicts(moved) == ["DELETE"]
    assert moved.decisions[0].fact.text == "User moved to Berlin on 2024-05-07."
    assert talk.texts() == ["User is vegan.", "User moved to Berlin on 2024-05-07."]

    retracted = talk.add("Please forget that I am vegan.")
    assert verdicts(retracted) == ["DELETE"]
    assert retracted.decisions[0].fact is None
    assert [call.purpose for call in talk.calls] == ["additive_user"] * 4


def test_agent_memory_is_about_what_the_agent_says(talk):
    talk.options = replace(OPTIONS, subject="agent")
    result = talk.decide("I live in Rome.", says("I work in Rust.", "assistant"))
    assert [d.fact.text for d in result.decisions] == ["Agent works in Rust."]


@pytest.mark.parametrize(
    ("columns", "verdict", "problem"),
    [
        ({}, "ADD", None),
        ({"duplicates": 1}, "MERGE", None),
        ({"supersedes": 1}, "DELETE", None),
        ({"supersedes": 1, "duplicates": 1}, "DELETE", None),
        ({"supersedes": 3}, "DELETE", "names memory 3"),
        ({"duplicates": 3}, "MERGE", "names memory 3"),
        ({"supersedes": 2}, "DELETE", "immutable"),
        ({"duplicates": 2}, "MERGE", None),  # nothing changes about the memory
        ({"text": "", "supersedes": 1}, "DELETE", "quotes no sentence"),
        ({"text": ""}, "DELETE", "names no memory"),
    ],
)
def test_marks_become_decisions(talk, columns, verdict, problem):
    talk.memories = [
        known("User lives in Rome."),
        known("User is 40.", is_immutable=True),
    ]
    talk.server.reply(json.dumps({"facts": [row(**columns)]}))
    result = talk.decide("I like tea.")
    assert verdicts(result) == [verdict]
    found = problems(result)[0]
    assert found is None if problem is None else problem in found
