"""Vectors of queries, kept in Valkey for a few minutes (docs/adr/0520).

What an agent asks at the start of every turn it asks again and again. A key is a digest
keyed with the platform's secret, over tenant, space and words: nobody reads a query
from it, nor finds out what another tenant asked. Without Valkey the model is asked.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Sequence
from functools import cache
from typing import Any, cast
from uuid import UUID

import numpy as np
import redis
from django.conf import settings

from memories.providers.base import Embedder
from memories.retrieval.stages import stage
from memories.types import Vectors
from memplatform.lib.valkey import Cautious

TIMEOUT_S = 0.05
"""Of one exchange: there are two in a search at most."""
LARGEST = 60_000
"""What the largest component is stored as, and compared as
(``providers.vectors.as_direction``)."""

_valkey = Cautious("Query embeddings are not cached")


@stage("embed")
def embed_queries(
    tenant_id: UUID, space_id: UUID, embedder: Embedder, texts: Sequence[str]
) -> Vectors:
    """(n, dim) float32, unit norm, in order: from the cache, else from the embedder.

    Either way a search compares with the same vector. Raises ProviderError.
    """
    if not texts or not settings.QUERY_CACHE_S:
        return embedder.embed(texts)
    keys = [_key(tenant_id, space_id, text) for text in texts]
    kept = _read(keys, embedder.space.dimension)
    absent = [at for at, vector in enumerate(kept) if vector is None]
    if absent:
        fresh = embedder.embed([texts[at] for at in absent])
        for at, vector in zip(absent, fresh, strict=True):
            kept[at] = vector
        _keep(
            {
                keys[at]: _packed(vector)
                for at, vector in zip(absent, fresh, strict=True)
            }
        )
    return np.stack(cast(list[Vectors], kept))


def _key(tenant_id: UUID, space_id: UUID, text: str) -> str:
    secret = settings.SECRET_KEY.encode()
    asked = tenant_id.bytes + space_id.bytes + text.encode("utf-8", "surrogatepass")
    return f"query:{space_id}:{hmac.new(secret, asked, 'sha256').hexdigest()}"


def _read(keys: Sequence[str], dimension: int) -> list[Vectors | None]:
    """A vector for each key; None for what is not kept, or not as it should be."""
    stored: Any = _valkey.ask(lambda: _client(settings.BROKER_URL).mget(keys))
    return [_unpacked(value, dimension) for value in stored or [None] * len(keys)]


def _keep(packed: dict[str, bytes]) -> None:
    def set_all() -> None:
        pipeline = _client(settings.BROKER_URL).pipeline(transaction=False)
        for key, value in packed.items():
            pipeline.set(key, value, px=math.ceil(settings.QUERY_CACHE_S * 1000))
        pipeline.execute()

    _valkey.ask(set_all)


def _packed(vector: Vectors) -> bytes:
    """A direction in half precision, as pgvector rounds it: two bytes a dimension."""
    largest = float(np.abs(vector).max()) or 1.0
    return np.rint(vector * (LARGEST / largest)).astype("<f2").tobytes()


def _unpacked(value: bytes | None, dimension: int) -> Vectors | None:
    if value is None or len(value) != 2 * dimension:
        return None
    vector = np.frombuffer(value, dtype="<f2").astype(np.float32)
    norm = float(np.linalg.norm(vector))
    return vector / norm if math.isfinite(norm) and norm > 0 else None


@cache
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
    )
