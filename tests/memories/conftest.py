"""An agent of acme, and the stand-in model server, clean for every test that asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from memories.providers.openai import registry
from tests.memories.agents import Agent
from tests.model_server import ModelServer


@pytest.fixture(scope="session")
def _running_model_server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def model_server(_running_model_server: ModelServer) -> Iterator[ModelServer]:
    """With default settings, no faults ordered, nothing counted or remembered."""
    _running_model_server.configure(reset=True)
    yield _running_model_server
    registry.close()


@pytest.fixture
def agent(acme) -> Agent:
    """Who adds and asks at acme, with the local models."""
    return Agent(acme)


@pytest.fixture
def other(globex) -> Agent:
    """The same at globex."""
    return Agent(globex)


@pytest.fixture
def models(settings, model_server) -> ModelServer:
    """The platform's model and embedder are the stand-in server."""
    settings.LLM_BASE_URL = settings.EMBEDDING_BASE_URL = model_server.base_url
    settings.LLM_MODEL = settings.EMBEDDING_MODEL = "stand-in"
    settings.EMBEDDING_DIMENSION = 64
    model_server.configure(dimension=64)
    settings.RETRY_BASE_S = 0.0
    return model_server
