"""Reads at several sizes of store, and searches while adds hang on a slow model."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from statistics import median
from typing import Any

import numpy as np
import psycopg
from psycopg.types.json import Jsonb

from bench import seed
from bench.adds import Adds
from bench.figures import LIST, Figure, Measuring, of_user, step
from bench.load import run_load
from bench.nearest import TEN, Cosines, nearest_found, recall
from bench.stack import DIMENSION, EMBEDDING_MODEL
from memplatform import env
from tests.model_vectors import embed_text

SEARCH = "/v3/memories/search/"
HANGING_ADDS = 45
ASKED_BEFORE = "search, asked before"
BY_MEANING_ALONE = "search by meaning alone"
MEANING_ALONE = dict.fromkeys(
    (
        *("text_weight", "window_weight", "window_text_weight"),
        *("link_weight", "stated_weight"),
    ),
    0,
)
QUESTIONS = 1_500
"""Of a client, before it begins again: more than it asks while it is measured."""
BESIDE_HANGING = f"search, {HANGING_ADDS} adds hanging"
_CHANGE_SETTINGS = """
UPDATE tenants_project SET settings = settings || %s, updated_at = clock_timestamp()
 WHERE id = %s"""
_FORGET_SETTINGS = """
UPDATE tenants_project SET settings = settings - %s::text[],
       updated_at = clock_timestamp()
 WHERE id = %s"""
HANG_MARGIN_S = 8.0
HANG_TIMEOUT_S = 60.0
Job = Sequence[Mapping[str, Any]]


class Reads:
    """A small and a huge user of one store that grows."""

    def __init__(
        self, measuring: Measuring, admin: psycopg.Connection, place: seed.Place
    ) -> None:
        self._on = measuring
        self._admin = admin
        self._seeded = seed.Seeded(place)
        self._asked = count(1)

    def run(self) -> None:
        self._embedder()
        for size in self._on.plan.sizes:
            seed.grow(self._admin, self._seeded, size)
            # As autovacuum does within a minute.
            self._admin.execute("VACUUM ANALYZE")
            for user in (seed.SMALL, seed.HUGE):
                self._reads_of(user)
        self._beside_hanging_adds()

    def _reads_of(self, user: str) -> None:
        for clients in self._on.plan.clients:
            self._read("search", user, self._searches(user, clients))
        self._read(ASKED_BEFORE, user, self._searches(user, 1, questions=40))
        self._by_meaning_alone(user)
        self._read("list 100", user, [[step("POST", LIST, of_user(user))]])
        ids = self._ids(user)
        self._read("get", user, [[_get(i) for i in ids[:50]]])
        if user == seed.SMALL:
            self._change(ids[:5])
        self._read("history", user, [[_get(i, "history/") for i in ids[:50]]])
        self._recall(user)

    def _by_meaning_alone(self, user: str) -> None:
        """What all other legs add to a search, measured in turns with it."""
        alone, every = [], []
        for _ in range(self._on.plan.turns):
            with self._settings(MEANING_ALONE):
                alone.append(self._timed(user))
            every.append(self._timed(user))
        figure = Figure(BY_MEANING_ALONE, store=self._seeded.total, user=user)
        figure.more["p50 ms"] = median(alone)
        figure.more["every leg, p50 ms"] = median(every)
        figure.more["ms added"] = median(every) - median(alone)
        self._on.keep(figure)

    def _timed(self, user: str) -> float:
        stack, seconds = self._on.stack, self._on.plan.read_s / 2
        clients = self._searches(user, 1)
        run_load(stack.url, self._on.key, [clients[0][:20]])
        samples = run_load(stack.url, self._on.key, clients, seconds=seconds)
        return samples.percentile_ms(50)

    @contextmanager
    def _settings(self, changes: Mapping[str, Any]) -> Iterator[None]:
        """The project's, changed for a while."""
        project_id = self._seeded.place.project_id
        self._admin.execute(_CHANGE_SETTINGS, [Jsonb(changes), project_id])
        yield
        self._admin.execute(_FORGET_SETTINGS, [[*changes], project_id])

    def _read(self, name: str, user: str, clients: Sequence[Job]) -> Figure:
        return self._load(name, clients, store=self._seeded.total, user=user)

    def _load(self, name: str, clients: Sequence[Job], **where: Any) -> Figure:
        stack, key = self._on.stack, self._on.key
        run_load(stack.url, key, [job[::-1] for job in clients], seconds=0.3)
        figure = Figure(name, clients=len(clients), **where)
        samples = self._on.measure(
            figure,
            lambda: run_load(stack.url, key, clients, seconds=self._on.plan.read_s),
        )
        figure.take_times(samples)
        self._on.keep(figure)
        return figure

    def _searches(
        self, user: str, clients: int, *, questions: int = QUESTIONS
    ) -> list[Job]:
        """Every question another one, so that each has to be embedded; few of them are
        asked again and again, and their vectors are kept."""
        pick = random.Random(user)
        return [
            [
                step(
                    "POST",
                    SEARCH,
                    {"query": self._new_question(pick), **of_user(user), "top_k": 10},
                )
                for _ in range(questions)
            ]
            for _ in range(clients)
        ]

    def _new_question(self, pick: random.Random) -> str:
        """One that was asked of no user before, in no run of these."""
        return f"{question(pick)[:-1]}, on day {next(self._asked)}?"

    def _ids(self, user: str) -> list[str]:
        page = self._on.call("POST", LIST, of_user(user))
        return [item["id"] for item in page["results"]]

    def _change(self, ids: Sequence[str]) -> None:
        """Give some memories a history worth reading."""
        for memory_id in ids:
            text = f"Ana moved on, {next(self._on.names)} {random.random()}"
            self._on.call("PUT", f"/v1/memories/{memory_id}/", {"text": text})

    def _recall(self, user: str) -> None:
        """Of the ten exactly nearest, how many the legs find."""
        place, pick = self._seeded.place, random.Random(3)
        questions = [question(pick) for _ in range(self._on.plan.recall_queries)]
        found = nearest_found(place, user, questions)
        figure = Figure(
            "recall@10 against exact",
            store=self._seeded.total,
            user=user,
            requests=len(found),
        )
        figure.more["legs"] = recall(found, self._exact(user, questions))
        self._on.keep(figure)

    def _exact(self, user: str, questions: Sequence[str]) -> list[Cosines]:
        """The same, reckoned here from every vector of the user."""
        place, anchor = self._seeded.place, self._seeded.anchors[user]
        vectors = seed.stored_vectors(self._admin, place, anchor)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = (vectors @ embed_text(text, DIMENSION) for text in questions)
        return [np.sort(of_all)[::-1][:TEN].tolist() for of_all in cosines]

    def _embedder(self) -> None:
        """The stand-in's own share of an uncached search."""
        pick, stack = random.Random(5), self._on.stack
        body = {"model": EMBEDDING_MODEL, "encoding_format": "base64"}
        job = [
            step("POST", "/v1/embeddings", {**body, "input": [question(pick)]})
            for _ in range(40)
        ]
        figure = Figure("stand-in embedder alone")
        samples = self._on.measure(
            figure,
            lambda: run_load(stack.model_url, "", [job], seconds=self._on.plan.read_s),
        )
        figure.take_times(samples)
        self._on.keep(figure)

    def _beside_hanging_adds(self) -> None:
        """The same searches on an idle platform, and while its model answers nobody."""
        where = {"store": self._seeded.total, "user": seed.SMALL}
        idle = self._load(
            "search, nothing else", self._searches(seed.SMALL, 4), **where
        )
        stack, adds = self._on.stack, Adds(self._on, self._admin, self._seeded.place)
        latency_s = self._on.plan.read_s + HANG_MARGIN_S
        stack.configure_model(reset=True, latency_s=latency_s)
        run_load(stack.url, self._on.key, [adds.new_adds(HANGING_ADDS)])
        self._wait_until_they_hang()
        busy = self._load(BESIDE_HANGING, self._searches(seed.SMALL, 4), **where)
        busy.more["times the p95 of idle"] = (busy.p95_ms or 0.0) / (idle.p95_ms or 1.0)
        busy.more["adds unfinished at its end"] = adds.unfinished()
        stack.configure_model(reset=True)
        adds.drain()

    def _wait_until_they_hang(self) -> None:
        """As many as the worker has threads; the others wait behind them."""
        held = min(HANGING_ADDS, env.envint("WORKER_THREADS", 32))
        deadline = time.monotonic() + HANG_TIMEOUT_S
        while self._on.stack.model_stats()["chat"] < held:
            if time.monotonic() > deadline:
                raise TimeoutError("The worker does not ask the model.")
            time.sleep(0.05)


def _get(memory_id: str, rest: str = "") -> dict[str, Any]:
    return step("GET", f"/v1/memories/{memory_id}/{rest}")


def question(pick: random.Random) -> str:
    """A question in the seeded world's words, of a topic of its own."""
    words = seed.sentence(pick.randrange(10**6)).split()
    return f"Where did {words[0]} find {words[2]} and {words[4]}?"
