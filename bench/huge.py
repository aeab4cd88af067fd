"""Searches of one user who has more than can be read for each of them (ADR 503)."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from itertools import count

import psycopg

from bench import seed
from bench.figures import Figure, Measuring, of_user, step
from bench.load import run_load
from bench.nearest import Cosines, nearest_found, recall
from bench.reads import question

VAST = "vast"
READ = "search, huge scope, read"
INDEXED = "search, huge scope, by its indexes"
BUILT = "indexes of a huge scope"
CONNECTIONS = 8
"""Of the web processes: two of four threads (``bench.stack``)."""
_QUESTIONS = 1_000
_SEARCH = "/v3/memories/search/"


class Huge:
    """The same searches before the indexes are built and afterwards."""

    def __init__(
        self, measuring: Measuring, admin: psycopg.Connection, place: seed.Place
    ) -> None:
        self._on = measuring
        self._admin = admin
        self._seeded = seed.Seeded(place)
        self._asked = count(1)

    def run(self) -> None:
        seed.fill(self._admin, self._seeded, {VAST: self._on.plan.vast})
        self._admin.execute("VACUUM ANALYZE")
        self._search(READ)
        exact = self._nearest()
        self._build()
        figure = self._search(INDEXED)
        figure.more["recall@10 against exact"] = recall(self._nearest(), exact)
        self._on.keep(figure)

    def _build(self) -> None:
        """As the worker would, at once."""
        from django.test import override_settings

        from memories.services.huge_scopes import index_huge_scopes

        began = time.monotonic()
        with override_settings(HUGE_SCOPE_VECTORS=self._on.plan.vast):
            outcome = index_huge_scopes()
        figure = self._figure(BUILT)
        figure.more["seconds to build"] = time.monotonic() - began
        figure.more["built"] = outcome.built if outcome else 0
        self._on.keep(figure)

    def _figure(self, name: str) -> Figure:
        return Figure(name, store=self._seeded.total, user=VAST)

    def _search(self, name: str) -> Figure:
        """One client, every question another one; each connection was asked before."""
        on, figure = self._on, self._figure(name)
        # Until a connection has touched most pages of an index, each is a page fault:
        # a search took PostgreSQL 57 ms at first and 33 after five others.
        clients = [self._questions() for _ in range(CONNECTIONS)]
        run_load(on.stack.url, on.key, clients, seconds=4 * on.plan.read_s)
        samples = on.measure(
            figure,
            lambda: run_load(
                on.stack.url, on.key, [self._questions()], seconds=on.plan.read_s
            ),
        )
        figure.take_times(samples)
        if name == READ:
            on.keep(figure)
        return figure

    def _questions(self) -> Sequence[dict[str, object]]:
        pick = random.Random(11)
        return [
            step("POST", _SEARCH, {"query": self._new(pick), **of_user(VAST)})
            for _ in range(_QUESTIONS)
        ]

    def _new(self, pick: random.Random) -> str:
        words = seed.sentence(pick.randrange(10**6)).split()
        return f"Where did {words[0]} find {words[2]}, on day {next(self._asked)}?"

    def _nearest(self) -> list[Cosines]:
        """How near the ten nearest candidates are, for a few questions."""
        pick = random.Random(3)
        questions = [question(pick) for _ in range(self._on.plan.recall_queries)]
        return nearest_found(self._seeded.place, VAST, questions)
