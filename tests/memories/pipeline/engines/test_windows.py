"""No call exceeds the model's window, whatever a project and its users write."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from memories.pipeline.engines.additive import Additive
from memories.pipeline.engines.single_pass import SinglePass
from memories.pipeline.engines.two_phase import TwoPhase
from memories.pipeline.prompting import ANSWER_TOKENS
from memories.providers.tokens import bound_tokens
from memories.types import EngineOptions
from memplatform.lib.errors import ProviderWindowTooSmall
from tests.memories.pipeline.conversations import (
    NOW,
    OPTIONS,
    Conversation,
    known,
    says,
)

FIELD = "word " * 2_000  # the 10,000 characters that a field may have
FULL = EngineOptions(
    reference=NOW,
    instructions=FIELD,
    agent_instructions=FIELD,
    includes=FIELD,
    excludes=FIELD,
    categories={f"c{n} ".ljust(100, "x"): "word " * 100 for n in range(100)},
)
ENGINES = (SinglePass, TwoPhase, Additive)


def busy_talk(engine_class, server, options, window) -> Conversation:
    """Hundreds of words and line ends in everything that a request may hold."""
    server.configure(keep_bodies=True)
    memories = [known(f"User keeps note {n}.\n\n" + "so " * 900) for n in range(9)]
    memories.insert(3, known("User wrote a book. " + "And so on. " * 5_000))
    return Conversation(
        engine_class,
        server,
        memories,
        options=options,
        chat_config={"context_tokens": window, "timeout_s": 120, "deadline_s": 300},
    )


def decide(talk: Conversation):
    name = "岩手県" * 33
    recent = tuple(says("before\n" * 500, name=name) for _ in range(30))
    said = [says(f"I like dish {n}.", name=name) for n in range(40)]
    return talk.decide(
        *said,
        "I like long stories. " * 1_000,
        summary="Ana\n" * 500,
        recent=recent,
        most_recent=30,
    )


def tokens_of(body) -> int:
    texts = [message["content"] for message in body["messages"]]
    schema = json.dumps(body["response_format"]["json_schema"]["schema"])
    return bound_tokens(schema) + sum(bound_tokens(text) for text in texts)


@pytest.mark.parametrize("engine_class", ENGINES)
@pytest.mark.parametrize(
    ("options", "window"), [(OPTIONS, 4_000), (OPTIONS, 8_192), (FULL, 64_000)]
)
def test_every_call_leaves_room_for_its_answer(
    model_server, engine_class, options, window
):
    talk = busy_talk(engine_class, model_server, options, window)
    assert len(decide(talk).decisions) >= 40
    bodies = model_server.stats()["bodies"]
    assert len(bodies) > 1
    answer = min(ANSWER_TOKENS, window // 4)
    assert max(map(tokens_of, bodies)) + answer <= window


@pytest.mark.parametrize("engine_class", ENGINES)
@pytest.mark.parametrize("fault", ["malformed", "wrong_schema"])
def test_a_correction_fits_too(model_server, engine_class, fault):
    talk = busy_talk(engine_class, model_server, OPTIONS, 8_192)
    model_server.order(fault, times=2)
    decide(talk)
    bodies = model_server.stats()["bodies"]
    assert "# CORRECTION" in bodies[1]["messages"][1]["content"]
    assert max(map(tokens_of, bodies)) + 8_192 // 4 <= 8_192


@pytest.mark.parametrize("engine_class", ENGINES)
@pytest.mark.parametrize("window", [8_192, 32_000])
def test_instructions_beyond_the_window_fail_before_any_call_and_say_what_to_do(
    model_server, engine_class, window
):
    talk = busy_talk(engine_class, model_server, FULL, window)
    with pytest.raises(ProviderWindowTooSmall, match="Shorten custom instructions"):
        decide(talk)
    assert model_server.stats()["chat"] == 0


def test_a_decision_shows_the_memories_that_fit(model_server):
    """A memory as long as a book hides no other behind it."""
    talk = busy_talk(TwoPhase, model_server, replace(OPTIONS, with_graph=False), 8_192)
    talk.decide("I like tea.")
    shown = talk.calls[1].request[1]["content"]
    assert "note 0" in shown and "note 1" in shown
    assert "wrote a book" not in shown
