"""The stand-in model server, started once, clean for every test that asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from memories.providers.openai import registry
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
