"""A run's results as lines to draw. Pure; a template draws them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memories.evaluation.baselines import DENSE_NAMED
from memories.evaluation.metrics import BUDGETS, CUTS
from memories.evaluation.sections import JUDGED_BY
from memories.evaluation.summary import OVERALL

WIDTH, HEIGHT, EDGE = 600, 240, 24
SERIES = 3
"""Colours that the console has for lines; a fourth line is the first one, dashed."""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)

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
    """A method; ``series`` is its colour, from 1. ``points`` are those to tell of, and
    the line goes through them, unless there is a ``course`` with more of them."""

    name: str
    series: int
    is_dashed: bool
    points: Sequence[Point]
    course: Sequence[tuple[float, float]] = ()

    @property
    def path(self) -> str:
        places = self.course or [(point.x, point.y) for point in self.points]
        return " ".join(f"{x},{y}" for x, y in places)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Lines over one axis, from 0 to 1. ``ticks`` name places of the axis; with a
    ``chance`` a line shows what guessing would give."""

    slug: str
    title: str
    axis: str
    foot: str
    lines: Sequence[Line]
    ticks: Sequence[Point] = ()
    chance: Sequence[Point] = ()

    width, height = WIDTH, HEIGHT

    @property
    def labels(self) -> Sequence[Point]:
        return self.ticks or self.lines[0].points

    @property
    def description(self) -> str:
        """What whoever cannot see the lines should know."""
        told = (
            f"{line.name}: "
            + ", ".join(f"{point.value:.3f} at {point.label}" for point in line.points)
            + "."
            for line in self.lines
        )
        return " ".join([*told, f"{self.foot}."])


def drawings_of(results: Json) -> list[Drawing]:
    """None while there is nothing to draw."""
    methods = _drawn(results)
    by_results = [(f"recall@{cut}", str(cut)) for cut in CUTS]
    by_tokens = [(f"recall@{budget}tok", str(budget)) for budget in BUDGETS]
    found = (
        _drawing("results", "Recall by results", "results", methods, by_results),
        _drawing("tokens", "Recall by tokens", "tokens", methods, by_tokens),
        _abstention(results),
    )
    return [drawing for drawing in found if drawing.lines]


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
        Line(name, *_look(number), points=list(_points(groups[OVERALL], steps)))
        for number, (name, groups) in enumerate(methods.items())
    ]
    foot = f"0 to 1, by {axis}"
    return Drawing(slug, title, axis, foot, [line for line in lines if line.points])


def _look(number: int) -> tuple[int, bool]:
    """Which colour, and whether dashed."""
    return number % SERIES + 1, number >= SERIES


def _abstention(results: Json) -> Drawing:
    """The ROC: what is answered of the questions that have an answer, by what is
    answered of the others, over all thresholds; told of is the best one."""
    found = [
        (f"{style}, {by}", roc)
        for style in results["abstention"]
        for name, by in JUDGED_BY.items()
        if (roc := results.get(name, {}).get(style)) and roc.get("points")
    ]
    lines = [
        Line(name, *_look(number), [_best(roc)], _course(roc["points"]))
        for number, (name, roc) in enumerate(found)
    ]
    return Drawing(
        slug="abstention",
        title="Abstention (ROC)",
        axis="of questions without an answer",
        foot="Answered of those with an answer, by answered of those without",
        lines=lines,
        ticks=[_place(share, 0, f"{share:g}") for share in SHARES],
        chance=[_place(0, 0), _place(1, 1)],
    )


def _best(roc: Json) -> Point:
    best = roc["best"]
    wrong = 1 - best["refused"]
    return _place(wrong, best["answered"], f"{wrong:.3f}")


def _course(points: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """From (threshold, of others, of answerable), each place of the drawing once."""
    places = [_place(wrong, right) for _, wrong, right in points]
    return list(dict.fromkeys((round(p.x), round(p.y)) for p in places))


def _place(x: float, y: float, label: str = "") -> Point:
    """Of two shares."""
    across = EDGE + x * (WIDTH - 2 * EDGE)
    return Point(label, round(y, 4), round(across, 1), _height_of(y))


def _height_of(value: float) -> float:
    return round(HEIGHT - EDGE - value * (HEIGHT - 2 * EDGE), 1)


def _points(figures: Json, steps: Steps) -> Iterator[Point]:
    apart = (WIDTH - 2 * EDGE) / (len(steps) - 1)
    for number, (name, label) in enumerate(steps):
        value = _value(figures, name)
        if value is not None:
            x = round(EDGE + number * apart, 1)
            yield Point(label, value, x, _height_of(value))


def _value(figures: Json, name: str) -> float | None:
    value: float | None = figures.get(name, {}).get("value")
    return value
