"""Categories, wanted and unwanted topics, by similarity of embeddings.

Rules cannot obey instructions in prose; of a project's includes and excludes only the
topics they name count, and only as far as the embedder sees the likeness.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from memories.providers.base import Embedder
from memories.types import SpaceKey, Vectors

Vector = NDArray[np.float32]

# Measured on the labelled table in test_topics.py: of 25 facts against 15 categories
# 24 get only right ones. With the subject left in the text it was 16.
CATEGORY_THRESHOLD = 0.18
CATEGORY_MARGIN = 0.06  # a second category counts when it is nearly as close
TOPIC_THRESHOLD = 0.18

MAX_NAMED = 2_000
_named: dict[tuple[SpaceKey, str], Vector] = {}
"""Vectors of categories and topics: the same few come with every add of a project."""


def assign_categories(
    vectors: Vectors, categories: Mapping[str, str], embedder: Embedder
) -> list[tuple[str, ...]]:
    """For each row of ``vectors`` at most two category names, closest first."""
    if not categories or not len(vectors):
        return [()] * len(vectors)
    names = list(categories)
    texts = [_category_text(name, categories[name]) for name in names]
    scores = vectors @ _embed_named(texts, embedder).T
    return [_closest(row.tolist(), names) for row in scores]


def _embed_named(texts: Sequence[str], embedder: Embedder) -> Vectors:
    """(n, dim); each text is embedded once per process, as long as there is room."""
    keys = [(embedder.space, text) for text in texts]
    known = {key: vector for key in keys if (vector := _named.get(key)) is not None}
    missing = [key for key in dict.fromkeys(keys) if key not in known]
    if missing:
        found = embedder.embed([text for _, text in missing])
        known |= zip(missing, found, strict=True)
        if len(_named) + len(missing) > MAX_NAMED:
            _named.clear()
        _named.update((key, known[key]) for key in missing[:MAX_NAMED])
    return np.stack([known[key] for key in keys])


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


# A bare word is too little for the embedder: "health" is nearer to tea than to asthma.
_DESCRIPTIONS = {
    "health": "illness, allergies, medication, doctors, mental and physical health",
    "medical": "illness, allergies, medication, doctors, diagnoses",
    "financ": "money, salary, bank accounts, credit cards, debts, investments",
    "money": "salary, bank accounts, credit cards, debts, investments",
    "food": "eating and drinking, diet, meals, restaurants",
    "family": "relatives, partner, children",
    "work": "job, employer, colleagues, career",
    "travel": "trips, places visited, flights, hotels",
    "hobb": "leisure activities, sports, arts, games",
    "contact": "phone number, email, postal address",
    "religio": "faith, church, mosque, prayer",
    "politic": "elections, parties, government, votes",
}


def _described(topic: str) -> str:
    for stem, description in _DESCRIPTIONS.items():
        if stem in topic.lower():
            return f"{topic}: {description}"
    return topic


def topic_text(fact: str, speaker: str | None) -> str:
    """``fact`` without its subject, which says nothing about the topic."""
    names = "|".join(map(re.escape, filter(None, ("User", "Assistant", speaker))))
    return re.sub(rf"\b(?:{names})(?:'s)?(?: and others)?\b\s*", "", fact) or fact


def is_on_topic(vectors: Vectors, topics: str, embedder: Embedder) -> list[bool]:
    """Whether each row of ``vectors`` is near one of the ``topics`` in the text."""
    named = split_topics(topics)
    if not named or not len(vectors):
        return [False] * len(vectors)
    closest = np.max(
        vectors @ _embed_named([_described(topic) for topic in named], embedder).T,
        axis=1,
    )
    return [bool(score >= TOPIC_THRESHOLD) for score in closest]
