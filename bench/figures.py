"""One measurement and how it is taken; the base of what adds and reads measure."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.load import Samples, call_json
from bench.processes import cpu_seconds
from bench.stack import Stack

LIST = "/v3/memories/?page=1&page_size=100"


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how much; ``--quick`` is a smaller one."""

    sizes: tuple[int, ...] = (1_000, 10_000, 100_000)
    clients: tuple[int, ...] = (1, 8, 32)
    read_s: float = 5.0
    turns: int = 5
    vast: int = 50_000
    accept_s: float = 6.0
    adds: int = 640
    latencies_ms: tuple[int, ...] = (0, 300)
    hot_adds: int = 80
    searchable: int = 20
    recall_queries: int = 20
    page_s: float = 2.0


QUICK = Plan(
    sizes=(1_000, 10_000),
    read_s=1.5,
    turns=3,
    vast=12_000,
    accept_s=2.0,
    adds=160,
    hot_adds=40,
    searchable=6,
    recall_queries=5,
    page_s=0.7,
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

    def take_times(self, samples: Samples) -> None:
        self.p50_ms = samples.percentile_ms(50)
        self.p95_ms = samples.percentile_ms(95)
        self.p99_ms = samples.percentile_ms(99)
        self.per_s = samples.per_second

    def line(self) -> str:
        """What is shown while the run goes on."""
        where = f"{self.store or ''} {self.user or ''} x{self.clients}"
        parts = [f"{self.name:28} {where:18}"]
        if self.p50_ms is not None:
            parts.append(f"p50 {self.p50_ms:.1f} p95 {self.p95_ms:.1f} ms")
        if self.per_s is not None:
            parts.append(f"{self.per_s:.0f}/s")
        parts += [f"{name}: {value:.4g}" for name, value in self.more.items()]
        if self.errors:
            parts.append(f"ERRORS {self.errors}")
        return "  ".join(parts)


class Measuring:
    """A running stack, and the figures taken of it so far."""

    def __init__(self, stack: Stack, key: str, plan: Plan) -> None:
        self.stack = stack
        self.key = key
        self.plan = plan
        self.figures: list[Figure] = []
        self.names = itertools.count()

    def keep(self, figure: Figure) -> None:
        self.figures.append(figure)
        print(figure.line(), flush=True)

    def measure(self, figure: Figure, work: Callable[[], Samples]) -> Samples:
        """Do the work, and note in the figure the CPU it took and what failed."""
        before = cpu_seconds(self.stack.pids)
        samples = work()
        after = cpu_seconds(self.stack.pids)
        figure.requests = len(samples.latencies_ms)
        figure.errors = samples.errors
        spent = {name: after[name] - before.get(name, 0.0) for name in after}
        spent["load"] = samples.cpu_s
        figure.cpu_ms = {
            name: seconds * 1000 / max(1, figure.requests)
            for name, seconds in spent.items()
        }
        return samples

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request that is not measured."""
        return call_json(self.stack.url, method, path, body, key=self.key)

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(figure) for figure in self.figures]


def step(method: str, path: str, body: object = None) -> dict[str, Any]:
    """One request of a load job."""
    return {"method": method, "path": path, "body": body}


def of_user(user: str) -> dict[str, Any]:
    """The body that asks for one user's memories."""
    return {"filters": {"user_id": user}}
