"""Texts to the vectors the store keeps: chunked, in every space that is written to."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate, pairwise
from uuid import UUID

import numpy as np
import psycopg
from pgvector import HalfVector
from pgvector.psycopg.halfvec import HalfVectorBinaryDumper, HalfVectorDumper

from memories.providers.base import Embedder
from memories.types import Vectors
from memplatform.lib import logs
from memplatform.lib.errors import ProviderError

log = logs.get(__name__)

# Conservative for Latin scripts and safe for others: embedders count about 4
# characters of English to a token; what overflows is cut by the provider, not refused.
CHARS_PER_TOKEN = 3
_BREAK = re.compile(r"(?<=[.!?。！？\n])\s+")

SpaceVectors = Mapping[UUID, Vectors]
"""By embedding space: (chunks, dim) of one text."""


def embed_in_spaces(
    embedders: Mapping[UUID, Embedder],
    texts: Sequence[str],
    *,
    building: Collection[UUID] = (),
) -> list[SpaceVectors]:
    """For each text its chunk vectors in each space; one call per space.

    A building space whose embedder fails is left out: nobody reads it yet, and its
    re-embedding fills what it lacks. Raises ProviderError. Never inside a transaction.
    """
    answers: list[dict[UUID, Vectors]] = [{} for _ in texts]
    if not texts:
        return []
    for space_id, embedder in embedders.items():
        try:
            vectors = _embed_chunks(embedder, texts)
        except ProviderError as exc:
            if space_id not in building:
                raise
            log.warning("building space left out", extra={"code": exc.code})
            continue
        for answer, chunks in zip(answers, vectors, strict=True):
            answer[space_id] = chunks
    return list(answers)


def _embed_chunks(embedder: Embedder, texts: Sequence[str]) -> list[Vectors]:
    """(chunks, dim) of each text, from one call."""
    pieces = [split_text(text, embedder.max_tokens) for text in texts]
    vectors = embedder.embed([piece for parts in pieces for piece in parts])
    bounds = accumulate((len(parts) for parts in pieces), initial=0)
    return [vectors[start:end] for start, end in pairwise(bounds)]


def head_of(text: str, max_tokens: int) -> str:
    """As much of a text as one input of an embedder may hold."""
    return text[: max_tokens * CHARS_PER_TOKEN]


def split_text(text: str, max_tokens: int) -> list[str]:
    """Chunks that fit the embedder, cut at sentences where there are any."""
    limit = max_tokens * CHARS_PER_TOKEN
    if len(text) <= limit:
        return [text]
    chunks: list[str] = [""]
    for sentence in _BREAK.split(text):
        for part in _hard_wrap(sentence, limit):
            joined = f"{chunks[-1]} {part}".strip()
            if len(joined) <= limit:
                chunks[-1] = joined
            else:
                chunks.append(part)
    return [chunk for chunk in chunks if chunk.strip()] or [text[:limit]]


def _hard_wrap(sentence: str, limit: int) -> list[str]:
    return [sentence[at : at + limit] for at in range(0, len(sentence), limit)]


def as_literal(vector: Vectors) -> str:
    """A vector as pgvector reads it; five digits outlast half precision's three."""
    return "[" + ",".join([f"{value:.5g}" for value in vector.tolist()]) + "]"


class Direction(HalfVector):
    """A vector to compare by cosine, which asks for its direction only: whole numbers.

    They are closer than the vector in half precision would be: the largest component
    becomes 60,000, just under halfvec's 65,504. Sent in binary where PostgreSQL binds
    values itself (:func:`adapt_directions`), else as a text shorter than that of
    fractions.
    """

    def to_text(self) -> str:
        return str(self.to_numpy().astype(np.int32).tolist())


def as_direction(vector: Vectors) -> Direction:
    """For a place that says ``::halfvec``, as PostgreSQL is told no type."""
    largest = float(np.abs(vector).max()) or 1.0
    return Direction(np.rint(vector * (60_000 / largest)))


def adapt_directions() -> None:
    """Have psycopg send them; before the first connection is made."""
    for dumper in (HalfVectorDumper, HalfVectorBinaryDumper):
        psycopg.adapters.register_dumper(Direction, dumper)
