"""Figures run by run, drawn by the server: a line in SVG, and what it says in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memories.evaluation.summary import OVERALL
from memories.models import GoldenRun

WIDTH, HEIGHT, EDGE = 600, 200, 8
FIGURES = (("recall@10", "R@10"), ("mrr", "MRR"), ("ndcg@10", "nDCG@10"))


@dataclass(frozen=True, slots=True)
class Point:
    """A run; ``x`` and ``y`` place it in the drawing, 1 at the top."""

    run: GoldenRun
    value: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Plot:
    """A figure over time; ``floor_y`` is where a run falls behind, None: nowhere."""

    slug: str
    title: str
    points: Sequence[Point]
    series: int
    floor: float | None
    floor_y: float | None

    width, height = WIDTH, HEIGHT

    @property
    def line(self) -> str:
        return " ".join(f"{point.x},{point.y}" for point in self.points)

    @property
    def last(self) -> float:
        return self.points[-1].value

    @property
    def description(self) -> str:
        """What whoever cannot see the line should know."""
        values = [point.value for point in self.points]
        told = (
            f"{len(values)} runs from {self.points[0].run.created_at:%Y-%m-%d} to"
            f" {self.points[-1].run.created_at:%Y-%m-%d}: {self.last:.3f} in the last,"
            f" between {min(values):.3f} and {max(values):.3f}."
        )
        return told if self.floor is None else f"{told} Marked below {self.floor:.3f}."


def plots_of(
    runs: Sequence[GoldenRun], accepted: GoldenRun | None, tolerance: float
) -> list[Plot]:
    """From runs, the newest first; none while there is nothing to draw."""
    drawn = [run for run in reversed(runs) if run.figures]
    plots = []
    for series, (name, title) in enumerate(FIGURES, 1):
        with_figure = [run for run in drawn if name in _overall(run)]
        if with_figure:
            floor = _floor(accepted, name, tolerance) if series < len(FIGURES) else None
            points = _points(with_figure, name)
            plots.append(
                Plot(
                    slug=name.replace("@", "-"),
                    title=title,
                    points=points,
                    series=series,
                    floor=floor,
                    floor_y=None if floor is None else _y(floor),
                )
            )
    return plots


def value_of(run: GoldenRun, name: str) -> float | None:
    """A figure over all questions; None where the run has none."""
    figure = _overall(run).get(name)
    return figure["value"] if figure else None


def _points(runs: Sequence[GoldenRun], name: str) -> list[Point]:
    step = (WIDTH - 2 * EDGE) / max(1, len(runs) - 1)
    found = []
    for number, run in enumerate(runs):
        value = value_of(run, name) or 0.0
        x = round(EDGE + number * step, 1) if len(runs) > 1 else WIDTH / 2
        found.append(Point(run, value, x, _y(value)))
    return found


def _floor(accepted: GoldenRun | None, name: str, tolerance: float) -> float | None:
    value = value_of(accepted, name) if accepted else None
    return None if value is None else max(0.0, value - tolerance)


def _y(value: float) -> float:
    return round(HEIGHT - EDGE - value * (HEIGHT - 2 * EDGE), 1)


def _overall(run: GoldenRun) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = run.figures.get("groups", {}).get(OVERALL, {})
    return found
