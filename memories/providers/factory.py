"""Which model serves a project: its own endpoint, the platform's, or the local ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any

from django.conf import settings

from memories.models import EmbeddingSpace, ProviderConfig
from memories.providers.base import (
    Chat,
    ChatReply,
    ChatRequest,
    Embedder,
    Reranked,
    Reranker,
)
from memories.providers.local import LocalEmbedder
from memories.providers.secrets import decrypt
from memories.types import SpaceKey, Vectors
from tenants.scopes import forbid_open_scope

LOCAL = "local"
OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class GuardedChat:
    """A chat model that refuses to be asked inside a transaction (invariant 5).

    ``prices`` are those of one token of a prompt and of a completion.
    """

    inner: Chat
    prices: tuple[Decimal, Decimal] | None = None

    @property
    def provider(self) -> str:
        return self.inner.provider

    @property
    def model(self) -> str:
        return self.inner.model

    @property
    def context_tokens(self) -> int:
        return self.inner.context_tokens

    def complete(self, request: ChatRequest) -> ChatReply:
        forbid_open_scope()
        reply = self.inner.complete(request)
        if self.prices is None:
            return reply
        of_prompt, of_completion = self.prices
        cost = reply.prompt_tokens * of_prompt + reply.completion_tokens * of_completion
        return replace(reply, cost=cost)


@dataclass(frozen=True, slots=True)
class GuardedEmbedder:
    """An embedder that refuses to be asked inside a transaction (invariant 5)."""

    inner: Embedder

    @property
    def space(self) -> SpaceKey:
        return self.inner.space

    @property
    def max_tokens(self) -> int:
        return self.inner.max_tokens

    def embed(self, texts: Sequence[str]) -> Vectors:
        forbid_open_scope()
        return self.inner.embed(texts)


@dataclass(frozen=True, slots=True)
class GuardedReranker:
    """A reranker that refuses to be asked inside a transaction (invariant 5).

    ``price`` is that of one token it reads.
    """

    inner: Reranker
    price: Decimal | None = None

    @property
    def model(self) -> str:
        return self.inner.model

    def rerank(self, query: str, texts: Sequence[str]) -> Reranked:
        forbid_open_scope()
        reply = self.inner.rerank(query, texts)
        if self.price is None:
            return reply
        return replace(reply, cost=reply.prompt_tokens * self.price)


def has_chat(config: ProviderConfig | None) -> bool:
    """Whether a model is configured, for the project or the platform."""
    return bool(config or settings.LLM_BASE_URL or settings.LLM_API_KEY)


def sees_images(config: ProviderConfig | None) -> bool:
    """Whether the model that ``chat_for`` gives is said to see images."""
    if config is not None:
        return bool(config.options.get("vision"))
    return has_chat(None) and bool(settings.LLM_VISION)


def chat_for(
    config: ProviderConfig | None, *, deadline_s: float | None = None
) -> Chat | None:
    """The project's chat model, else the platform's; None means the rule engine.

    ``deadline_s`` bounds all attempts together; None is the worker's patience. Raises
    ProviderRejected when the project's key cannot be read.
    """
    if not has_chat(config):
        return None
    if config is None:
        return GuardedChat(_platform_chat(deadline_s))
    return GuardedChat(_project_chat(config, deadline_s), _prices(config))


def has_reranker(config: ProviderConfig | None) -> bool:
    """Whether an endpoint is configured, for the project or the platform."""
    return bool(config or settings.RERANK_BASE_URL)


def reranker_for(
    config: ProviderConfig | None, *, deadline_s: float
) -> Reranker | None:
    """The project's reranker, else the platform's; None where there is none.

    ``deadline_s`` bounds all attempts together. Raises ProviderRejected when the
    project's key cannot be read.
    """
    if not has_reranker(config):
        return None
    bounds = {"timeout_s": deadline_s, "deadline_s": deadline_s}
    if config is None:
        reranker = _http_reranker(
            base_url=settings.RERANK_BASE_URL,
            model=settings.RERANK_MODEL,
            api_key=settings.RERANK_API_KEY,
            **bounds,
        )
        return GuardedReranker(reranker)
    reranker = _http_reranker(
        base_url=config.base_url,
        model=config.model,
        api_key=decrypt(config.api_key_encrypted, settings.ENCRYPTION_KEYS),
        is_public_only=not settings.ALLOW_PRIVATE_PROVIDERS,
        **bounds,
    )
    return GuardedReranker(reranker, config.prompt_price)


def configured_space(config: ProviderConfig | None) -> SpaceKey:
    """The space that new projects, and projects without a space yet, embed into."""
    if config is not None:
        dimension = int(config.options.get("dimension", settings.EMBEDDING_DIMENSION))
        return SpaceKey("openai", config.model, dimension)
    if settings.EMBEDDING_BASE_URL or settings.EMBEDDING_API_KEY:
        return SpaceKey(
            "openai", settings.EMBEDDING_MODEL, settings.EMBEDDING_DIMENSION
        )
    return _local_embedder().space


def embedder_for(space: EmbeddingSpace, *, deadline_s: float | None = None) -> Embedder:
    """The embedder that made a space; blank addresses are the platform's.

    ``deadline_s`` bounds all attempts together; None is the worker's patience.
    """
    key = SpaceKey(space.provider, space.model, space.dimension)
    if key.provider == LOCAL or not space.base_url:
        return platform_embedder(key, deadline_s=deadline_s)
    embedder = _openai_embedder(
        base_url=space.base_url,
        model=space.model,
        api_key=decrypt(space.api_key_encrypted, settings.ENCRYPTION_KEYS),
        dimension=space.dimension,
        is_public_only=not settings.ALLOW_PRIVATE_PROVIDERS,
        **_patience(deadline_s),
    )
    return GuardedEmbedder(embedder)


def platform_embedder(
    space: SpaceKey | None = None, *, deadline_s: float | None = None
) -> Embedder:
    """At the platform's address, or here; None is what new projects embed into.

    ``deadline_s`` as for :func:`embedder_for`.
    """
    space = space or configured_space(None)
    if space.provider == LOCAL:
        return GuardedEmbedder(_local_embedder())
    embedder = _openai_embedder(
        base_url=settings.EMBEDDING_BASE_URL or OPENAI_URL,
        model=space.model,
        api_key=settings.EMBEDDING_API_KEY,
        dimension=space.dimension,
        is_public_only=False,
        **_patience(deadline_s),
    )
    return GuardedEmbedder(embedder)


def _patience(deadline_s: float | None) -> dict[str, Any]:
    return {
        "timeout_s": settings.EMBEDDING_TIMEOUT_S,
        "deadline_s": deadline_s or settings.EMBEDDING_TIMEOUT_S * 2,
        "concurrency": settings.LLM_CONCURRENCY,
    }


# Imported when first asked for: the package costs a process 0.7 s of CPU to load, and
# most of ours (beat, commands, an installation without a key) never call it.


def _openai_chat(**config: Any) -> Chat:
    from memories.providers.openai import ChatConfig, OpenAIChat

    return OpenAIChat(ChatConfig(**config))


def _openai_embedder(**config: Any) -> Embedder:
    from memories.providers.openai import EmbedderConfig, OpenAIEmbedder

    return OpenAIEmbedder(EmbedderConfig(**config))


def _http_reranker(**config: Any) -> Reranker:
    from memories.providers.rerank import HttpReranker, RerankConfig

    return HttpReranker(RerankConfig(max_attempts=2, **config))


@cache
def _local_embedder() -> LocalEmbedder:
    return LocalEmbedder()


def _prices(config: ProviderConfig) -> tuple[Decimal, Decimal] | None:
    prices = (config.prompt_price, config.completion_price)
    if prices == (None, None):
        return None
    return (prices[0] or Decimal(), prices[1] or Decimal())


def _platform_chat(deadline_s: float | None) -> Chat:
    return _openai_chat(
        base_url=settings.LLM_BASE_URL or OPENAI_URL,
        model=settings.LLM_MODEL,
        api_key=settings.LLM_API_KEY,
        timeout_s=deadline_s or settings.LLM_TIMEOUT_S,
        deadline_s=deadline_s or settings.LLM_DEADLINE_S,
        concurrency=settings.LLM_CONCURRENCY,
        context_tokens=settings.LLM_CONTEXT_TOKENS,
    )


def _project_chat(config: ProviderConfig, deadline_s: float | None) -> Chat:
    options: dict[str, float] = config.options
    return _openai_chat(
        base_url=config.base_url,
        model=config.model,
        api_key=decrypt(config.api_key_encrypted, settings.ENCRYPTION_KEYS),
        timeout_s=deadline_s or float(options.get("timeout_s", settings.LLM_TIMEOUT_S)),
        deadline_s=deadline_s
        or float(options.get("deadline_s", settings.LLM_DEADLINE_S)),
        concurrency=int(options.get("concurrency", settings.LLM_CONCURRENCY)),
        context_tokens=int(options.get("context_tokens", settings.LLM_CONTEXT_TOKENS)),
        is_public_only=not settings.ALLOW_PRIVATE_PROVIDERS,
    )
