"""Vectors of queries in Valkey: the same answers, no words, no way to another's."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from contextlib import closing

import numpy as np
import pytest
import redis

from memories.providers.vectors import as_direction
from memories.retrieval import query_cache
from memories.retrieval.query_cache import embed_queries
from memories.types import SpaceKey, Vectors
from memplatform.lib.errors import ProviderUnavailable
from memplatform.lib.ids import new_id
from memplatform.lib.valkey import Cautious
from tests.model_vectors import embed_text

DIMENSION = 64
TENANT = new_id()
BEES = "Who keeps bees?"


class Embedder:
    """Counts what it is asked."""

    space = SpaceKey("openai", "stand-in", DIMENSION)
    max_tokens = 100

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.space_id = new_id()

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        if "fail" in texts:
            raise ProviderUnavailable
        return np.stack([embed_text(text, DIMENSION) for text in texts])


@pytest.fixture
def embedder() -> Embedder:
    return Embedder()


@pytest.fixture(autouse=True)
def no_memory_of_outages(monkeypatch):
    monkeypatch.setattr(query_cache, "_valkey", Cautious("Not cached"))


def ask(embedder, *texts, tenant=TENANT, space=None) -> Vectors:
    space_id = space or embedder.space_id
    return embed_queries(tenant, space_id, embedder, texts or (BEES,))


def kept(valkey, embedder) -> tuple[redis.Redis, bytes]:
    """The client and the one key that there is of this embedder's space."""
    client = redis.Redis.from_url(valkey)
    (key,) = client.keys(f"query:{embedder.space_id}:*")
    return client, key


def test_what_was_asked_is_not_embedded_again(valkey, embedder):
    for _ in range(3):
        ask(embedder)
    assert embedder.asked == [BEES]


def test_a_kept_vector_is_compared_as_the_first_was(valkey, embedder):
    """The components that the database compares are the same, to the last bit."""
    rng = np.random.default_rng(7)
    texts = [f"question {rng.integers(1e9)}" for _ in range(200)]
    first, again = ask(embedder, *texts), ask(embedder, *texts)
    assert len(embedder.asked) == len(texts)
    for one, other in zip(first, again, strict=True):
        assert halves(one).tolist() == halves(other).tolist()
        assert np.linalg.norm(other) == pytest.approx(1, abs=1e-6)


def halves(vector: Vectors) -> np.ndarray:
    """As a halfvec holds it."""
    return as_direction(vector).to_numpy()


def test_of_several_only_the_new_are_embedded_and_the_order_stays(valkey, embedder):
    ask(embedder, "a", "b")
    vectors = ask(embedder, "b", "c", "a")
    assert embedder.asked == ["a", "b", "c"]
    nearest = [
        max("abc", key=lambda text: float(vector @ embed_text(text, DIMENSION)))
        for vector in vectors
    ]
    assert nearest == ["b", "c", "a"]


@pytest.mark.parametrize("whose", ["tenant", "space"])
def test_nobody_meets_what_another_asked(valkey, embedder, whose):
    ask(embedder)
    ask(embedder, **{whose: new_id()})
    assert embedder.asked == [BEES, BEES]


def test_a_key_tells_nothing_of_the_words(valkey, embedder, settings):
    ask(embedder)
    _, key = kept(valkey, embedder)
    assert b"bees" not in key
    settings.SECRET_KEY = "another"
    ask(embedder)
    assert embedder.asked == [BEES, BEES]  # whoever lacks the secret finds no key


def test_it_forgets_after_a_while(valkey, embedder, settings):
    settings.QUERY_CACHE_S = 0.5
    ask(embedder)
    client, key = kept(valkey, embedder)
    assert 0 < client.pttl(key) <= 500


def test_0_keeps_nothing(valkey, embedder, settings):
    settings.QUERY_CACHE_S = 0
    ask(embedder)
    ask(embedder)
    assert embedder.asked == [BEES, BEES]


def test_what_is_not_a_vector_of_this_space_is_embedded_again(valkey, embedder):
    ask(embedder)
    client, key = kept(valkey, embedder)
    for broken in (b"short", b"\x00" * 2 * DIMENSION, b"\xff" * 2 * DIMENSION):
        client.set(key, broken)
        assert np.isfinite(ask(embedder)).all()
    assert embedder.asked == [BEES] * 4


def test_without_valkey_the_model_is_asked(embedder):
    """BROKER_URL answers nobody here."""
    assert [ask(embedder).shape for _ in range(2)] == [(1, DIMENSION)] * 2
    assert embedder.asked == [BEES, BEES]


def test_a_valkey_that_hangs_is_waited_for_once_and_briefly(embedder, settings):
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        settings.BROKER_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        started = time.monotonic()
        for _ in range(20):
            ask(embedder)
        waited_s = time.monotonic() - started
    assert len(embedder.asked) == 20
    assert waited_s < 10 * query_cache.TIMEOUT_S  # not 20 times two exchanges


def test_what_could_not_be_embedded_is_not_kept(valkey, embedder):
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            ask(embedder, "fail")
    assert embedder.asked == ["fail", "fail"]


def test_a_search_that_is_repeated_asks_no_model(valkey, models, agent):
    agent.keep("Ann keeps bees.")
    first = agent.search(BEES)
    asked = models.stats()["embeddings"]
    assert agent.search(BEES) == first
    assert models.stats()["embeddings"] == asked
