"""Which of two that contradict each other was so first, and which was over. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from memories.types import Aspect


class Dated(Protocol):
    """A memory: when it was said, what it tells of, and from when to when that was."""

    @property
    def created_at(self) -> datetime: ...
    @property
    def aspect(self) -> str | None: ...
    @property
    def valid_from(self) -> datetime | None: ...
    @property
    def valid_to(self) -> datetime | None: ...


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
    target: Dated,
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


def was_over(started: datetime, target: Dated, aspect: str | None = None) -> bool:
    """Whether the target's truth had ended when what contradicts it began: both are so,
    one after the other."""
    has_ended = target.valid_to is not None and target.valid_to <= started
    return has_ended and not sets_right(aspect, target.aspect)
