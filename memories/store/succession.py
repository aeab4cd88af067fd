"""What one memory may do to another, and what is true of both afterwards. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from memories.models import Memory
from memories.store.sequence import began_after, sets_right, was_over
from memories.types import Fact, State, ValidTime


def may_change(target: Memory) -> bool:
    return target.state == State.ACTIVE and not target.is_immutable


def why_untouched(target: Memory | None) -> str:
    """Why a target is left as it is."""
    if target is None:
        return "its target is unknown"
    if target.is_immutable:
        return "its target is immutable"
    return f"its target is {target.state}"


def end_of(target: Memory, at: datetime) -> datetime:
    """When its truth ends that ended ``at`` the latest; never before it began."""
    end = min(at, target.valid_to or at)
    return max(end, target.valid_from or end)


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a fact comes in among what was so before and after it: until when it holds,
    and which memories it ends that another had ended later."""

    until: datetime | None = None
    ended: tuple[Memory, ...] = ()

    def bounded(self, fact: Fact) -> Fact:
        if self.until is None:
            return fact
        end = min(fact.valid.end or self.until, self.until)
        return replace(fact, valid=replace(fact.valid, end=end))


def turn_of(
    fact: Fact,
    said_at: datetime,
    over: Iterable[tuple[Memory, Memory]],
    until: datetime | None,
) -> Turn:
    """A fact's turn before ``until``, among superseded memories of its position, each
    with what replaced it.

    Moves that are told out of order leave one home at a time. What ended for no reason
    but that it was over, a visit, ends nothing and keeps its interval.
    """
    start, ended = fact.valid.start, []
    for memory, successor in over:
        is_seam = memory.valid_to == (successor.valid_from or successor.created_at)
        if sets_right(fact.aspect, memory.aspect) or not is_seam:
            continue
        if began := began_after(start, said_at, memory, fact.aspect):
            until = min(until or began, began)
        elif not was_over(start or said_at, memory, fact.aspect):
            ended.append(memory)
    return Turn(until, tuple(ended))


def ordered(valid: ValidTime) -> ValidTime:
    """An end before the start is no end."""
    is_inverted = valid.start and valid.end and valid.end < valid.start
    return replace(valid, end=None) if is_inverted else valid


def updated_valid(new: ValidTime, target: Memory) -> ValidTime:
    """The new bounds, and the memory's where it has none and they agree."""
    start, end = new.start or target.valid_from, new.end or target.valid_to
    if start and end and end < start:
        start, end = new.start, new.end
    recurs = new.recurs or target.recurs
    return ordered(replace(new, start=start, end=end, recurs=recurs))


def categories_of(memory: Memory) -> tuple[str, ...] | None:
    return tuple(memory.categories) if memory.categories is not None else None
