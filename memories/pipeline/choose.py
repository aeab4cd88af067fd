"""Which engine processes an add: a project setting, ``local`` where no model is."""

from __future__ import annotations

from memories.pipeline.asking import Heartbeat, Record
from memories.pipeline.engines.additive import Additive
from memories.pipeline.engines.single_pass import SinglePass
from memories.pipeline.engines.two_phase import TwoPhase
from memories.pipeline.local.engine import LocalEngine
from memories.providers.base import Embedder
from memories.selectors.projects import ProjectSetup
from memories.types import Engine

MODEL_ENGINES = {engine.name: engine for engine in (SinglePass, TwoPhase, Additive)}


def build_engine(
    setup: ProjectSetup, embedder: Embedder, record: Record, heartbeat: Heartbeat
) -> Engine:
    """The engine of a project; it tells ``record`` of every request to a model."""
    if setup.engine == LocalEngine.name or setup.chat is None:
        return LocalEngine(embedder, heartbeat)
    return MODEL_ENGINES[setup.engine](setup.chat, setup.prompts, record, heartbeat)
