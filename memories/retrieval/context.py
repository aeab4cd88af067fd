"""The block of memories that is put into an agent's prompt. Pure.

Between its delimiters every line is a memory, numbered, with the day it is of. What an
agent quotes of it, or sends back with its next add, is recognised and not learned again
(``pipeline/relearning.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from memories.types import CONTEXT_END, CONTEXT_START, MemoryView, State

_DELIMITER = re.compile(r"<(/?)(memories)>", re.IGNORECASE)


def context_block(memories: Iterable[MemoryView], timezone: str = "UTC") -> str:
    """Memories in their order, the best first; days in ``timezone``. Of none, nothing.

    A line is ``1. [2026-03-01] Ann is allergic to peanuts.``; what was superseded says
    so, lest an agent takes it for the present.
    """
    zone = ZoneInfo(timezone)
    lines = [
        f"{number}. [{_dated(memory, zone)}] {_one_line(memory.text)}"
        for number, memory in enumerate(memories, start=1)
    ]
    return "\n".join([CONTEXT_START, *lines, CONTEXT_END]) if lines else ""


def _dated(memory: MemoryView, zone: ZoneInfo) -> str:
    since = _day(memory.valid_from or memory.created_at, zone)
    if memory.valid_to is not None:
        return f"{since} to {_day(memory.valid_to, zone)}"
    return (
        f"{since}, no longer true" if memory.state == State.SUPERSEDED else f"{since}"
    )


def _day(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


def _one_line(text: str) -> str:
    """A memory cannot end the block, or begin a line that is another's."""
    return _DELIMITER.sub(r"[\1\2]", " ".join(text.split()))
