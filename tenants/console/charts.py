"""Figures by day, drawn by the server: bars in SVG, and the same as a table.

Nothing here knows what is counted. Widths are in units of the drawing's own, which the
page scales; colours are the style sheet's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

WIDTH, HEIGHT = 600, 200
GAP = 0.25
"""Of a bar's place that stays empty."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One day; ``x``, ``y``, ``width`` and ``height`` place it in the drawing."""

    day: date
    value: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of some days; ``slug`` makes its ids, ``series`` its colour (1 to 3)."""

    slug: str
    title: str
    unit: str
    bars: Sequence[Bar]
    series: int = 1

    width, height = WIDTH, HEIGHT

    @property
    def total(self) -> int:
        return sum(bar.value for bar in self.bars)

    @property
    def top(self) -> int:
        return max((bar.value for bar in self.bars), default=0)

    @property
    def first(self) -> date:
        return self.bars[0].day

    @property
    def last(self) -> date:
        return self.bars[-1].day

    @property
    def description(self) -> str:
        """What whoever cannot see the bars should know."""
        if not self.total:
            return f"No {self.unit} from {self.first} to {self.last}."
        highest = max(self.bars, key=lambda bar: bar.value)
        return (
            f"{self.total} {self.unit} from {self.first} to {self.last}; the most on"
            f" one day were {highest.value}, on {highest.day}."
        )

    @property
    def table(self) -> list[Bar]:
        """The days that have something, newest first."""
        return [bar for bar in reversed(self.bars) if bar.value]


def bar_chart(
    slug: str,
    title: str,
    unit: str,
    values: Mapping[date, int],
    days: Sequence[date],
    *,
    series: int = 1,
) -> Chart:
    """A bar for each of ``days``, of its value or none."""
    top = max((values.get(day, 0) for day in days), default=0) or 1
    place = WIDTH / max(1, len(days))
    bars = []
    for number, day in enumerate(days):
        value = values.get(day, 0)
        height = HEIGHT * value / top
        bars.append(
            Bar(
                day=day,
                value=value,
                x=round((number + GAP / 2) * place, 2),
                y=round(HEIGHT - height, 2),
                width=round(place * (1 - GAP), 2),
                height=round(height, 2),
            )
        )
    return Chart(slug, title, unit, tuple(bars), series)


def days_until(last: date, count: int) -> list[date]:
    """So many days up to and with ``last``, oldest first."""
    return [last - timedelta(days=ago) for ago in range(count - 1, -1, -1)]
