"""The one place where time enters the platform; it reaches SQL as a parameter.

Never call ``datetime.now`` or ``timezone.now`` elsewhere, nor ``now()`` in SQL
(docs/adr: the clocks). Tests move time with :func:`frozen`, the demo with
:func:`running_from`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

MICROSECOND = timedelta(microseconds=1)

_frozen_at: ContextVar[datetime | None] = ContextVar("frozen_at", default=None)
_behind: ContextVar[timedelta] = ContextVar("behind", default=timedelta())


def now() -> datetime:
    """The current instant, aware, UTC, microsecond resolution."""
    return _frozen_at.get() or datetime.now(UTC) - _behind.get()


def after(previous: datetime | None) -> datetime:
    """A known-time instant strictly later than ``previous`` (decision 10)."""
    current = now()
    if previous is None or current > previous:
        return current
    return previous + MICROSECOND


@contextmanager
def frozen(instant: datetime) -> Iterator[None]:
    """Hold the clock at ``instant`` within the block, in this context only."""
    token = _frozen_at.set(instant)
    try:
        yield
    finally:
        _frozen_at.reset(token)


@contextmanager
def running_from(instant: datetime) -> Iterator[None]:
    """Let the clock run on from ``instant`` within the block, in this context only.

    For a demonstration whose work is real and whose days are not: never for a tenant's
    own data.
    """
    token = _behind.set(datetime.now(UTC) - instant)
    try:
        yield
    finally:
        _behind.reset(token)
