"""What really happened beside what would have, fact by fact, ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memories.diff import Segment, diff_words
from memories.pipeline.compare import Difference, Pair, compare
from memories.types import Settled

OUTCOMES: Mapping[str, str] = {
    "stored": "Remembers",
    "updated": "Updates",
    "superseded": "Replaces",
    "merged": "Merges",
    "retired": "Takes back",
    "confirmed": "Knows already",
    "refused": "Refuses",
    "dropped": "Drops",
    "failed": "Fails",
    "quarantined": "Holds for review",
}
DIFFERENCES: Mapping[str, tuple[str, str]] = {
    # difference → what it is called, its badge
    Difference.GONE: ("no longer stored", "badge-bad"),
    Difference.CHANGED: ("decided differently", "badge-warn"),
    Difference.NEW: ("newly stored", "badge-good"),
    Difference.REWORDED: ("other words", "badge-accent"),
    Difference.SAME: ("same", ""),
}
TRIALS: Mapping[str, tuple[str, str]] = {
    **DIFFERENCES,
    "waiting": ("waits", ""),
    "failed": ("the model failed", "badge-bad"),
    "unread": ("messages no longer kept", ""),
    "erased": ("erased", ""),
}


@dataclass(frozen=True, slots=True)
class Side:
    """One fact on one side; ``segments`` show what it changes."""

    outcome: str
    segments: tuple[Segment, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Row:
    """One fact on both; ``badge`` and ``name`` of how it differs."""

    name: str
    badge: str
    then: Side | None
    now: Side | None


def rows_of(then: Sequence[Settled], now: Sequence[Settled] | None) -> list[Row]:
    """Every fact of both sides; without the other, those of what really happened."""
    if now is None:
        return [Row("", "", _side(fact), None) for fact in then]
    return [_row(pair) for pair in compare(then, now)]


def rows_alone(now: Sequence[Settled]) -> list[Row]:
    """Decisions on what never really happened."""
    return [Row("", "", None, _side(fact)) for fact in now]


def _row(pair: Pair) -> Row:
    name, badge = DIFFERENCES[pair.difference]
    then = _side(pair.then) if pair.then else None
    now = _side(pair.now) if pair.now else None
    if pair.difference == Difference.REWORDED and pair.then and pair.now and now:
        segments = diff_words(pair.then.text or "", pair.now.text or "")
        now = Side(now.outcome, segments, now.why)
    return Row(name, badge, then, now)


def _side(fact: Settled) -> Side:
    if fact.outcome == "retired":
        segments = diff_words(fact.before or "", "")
    elif fact.outcome in ("updated", "superseded"):
        segments = diff_words(fact.before or "", fact.text or "")
    else:
        text = fact.text or fact.before
        segments = (Segment("equal", text),) if text else ()
    why = " · ".join(part for part in (fact.reason, fact.note) if part)
    return Side(OUTCOMES.get(fact.outcome, fact.outcome), segments, why)
