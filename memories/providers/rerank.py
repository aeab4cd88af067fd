"""Rerankers behind an HTTP ``/rerank`` endpoint: Cohere's, Jina's, vLLM's, TEI's.

They ask the same in two ways. Cohere (docs.cohere.com/reference/rerank, v2), Jina
(api.jina.ai/v1) and vLLM take ``{model, query, documents}`` and answer ``{"results":
[{"index", "relevance_score"}]}``; Text Embeddings Inference takes ``{query, texts}``,
32 of them at a time, and answers ``[{"index", "score"}]``. Which one an endpoint
speaks it tells by refusing the other: a process remembers which, until it is refused.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memories.providers.base import Reranked
from memories.providers.openai import Caller, EndpointConfig, RerankFormat
from memories.providers.retry import Deadline
from memplatform.lib.errors import ProviderRejected, ProviderReplyInvalid

log = logging.getLogger(__name__)

TEXTS_AT_A_TIME = 32
"""TEI's ``--max-client-batch-size`` unless its owner raises it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankConfig(EndpointConfig):
    """Of a reranker nothing more is to be known."""


class HttpReranker:
    """A reranker at an endpoint (protocol Reranker). Thread-safe."""

    def __init__(self, config: RerankConfig) -> None:
        self.model = config.model
        self._config = config
        self._caller = Caller(config)

    def rerank(self, query: str, texts: Sequence[str]) -> Reranked:
        """A score for each text, in order; None where the endpoint gave none.

        Raises ProviderError subclasses; ProviderReplyInvalid for an answer that names
        no text of ours.
        """
        started = time.monotonic()
        scores, tokens = self._ask(query, texts, Deadline(self._config.deadline_s))
        latency_ms = (time.monotonic() - started) * 1000
        return Reranked(scores, self.model, latency_ms, prompt_tokens=tokens)

    def _ask(
        self, query: str, texts: Sequence[str], deadline: Deadline
    ) -> tuple[tuple[float | None, ...], int]:
        """The scores, and the tokens they took as far as the endpoint tells."""
        endpoint = self._caller.endpoint
        known = endpoint.rerank_format
        other = RerankFormat(1 - known)
        try:
            return self._ask_as(known, query, texts, deadline)
        except ProviderRejected as refusal:
            try:
                answer = self._ask_as(other, query, texts, deadline)
            except (ProviderRejected, ProviderReplyInvalid):
                raise refusal from None
            endpoint.rerank_format = other
            log.info("%s takes %s to rerank", self._config.base_url, other.name.lower())
            return answer

    def _ask_as(
        self,
        form: RerankFormat,
        query: str,
        texts: Sequence[str],
        deadline: Deadline,
    ) -> tuple[tuple[float | None, ...], int]:
        if form is RerankFormat.TEXTS:
            return self._ask_texts(query, texts, deadline), 0
        body = {"model": self.model, "query": query, "documents": list(texts)}
        payload = self._post(body, deadline)
        return _read_scores(payload, len(texts)), _tokens_of(payload)

    def _ask_texts(
        self, query: str, texts: Sequence[str], deadline: Deadline
    ) -> tuple[float | None, ...]:
        scores: list[float | None] = []
        for start in range(0, len(texts), TEXTS_AT_A_TIME):
            some = list(texts[start : start + TEXTS_AT_A_TIME])
            body = {"query": query, "texts": some, "truncate": True}
            scores += _read_scores(self._post(body, deadline), len(some))
        return tuple(scores)

    def _post(self, body: Mapping[str, Any], deadline: Deadline) -> Any:
        payload, _ = self._caller.call("/rerank", body, lambda reply: reply, deadline)
        return payload


def _read_scores(payload: Any, count: int) -> tuple[float | None, ...]:
    rows = payload
    if isinstance(payload, dict):
        rows = payload.get("results", payload.get("data"))
    scores: list[float | None] = [None] * count
    try:
        for row in rows:
            index, score = _read_row(row, count)
            if scores[index] is not None:
                raise ValueError("A text is scored twice.")
            scores[index] = score
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as exc:
        raise ProviderReplyInvalid("The scores could not be read.") from exc
    if count and all(score is None for score in scores):
        raise ProviderReplyInvalid("The endpoint scored none of the texts.")
    return tuple(scores)


def _read_row(row: Any, count: int) -> tuple[int, float]:
    """Numbers as JSON has them: True is none, nor is "0.9". Raises."""
    index, score = row["index"], row.get("relevance_score", row.get("score"))
    if type(index) is not int or not 0 <= index < count:
        raise ValueError("It names no text of ours.")
    if type(score) not in (int, float) or not math.isfinite(score):
        raise TypeError("The score is no number.")
    return index, float(score)


def _tokens_of(payload: Any) -> int:
    usage = payload.get("usage") if isinstance(payload, dict) else None
    tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
    return tokens if type(tokens) is int and tokens > 0 else 0
