"""The one place where time enters the platform; it reaches SQL as a parameter.

Never call ``datetime.now`` or ``timezone.now`` elsewhere, nor ``now()`` in SQL
(docs/adr: the clocks). Tests move time with :func:`frozen`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

MICROSECOND = timedelta(microseconds=1)

_frozen_at: ContextVar[datetime | None] = ContextVar("frozen_at", default=None)


def now() -> datetime:
    """The current instant, aware, UTC, microsecond resolution."""
    return _frozen_at.get() or datetime.now(UTC)


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
