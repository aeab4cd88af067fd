"""Categories, wanted and unwanted topics, by similarity of embeddings.

Rules cannot obey instructions in prose; of a project's includes and excludes only the
topics they name count, and only as far as the embedder sees the likeness.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from memories.providers.base import Embedder
from memories.types import SpaceKey, Vectors

Vector = NDArray[np.float32]

# A category is as near as its nearest term, and a little as near as all of it together.
# Measured on the labelled tables of test_topics.py; the first category is a right one
# for 50 of 58 sentences as people write them with the shipped catalogue (5 get a wrong
# one, 3 none), for 23 of 25 facts with another catalogue. With the whole text alone it
# was 39 of the 58 (8 wrong, 11 none); with the first person left in, 48.
WHOLE_SHARE = 0.3
CATEGORY_THRESHOLD = 0.2
CATEGORY_MARGIN = 0.03  # a second category counts when it is nearly as close
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
    scores = np.stack(
        [_nearness(vectors, name, categories[name], embedder) for name in names], axis=1
    )
    return [_closest(row.tolist(), names) for row in scores]


def _nearness(vectors: Vectors, name: str, about: str, embedder: Embedder) -> Vector:
    """(n,): how near each row is to a category and to the nearest of its terms."""
    whole, *terms = _embed_named(_category_texts(name, about), embedder) @ vectors.T
    nearest = np.max(terms or [whole], axis=0)
    return cast(Vector, WHOLE_SHARE * whole + (1 - WHOLE_SHARE) * nearest)


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


def _category_texts(name: str, description: str) -> list[str]:
    """All of a category in one text, then its terms: its name is the first of them."""
    readable = re.sub(r"[_-]+", " ", name)
    if not description:
        return [readable]
    terms = (term.strip() for term in re.split(r"[,;.\n]", description))
    return [f"{readable}: {description}", readable, *filter(None, terms)]


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
    named = re.sub(rf"\b(?:{names})(?:'s)?(?: and others)?\b\s*", "", fact)
    return _OF_ONESELF.sub("", named) or fact


_OF_ONESELF = re.compile(
    r"^(?:please )?(?:I am|I'm|I have|I've|I|my|we are|we're|we|our)\b\s*",
    re.IGNORECASE,
)


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
