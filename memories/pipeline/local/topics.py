"""Categories, wanted and unwanted topics, by similarity of embeddings.

Rules cannot obey instructions in prose; of a project's includes and excludes only the
topics they name count, and only as far as the embedder sees the likeness.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from memories.providers.base import Embedder
from memories.types import Vectors

# Measured on the labelled table in test_topics.py: right categories lie above 0.2,
# wrong ones mostly below.
CATEGORY_THRESHOLD = 0.22
CATEGORY_MARGIN = 0.06  # a second category counts when it is nearly as close
EXCLUDE_THRESHOLD = 0.35
INCLUDE_THRESHOLD = 0.2


def assign_categories(
    vectors: Vectors, categories: Mapping[str, str], embedder: Embedder
) -> list[tuple[str, ...]]:
    """For each row of ``vectors`` at most two category names, closest first."""
    if not categories or not len(vectors):
        return [()] * len(vectors)
    names = list(categories)
    texts = [_category_text(name, categories[name]) for name in names]
    scores = vectors @ embedder.embed(texts).T
    return [_closest(row.tolist(), names) for row in scores]


def _category_text(name: str, description: str) -> str:
    readable = re.sub(r"[_-]+", " ", name)
    return f"{readable}: {description}" if description else readable


def _closest(scores: Sequence[float], names: Sequence[str]) -> tuple[str, ...]:
    best = max(scores)
    floor = max(CATEGORY_THRESHOLD, best - CATEGORY_MARGIN)
    ranked = sorted(zip(scores, names, strict=True), reverse=True)
    return tuple(name for score, name in ranked[:2] if score >= floor)


def split_topics(text: str) -> list[str]:
    """ "Only travel plans, food preferences" → the topics named, without the verbs."""
    lines = re.split(r"[,;\n.]|\band\b|\bor\b", text)
    lead = re.compile(
        r"^\s*(?:[-*•]\s*)?(?:(?:please|only|do not|don't|never|always|exclude|include|"
        r"ignore|skip|store|remember|keep|save|extract|any|all|anything|everything|"
        r"about|information|details|facts|related to|regarding)\s+)*",
        re.IGNORECASE,
    )
    topics = (lead.sub("", line).strip() for line in lines)
    return [topic for topic in topics if topic]


def is_on_topic(
    vectors: Vectors, topics: str, threshold: float, embedder: Embedder
) -> list[bool]:
    """Whether each row of ``vectors`` is near one of the ``topics`` in the text."""
    named = split_topics(topics)
    if not named or not len(vectors):
        return [False] * len(vectors)
    closest = np.max(vectors @ embedder.embed(named).T, axis=1)
    return [bool(score >= threshold) for score in closest]
