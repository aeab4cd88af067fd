"""What another prompt would have made of an add, beside what came of it.

Pure: decisions of a shadow are read as the store would settle them, and facts of both
sides are paired by what they change, then by their words. Only effects tell: what was
confirmed or dropped changes nothing, then or now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from memories.pipeline.facts import normalise
from memories.store.apply import (
    ANOTHERS_WORDS,
    TRUE_EARLIER,
    UPDATED_ALREADY,
    Plan,
)
from memories.store.ledger import CHANGING, Outcome
from memories.store.sequence import began_after
from memories.types import Decision, Fact, KnownMemory, Settled, Verdict

ALIKE = 0.6
"""Two texts of which so much of the words is the same say one thing differently."""

EFFECTS = {*CHANGING, Outcome.QUARANTINED}
_BESIDE = (Outcome.STORED, Outcome.QUARANTINED)
"""What becomes a memory of its own, whatever it was about."""


class Difference(StrEnum):
    """How one fact came out, and how an add did as a whole."""

    SAME = "same"
    REWORDED = "reworded"
    CHANGED = "changed"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Pair:
    """One fact on both sides; None where a side has none."""

    then: Settled | None
    now: Settled | None

    @property
    def difference(self) -> Difference:
        then, now = _effect(self.then), _effect(self.now)
        if then is None and now is None:
            return Difference.SAME
        if then is None:
            return Difference.NEW
        if now is None:
            return Difference.GONE
        if (then.outcome, then.about) != (now.outcome, now.about):
            return Difference.CHANGED
        if _words(then) != _words(now):
            return Difference.REWORDED
        return Difference.SAME


def compare(then: Sequence[Settled], now: Sequence[Settled]) -> tuple[Pair, ...]:
    """Every fact of both sides once, in the order of what really happened."""
    right = list(now)
    pairs: dict[int, Pair] = {}
    for is_one in (_is_same, _is_about_same, _says_same, _says_alike):
        for place, fact in enumerate(then):
            match = next((other for other in right if is_one(fact, other)), None)
            if place not in pairs and match is not None:
                pairs[place] = Pair(fact, match)
                right.remove(match)
    ordered = [pairs.get(place, Pair(fact, None)) for place, fact in enumerate(then)]
    return (*ordered, *(Pair(None, fact) for fact in right))


def difference_of(pairs: Iterable[Pair]) -> Difference:
    """One word for an add: what is the most that came out differently."""
    found = {pair.difference for pair in pairs} - {Difference.SAME}
    if not found:
        return Difference.SAME
    telling = found - {Difference.REWORDED}
    if len(telling) > 1:
        return Difference.CHANGED
    return telling.pop() if telling else Difference.REWORDED


def settled_by(plan: Plan) -> tuple[Settled, ...]:
    """What the store would make of a plan that is not applied to anything."""
    updated: set[object] = set()
    facts = [_settled(decision, plan, updated) for decision in plan.decisions]
    dropped = [
        Settled(Outcome.DROPPED, drop.text, reason=drop.reason)
        for drop in plan.dropped
        if not drop.is_silent
    ]
    return (*facts, *dropped)


def _settled(decision: Decision, plan: Plan, updated: set[object]) -> Settled:
    target = plan.known.get(decision.target) if decision.target else None
    outcome, note = _outcome(decision, target, plan, updated)
    if decision.concerns and decision.fact and outcome in CHANGING:
        outcome = Outcome.QUARANTINED
    if outcome == Outcome.UPDATED:
        updated.add(decision.target)
    said = _saying(decision.fact, plan) if outcome == Outcome.CONFIRMED else None
    about = None if outcome in _BESIDE else target
    about = about or said
    return Settled(
        outcome=outcome,
        text=decision.fact.text if decision.fact else None,
        about=about.id if about else None,
        before=about.text if about else None,
        reason=decision.evidence or decision.reason,
        note=note,
    )


def _outcome(
    decision: Decision, target: KnownMemory | None, plan: Plan, updated: set[object]
) -> tuple[Outcome, str]:
    fact = decision.fact
    if fact is None:
        refused = bool(decision.problem) or target is None
        return (Outcome.REFUSED if refused else Outcome.RETIRED), decision.problem or ""
    if decision.verdict != Verdict.DELETE and _saying(fact, plan):
        return Outcome.CONFIRMED, ""
    if decision.problem or decision.verdict == Verdict.ADD:
        return Outcome.STORED, decision.problem or ""
    if decision.verdict == Verdict.NONE:
        return Outcome.CONFIRMED, ""
    if decision.target_text is not None:
        return Outcome.SUPERSEDED, ""
    if target is None:
        return Outcome.STORED, "its target is unknown"
    if decision.verdict == Verdict.MERGE:
        return Outcome.MERGED, ""
    if target.is_immutable:
        return Outcome.STORED, "its target is immutable"
    return _change(decision, fact, target, plan, updated)


def _change(
    decision: Decision,
    fact: Fact,
    target: KnownMemory,
    plan: Plan,
    updated: set[object],
) -> tuple[Outcome, str]:
    if decision.verdict == Verdict.UPDATE:
        if target.attributed_to != fact.attributed_to:
            return Outcome.STORED, ANOTHERS_WORDS
        if target.id in updated:
            return Outcome.STORED, UPDATED_ALREADY
        return Outcome.UPDATED, ""
    if began_after(fact.valid.start, plan.created_at, target, fact.aspect):
        return Outcome.STORED, TRUE_EARLIER
    return Outcome.SUPERSEDED, ""


def _saying(fact: Fact | None, plan: Plan) -> KnownMemory | None:
    """The recalled memory that says these very words already."""
    if fact is None:
        return None
    return next((m for m in plan.known.values() if m.text == fact.text), None)


# --- pairing ------------------------------------------------------------------------

IsOne = Callable[[Settled, Settled], bool]


def _effect(fact: Settled | None) -> Settled | None:
    return fact if fact is not None and fact.outcome in EFFECTS else None


def _is_same(one: Settled, other: Settled) -> bool:
    is_one_change = (one.outcome, one.about) == (other.outcome, other.about)
    return is_one_change and _words(one) == _words(other)


def _is_about_same(one: Settled, other: Settled) -> bool:
    """Both are about one memory: they change, end or confirm it."""
    return one.about is not None and one.about == other.about


def _says_same(one: Settled, other: Settled) -> bool:
    return bool(_words(one)) and _words(one) == _words(other)


def _words(fact: Settled) -> str:
    return normalise(fact.text or "")


def _says_alike(one: Settled, other: Settled) -> bool:
    if not one.text or not other.text:
        return False
    left, right = _words(one).split(), _words(other).split()
    return SequenceMatcher(None, left, right, autojunk=False).ratio() >= ALIKE
