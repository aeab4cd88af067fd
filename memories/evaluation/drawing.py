"""A run's results as lines to draw and rows to show. Pure; a template draws them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memories.evaluation.baselines import DENSE_NAMED
from memories.evaluation.metrics import BUDGETS, CUTS
from memories.evaluation.summary import OVERALL

WIDTH, HEIGHT, EDGE = 600, 240, 24
SERIES = 3
"""Colours that the console has for lines; a fourth line is the first one, dashed."""
MAIN = (
    *(("recall@1", "R@1"), ("recall@5", "R@5"), ("recall@10", "R@10")),
    *(("ndcg@10", "nDCG@10"), ("mrr", "MRR")),
)

Json = Mapping[str, Any]
Steps = Sequence[tuple[str, str]]
"""Figures in their order along the axis, and what each is called there."""


@dataclass(frozen=True, slots=True)
class Point:
    """``x`` and ``y`` place a value in the drawing, 1 at the top."""

    label: str
    value: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """A method; ``series`` is its colour, from 1."""

    name: str
    series: int
    is_dashed: bool
    points: Sequence[Point]

    @property
    def path(self) -> str:
        return " ".join(f"{point.x},{point.y}" for point in self.points)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Lines over one axis, from 0 to 1."""

    slug: str
    title: str
    axis: str
    lines: Sequence[Line]

    width, height = WIDTH, HEIGHT

    @property
    def labels(self) -> Sequence[Point]:
        return self.lines[0].points

    @property
    def description(self) -> str:
        """What whoever cannot see the lines should know."""
        return " ".join(
            f"{line.name}: "
            + ", ".join(f"{point.value:.3f} at {point.label}" for point in line.points)
            + "."
            for line in self.lines
        )


@dataclass(frozen=True, slots=True)
class Row:
    """A method or a category; None where it has no such figure."""

    name: str
    values: Sequence[float | None]
    count: int | None = None


def drawings_of(results: Json) -> list[Drawing]:
    """None while there is nothing to draw."""
    methods = _drawn(results)
    by_results = [(f"recall@{cut}", str(cut)) for cut in CUTS]
    by_tokens = [(f"recall@{budget}tok", str(budget)) for budget in BUDGETS]
    found = (
        _drawing("results", "Recall by results", "results", methods, by_results),
        _drawing("tokens", "Recall by tokens", "tokens", methods, by_tokens),
    )
    return [drawing for drawing in found if drawing.lines]


def methods_of(results: Json) -> list[Row]:
    """The main figures of each method over all scored questions."""
    return [
        Row(name, [_value(groups[OVERALL], figure) for figure, _ in MAIN])
        for name, groups in results["methods"].items()
        if groups.get(OVERALL) and not name.startswith(("RAG", "full"))
    ]


def categories_of(results: Json) -> tuple[list[str], list[Row]]:
    """R@10 by category: the methods, and a row for each category."""
    methods = _drawn(results)
    names = sorted({c for groups in methods.values() for c in groups} - {OVERALL})
    rows = [Row(name, *_of_category(methods, name)) for name in names]
    return list(methods), rows


def _of_category(methods: Json, name: str) -> tuple[list[float | None], int]:
    found = [groups.get(name, {}) for groups in methods.values()]
    counts = [f["recall@10"]["count"] for f in found if f]
    return [_value(figures, "recall@10") for figures in found], max(counts, default=0)


def _drawn(results: Json) -> dict[str, Json]:
    """What was brought in, and plain dense retrieval to hold it against."""
    wanted = [*results["ingested"], DENSE_NAMED]
    methods = results["methods"]
    return {
        name: methods[name] for name in wanted if methods.get(name, {}).get(OVERALL)
    }


def _drawing(
    slug: str, title: str, axis: str, methods: Mapping[str, Json], steps: Steps
) -> Drawing:
    lines = [
        Line(
            name,
            series=number % SERIES + 1,
            is_dashed=number >= SERIES,
            points=list(_points(groups[OVERALL], steps)),
        )
        for number, (name, groups) in enumerate(methods.items())
    ]
    return Drawing(slug, title, axis, [line for line in lines if line.points])


def _points(figures: Json, steps: Steps) -> Iterator[Point]:
    apart = (WIDTH - 2 * EDGE) / (len(steps) - 1)
    for number, (name, label) in enumerate(steps):
        value = _value(figures, name)
        if value is not None:
            y = round(HEIGHT - EDGE - value * (HEIGHT - 2 * EDGE), 1)
            yield Point(label, value, round(EDGE + number * apart, 1), y)


def _value(figures: Json, name: str) -> float | None:
    value: float | None = figures.get(name, {}).get("value")
    return value
