"""How long the stages of one search took, for its trace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_times: ContextVar[dict[str, float] | None] = ContextVar("stages", default=None)


@contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Milliseconds by stage of what goes on inside, in the order they came."""
    times: dict[str, float] = {}
    token = _times.set(times)
    try:
        yield times
    finally:
        _times.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """One stage, also as a decorator; where nobody measures it is nothing."""
    started = time.perf_counter()
    try:
        yield
    finally:
        times = _times.get()
        if times is not None:
            taken_ms = (time.perf_counter() - started) * 1000
            times[name] = times.get(name, 0.0) + taken_ms
