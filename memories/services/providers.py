"""Try a provider before it serves: one small, real request, as the pipeline asks.

Opens no scope while the model is asked (invariant 5); nothing of the try is stored but
an audit entry, which names who sent what where.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from memories.models import EmbeddingSpace, ProviderConfig
from memories.providers.base import ChatRequest
from memories.providers.factory import (
    chat_for,
    configured_space,
    embedder_for,
    reranker_for,
)
from memplatform.lib.errors import PlatformError
from tenants.audit import SYSTEM, Actor, record_audit
from tenants.models import Project
from tenants.scopes import tenant_scope

DEADLINE_S = 15.0
"""Of all attempts together: somebody waits in front of a page."""
_SCHEMA = {
    "type": "object",
    "properties": {"ready": {"type": "boolean"}},
    "required": ["ready"],
    "additionalProperties": False,
}
_QUESTION = ChatRequest(
    system="You are asked whether you can answer in JSON. Answer nothing else.",
    user='Answer exactly {"ready": true}.',
    schema=_SCHEMA,
    schema_name="connection",
)
_TEXT = "The connection works."
_QUERY = "What is the capital of France?"
_OFF = "Bees live in hives."
_TO_THE_POINT = "The capital of France is Paris."


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it; ``told`` is a sentence for whoever tries.

    ``cost`` is by the provider's prices, None without any.
    """

    is_good: bool
    told: str
    latency_ms: float
    tokens: int | None = None
    cost: Decimal | None = None


def try_provider(
    project: Project, candidate: ProviderConfig, *, actor: Actor = SYSTEM
) -> Tried:
    """Ask an endpoint that need not be stored. Opens its own scope, after the answer.

    What fails is told, not raised.
    """
    tried = _timed(_ASK[ProviderConfig.Kind(candidate.kind)], candidate)
    told = {
        "kind": candidate.kind,
        "url": candidate.base_url,
        "model": candidate.model,
        "worked": tried.is_good,
    }
    with tenant_scope(project.tenant_id, project_id=project.id):
        record_audit("provider.test", project, actor=actor, changes=told)
    return tried


def _timed(ask: Callable[[ProviderConfig], Tried], candidate: ProviderConfig) -> Tried:
    started = time.monotonic()
    try:
        return ask(candidate)
    except PlatformError as error:
        latency_ms = (time.monotonic() - started) * 1000
        problems = " ".join(" ".join(told) for told in error.fields.values())
        told = problems or error.message
        return Tried(is_good=False, told=told, latency_ms=latency_ms)


def _ask_chat(candidate: ProviderConfig) -> Tried:
    candidate.options = {
        **candidate.options,
        "timeout_s": DEADLINE_S,
        "deadline_s": DEADLINE_S,
    }
    chat = chat_for(candidate)
    if chat is None:  # a bug: a candidate is an endpoint
        raise TypeError("A provider without an endpoint was tried.")
    reply = chat.complete(_QUESTION)
    is_good = _is_ready(reply.text)
    return Tried(
        is_good,
        "It answered in the JSON that engines need."
        if is_good
        else "It answered, but not in the JSON it was asked for: engines need that.",
        reply.latency_ms,
        reply.prompt_tokens + reply.completion_tokens,
        reply.cost,
    )


def _is_ready(text: str) -> bool:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and answer.get("ready") is True


def _ask_embedder(candidate: ProviderConfig) -> Tried:
    key = configured_space(candidate)
    space = EmbeddingSpace(
        tenant_id=candidate.tenant_id,
        project_id=candidate.project_id,
        provider=key.provider,
        model=key.model,
        dimension=key.dimension,
        base_url=candidate.base_url,
        api_key_encrypted=candidate.api_key_encrypted,
    )
    started = time.monotonic()
    embedder_for(space, deadline_s=DEADLINE_S).embed([_TEXT])
    latency_ms = (time.monotonic() - started) * 1000
    told = f"It answered with a vector of {key.dimension} dimensions."
    return Tried(is_good=True, told=told, latency_ms=latency_ms)


def _ask_reranker(candidate: ProviderConfig) -> Tried:
    reranker = reranker_for(candidate, deadline_s=DEADLINE_S)
    if reranker is None:  # a bug: a candidate is an endpoint
        raise TypeError("A provider without an endpoint was tried.")
    reply = reranker.rerank(_QUERY, [_OFF, _TO_THE_POINT])
    off, to_the_point = (score or 0.0 for score in reply.scores)
    is_good = to_the_point > off
    return Tried(
        is_good,
        "It put the better of two answers first."
        if is_good
        else "It answered, but put the worse of two answers first.",
        reply.latency_ms,
        reply.prompt_tokens or None,
        reply.cost,
    )


_ASK: dict[ProviderConfig.Kind, Callable[[ProviderConfig], Tried]] = {
    ProviderConfig.Kind.CHAT: _ask_chat,
    ProviderConfig.Kind.EMBEDDING: _ask_embedder,
    ProviderConfig.Kind.RERANK: _ask_reranker,
}
