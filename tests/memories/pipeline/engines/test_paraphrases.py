"""One fact in ever new words stays one memory, whichever engine decides."""

from __future__ import annotations

import pytest

from memories.pipeline.engines.additive import Additive
from memories.pipeline.engines.single_pass import SinglePass
from memories.pipeline.engines.two_phase import TwoPhase
from tests.memories.pipeline.conversations import Conversation, verdicts


@pytest.mark.parametrize("engine_class", [SinglePass, TwoPhase, Additive])
def test_eight_paraphrases_are_one_memory(model_server, engine_class):
    model_server.configure(reword=True)
    talk = Conversation(engine_class, model_server)
    results = [talk.add("I live in Berlin.") for _ in range(8)]
    confirmed = "MERGE" if engine_class is Additive else "NONE"
    assert [verdicts(result) for result in results] == [["ADD"], *[[confirmed]] * 7]
    wordings = {result.decisions[0].fact.text for result in results}
    assert len(wordings) == 8
    assert len(talk.memories) == 1
