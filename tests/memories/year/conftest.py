"""Alice's year, played through one engine after the other."""

from __future__ import annotations

import pytest

from tests.memories.agents import Agent
from tests.memories.services.conftest import MODEL_ENGINES, use_engine
from tests.memories.year.playing import Year
from tests.memories.year.story import script

ENGINES = (*MODEL_ENGINES, "local")


@pytest.fixture(params=ENGINES)
def year(request: pytest.FixtureRequest, agent: Agent) -> Year:
    """What an engine has learned in a year; vectors are the local ones for all."""
    if request.param in MODEL_ENGINES:
        request.getfixturevalue("chat_model")
    use_engine(agent, request.param)
    year = Year(agent, request.param)
    year.play()
    return year


@pytest.fixture
def chat_model(settings, model_server) -> None:
    """A good model, that has read the story."""
    settings.LLM_BASE_URL = model_server.base_url
    settings.LLM_MODEL = "stand-in"
    settings.RETRY_BASE_S = 0.0
    model_server.follow(script())
