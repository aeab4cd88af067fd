"""What a run should reach on two cores, and whether it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.console import PAGE
from bench.huge import INDEXED
from bench.reads import BESIDE_HANGING, BY_MEANING_ALONE
from bench.seed import SMALL

Figures = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Goal:
    """``limit`` is the most, or with ``is_least`` the least; None was not measured.

    Requests that failed make a goal missed, however fast the others were.
    """

    what: str
    limit: float
    measured: float | None
    failed: int = 0
    is_least: bool = False

    @property
    def wanted(self) -> str:
        return f"{'≥' if self.is_least else '≤'} {self.limit:g}"

    @property
    def shown(self) -> str:
        if self.measured is None:
            return "not measured"
        failed = f", {self.failed} requests failed" if self.failed else ""
        return f"{self.measured:.3g}{failed}"

    @property
    def is_met(self) -> bool:
        if self.measured is None or self.failed:
            return False
        if self.is_least:
            return self.measured >= self.limit
        return self.measured <= self.limit


def goals(figures: Figures) -> list[Goal]:
    """Every goal, in the order of a reader's interest."""
    return [
        *_add_goals(figures),
        *_read_goals(figures),
        *_huge_goals(figures),
        *_page_goals(figures),
    ]


def _add_goals(figures: Figures) -> Iterator[Goal]:
    for clients in (1, 8):
        found = _find(figures, name="accept an add", clients=clients)
        who = f"accept an add, {clients} client{'s' if clients > 1 else ''}"
        yield _goal(f"{who}, p50 ms", 15, found, "p50_ms")
        yield _goal(f"{who}, p95 ms", 40, found, "p95_ms")
    busiest = _find(figures, name="adds finished", clients=32, model_latency_ms=300)
    what = "adds finished per second, 32 clients, model of 300 ms"
    yield _goal(what, 60, busiest, "per_s", is_least=True)
    yield _goal("model calls per add", 1, busiest, "chat calls per add")
    yield _goal("embedding calls per add", 2, busiest, "embeddings calls per add")


def _read_goals(figures: Figures) -> Iterator[Goal]:
    sizes = sorted({figure["store"] for figure in figures if figure["store"]})
    smallest, largest = (sizes[0], sizes[-1]) if sizes else (0, 0)
    at = {"store": largest, "user": SMALL}
    among = f"small user among {largest:,}"
    search = _find(figures, name="search", clients=1, **at)
    first = _find(figures, name="search", clients=1, store=smallest, user=SMALL)
    yield _goal(f"search, {among}, p50 ms", 8, search, "p50_ms")
    times = search["p50_ms"] / first["p50_ms"] if search and first else None
    yield Goal(f"the same, times that among {smallest:,}", 1.2, times)
    alone = _find(figures, name=BY_MEANING_ALONE, **at)
    what = f"what all legs but meaning add to a search, {among}, p50 ms"
    yield _goal(what, 4, alone, "ms added")
    eight = _find(figures, name="search", clients=8, **at)
    what = f"searches per second, {among}, 8 clients"
    yield _goal(what, 250, eight, "per_s", is_least=True)
    listing = _find(figures, name="list 100", **at)
    yield _goal(f"list(100), {among}, p50 ms", 8, listing, "p50_ms")
    history = _find(figures, name="history", **at)
    yield _goal(f"history, {among}, p50 ms", 5, history, "p50_ms")
    beside = _find(figures, name=BESIDE_HANGING)
    what = f"{BESIDE_HANGING}: p95, times that of idle"
    yield _goal(what, 1.25, beside, "times the p95 of idle")


def _huge_goals(figures: Figures) -> Iterator[Goal]:
    found = _find(figures, name=INDEXED)
    of = f"{found['store']:,}" if found else "50,000"
    yield _goal(f"search, one user of {of}, p50 ms", 40, found, "p50_ms")
    what = "its recall@10 of meaning against exact"
    yield _goal(what, 0.99, found, "recall@10 against exact", is_least=True)


def _page_goals(figures: Figures) -> Iterator[Goal]:
    """The slowest page counts: all of them are to be quick."""
    pages = [figure for figure in figures if figure["name"].startswith(f"{PAGE} ")]
    among = f"{pages[0]['store']:,} memories" if pages else "100,000 memories"
    for column, name in (("p50_ms", "p50"), ("p95_ms", "p95")):
        slowest = max(pages, key=lambda figure: figure[column] or 0, default=None)
        which = slowest["name"].removeprefix(f"{PAGE} ") if slowest else "the slowest"
        what = f"any page of the console, {among}, {name} ms (the slowest: {which})"
        yield _goal(what, 100, slowest, column)


def _find(figures: Figures, **wanted: Any) -> Mapping[str, Any] | None:
    for figure in figures:
        if all(figure[key] == value for key, value in wanted.items()):
            return figure
    return None


def _goal(
    what: str,
    limit: float,
    figure: Mapping[str, Any] | None,
    column: str,
    *,
    is_least: bool = False,
) -> Goal:
    """``column`` is a figure's own, or one of what else it tells."""
    if figure is None:
        return Goal(what, limit, None, is_least=is_least)
    measured = {**figure, **figure["more"]}[column]
    failed = sum(figure["errors"].values())
    return Goal(what, limit, measured, failed, is_least)
