"""What one memory may do to another, and what is true of both afterwards. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from memories.models import Memory
from memories.types import Aspect, State, ValidTime


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


def sets_right(aspect: str | None, known: str | None) -> bool:
    """Whether what contradicts a memory takes its place, whatever the dates of both.

    One event is not true until another is: it was told wrongly. And a plan is over once
    it came about or is off, be that sooner or later than it was planned for.
    """
    if known == Aspect.PLAN:
        return aspect not in (None, Aspect.PLAN)
    return known == aspect == Aspect.EVENT


def began_after(
    started: datetime | None,
    said_at: datetime,
    target: Memory,
    aspect: str | None = None,
) -> datetime | None:
    """When the target began, if what contradicts it, and tells of an ``aspect``, began
    earlier: both are true, one after the other. Of two undated ones, what was said
    earlier began earlier; what was said later denies what is yet to begin: a plan that
    is off.
    """
    if sets_right(aspect, target.aspect):
        return None
    if started is None and target.created_at <= said_at:
        return None
    began = target.valid_from or (None if started else target.created_at)
    return began if began and (started or said_at) < began else None


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
