"""The figures of the overview in words and units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.formats import number_format

from memories.console.overview.attention import page_url
from memories.selectors.overview import MOST, Figures, Held, Latency
from tenants.console.visits import Visit

KINDS = {"user": "Users", "agent": "Agents", "app": "Apps", "run": "Runs"}


@dataclass(frozen=True, slots=True)
class Stat:
    """``note`` stands below; ``url`` is where the figure leads, if anywhere."""

    label: str
    value: str
    note: str = ""
    url: str = ""


def list_stats(visit: Visit, figures: Figures, held: Sequence[Held]) -> list[Stat]:
    """Who has memories, how long things take, what models took."""
    return [
        *_held(visit, held),
        *_latencies(figures),
        *_failures(visit, figures),
        *_models(figures),
    ]


def _held(visit: Visit, held: Sequence[Held]) -> Iterator[Stat]:
    for one in held:
        yield Stat(
            KINDS[one.kind],
            _number(one.subjects),
            f"{_number(one.memories)} memories",
            page_url(visit, "memories:subjects", kind=one.kind),
        )


def _latencies(figures: Figures) -> Iterator[Stat]:
    for kind, label in (("ADD", "Add, median"), ("SEARCH", "Search, median")):
        if latency := figures.latencies.get(kind):
            yield Stat(label, _duration(latency.p50_ms), _spread(latency))


def _failures(visit: Visit, figures: Figures) -> Iterator[Stat]:
    count = f"{MOST}+" if figures.failed >= MOST else _number(figures.failed)
    url = page_url(visit, "memories:ingestions", status="FAILED")
    yield Stat("Failed", count, "adds", url if figures.failed else "")


def _models(figures: Figures) -> Iterator[Stat]:
    yield Stat(
        "Model calls", _number(figures.model_calls), f"{_number(figures.tokens)} tokens"
    )
    if figures.cost:
        yield Stat("Cost", money(figures.cost), "by the provider's prices")


def money(amount: Decimal) -> str:
    """In the currency of the provider's prices; small sums keep their digits."""
    return number_format(amount, 2 if amount >= 1 else 4, force_grouping=True)


def _spread(latency: Latency) -> str:
    return f"95 % in {_duration(latency.p95_ms)}, last {_number(latency.count)}"


def _duration(milliseconds: float) -> str:
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def _number(number: int) -> str:
    return number_format(number, force_grouping=True)
