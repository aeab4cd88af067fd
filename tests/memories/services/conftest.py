"""A project on one engine, and an add that stands at the model while a test acts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from django.db import connections

from memories.services.configuration import change_settings
from tests.memories.agents import Agent
from tests.model_server import ModelServer

MODEL_ENGINES = ("single_pass", "two_phase", "additive")
ENGINES = (*MODEL_ENGINES, "local")


def use_engine(agent: Agent, name: str) -> None:
    with agent.scope():
        change_settings(agent.company.project, {"engine": name})


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, agent: Agent) -> str:
    """The name of the engine that the agent's project uses; each in turn."""
    if request.param in MODEL_ENGINES:
        request.getfixturevalue("models")
    use_engine(agent, request.param)
    return request.param


WhileAsked = Callable[..., object]


@pytest.fixture
def while_asked(committed_db, agent: Agent, models: ModelServer) -> WhileAsked:
    """``with while_asked(operation_id):`` the add runs and waits for its model.

    The model answers when the block is left; then the add has ended.
    """

    @contextmanager
    def opened(operation_id: UUID, path: str = "chat") -> Iterator[None]:
        asked = models.stats()[path]
        models.configure(hold=path)
        runner = threading.Thread(target=_run, args=(agent, operation_id))
        runner.start()
        try:
            _wait_for(lambda: models.stats()[path] > asked)
            yield
        finally:
            models.configure(hold="")
            runner.join(60)
        assert not runner.is_alive()

    return opened


def _run(agent: Agent, operation_id: UUID) -> None:
    try:
        agent.run(operation_id)
    finally:
        connections.close_all()


def _wait_for(condition: Callable[[], bool], within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "the model was never asked"
        time.sleep(0.01)
