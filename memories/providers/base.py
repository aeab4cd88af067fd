"""The protocols behind which every model stands, and the rule on transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from memories.types import SpaceKey, Vectors


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request for a structured answer.

    ``schema`` is a JSON schema the reply must satisfy; None asks for plain text.
    ``images`` are data URIs, for a model that sees; they stand behind the user text.
    """

    system: str
    user: str
    schema: Mapping[str, Any] | None = None
    schema_name: str = "answer"
    images: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ChatReply:
    """The text of a reply, and what it took; ``attempts`` counts requests on the wire.

    ``cost`` is in the currency of the provider's prices; None where it has none.
    """

    text: str
    prompt_tokens: int
    completion_tokens: int
    latency_ms: float
    model: str
    attempts: int = 1
    cost: Decimal | None = None


class Chat(Protocol):
    """A chat model, and how many tokens its window holds."""

    @property
    def provider(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def context_tokens(self) -> int: ...

    def complete(self, request: ChatRequest) -> ChatReply:
        """Ask once, retrying transport faults within the total deadline.

        Raises ProviderError subclasses, and ScopeError inside a transaction.
        """
        ...


class Embedder(Protocol):
    """Texts to vectors of one embedding space; longer inputs are cut."""

    @property
    def space(self) -> SpaceKey: ...

    @property
    def max_tokens(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(n, dim) float32, unit norm, one row per text, in order. n may be 0.

        Raises ProviderError subclasses, and ScopeError inside a transaction.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reranked:
    """A score for each text of a request, in order; more is better, the scale is the
    model's own. None: it said nothing of that text.

    ``cost`` is in the currency of the provider's prices; None where it has none.
    """

    scores: tuple[float | None, ...]
    model: str
    latency_ms: float
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal | None = None


class Reranker(Protocol):
    """Reads a query and each text together, which a vector of each cannot."""

    @property
    def model(self) -> str: ...

    def rerank(self, query: str, texts: Sequence[str]) -> Reranked:
        """Scores of all texts, within the total deadline.

        Raises ProviderError subclasses, and ScopeError inside a transaction.
        """
        ...
