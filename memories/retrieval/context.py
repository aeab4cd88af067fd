"""The block of memories that is put into an agent's prompt, within a budget. Pure.

Between its delimiters every line is a memory, numbered, with the day it is of; what
room is left goes to summaries, what was said last, and the memories' sources, in this
order. What an agent quotes of it, or sends back with its next add, is recognised and
not learned again (``pipeline/relearning.py``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from memories.language.days import end_day, first_day, in_zone
from memories.providers.local import count_tokens, cut_tokens
from memories.types import CONTEXT_END, CONTEXT_START, MemoryView, State

NOTHING = "Nothing that is remembered is relevant here."
DOUBTFUL = "Nothing that is remembered clearly answers this. The nearest:"
SUMMARY, SAID, SOURCES = "Summary", "Recent messages:", "Sources:"
TOKENS_OF_TURN = 120
"""Of a message; the rest of it is cut."""
ELLIPSIS = "…"

_DELIMITER = re.compile(r"<(/?)(memories)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Turn:
    """A message that is kept: a recent one, or one that memories came from."""

    id: UUID
    role: str
    name: str | None
    text: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class ContextSummary:
    """A rolling summary of one conversation."""

    text: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to say. Memories the best first, summaries the newest first, turns
    the oldest first; ``sources`` names the messages that a memory came from, and
    ``excerpts`` those of them that may be quoted. ``is_doubtful`` says that probably
    none of the memories holds the answer.
    """

    memories: Sequence[MemoryView] = ()
    is_doubtful: bool = False
    summaries: Sequence[ContextSummary] = ()
    turns: Sequence[Turn] = ()
    sources: dict[UUID, tuple[UUID, ...]] = field(default_factory=dict)
    excerpts: Sequence[Turn] = ()


@dataclass(frozen=True, slots=True)
class ContextBlock:
    """A block, its tokens by the local tokenizer, and what of the material is in it.

    ``cut`` is the first memory, where it alone was too long for the budget: the block
    has its beginning.
    """

    text: str
    tokens: int
    memories: tuple[MemoryView, ...] = ()
    summaries: tuple[ContextSummary, ...] = ()
    turns: tuple[Turn, ...] = ()
    excerpts: tuple[Turn, ...] = ()
    cut: MemoryView | None = None


class _Lines:
    """Lines within a budget. Tokens never span a line, so that they add up."""

    def __init__(self, budget: int | None) -> None:
        self._budget = budget
        self.lines: list[str] = []
        self.tokens = 0

    @property
    def room(self) -> int | None:
        """None: there is no end to it."""
        return None if self._budget is None else self._budget - self.tokens

    def add(self, *lines: str) -> bool:
        """All of them or, where there is no room, none."""
        tokens = sum(map(count_tokens, lines))
        if self.room is not None and tokens > self.room:
            return False
        self.lines += lines
        self.tokens += tokens
        return True


def build_context(
    material: Material, *, budget: int | None = None, timezone: str = "UTC"
) -> ContextBlock:
    """The block that this material makes; days in ``timezone``. Deterministic.

    A line is ``1. [2026-03-01] Ann is allergic to peanuts.``; what was superseded says
    so, lest an agent takes it for the present. A memory that does not fit gives way to
    the next that does; if not even the best fits, its beginning is told. Without any
    memory the block says that nothing is relevant; before doubtful ones, that nothing
    is clearly so.

    ``budget`` in tokens, the delimiters included, is never exceeded; it should be 50 at
    least. None: everything is in it.
    """
    zone = ZoneInfo(timezone)
    lines = _Lines(None if budget is None else budget - _tokens_of_frame())
    if material.memories and material.is_doubtful:
        lines.add(DOUBTFUL)
    memories, cut = _tell_memories(lines, material.memories, zone)
    summaries = [
        summary
        for summary in material.summaries
        if lines.add(
            f"{SUMMARY} [{in_zone(summary.updated_at, zone).date()}]:"
            f" {_one_line(summary.text)}"
        )
    ]
    turns = _tell_turns(lines, material.turns, zone)
    told = {turn.id for turn in turns}
    material = replace(
        material, excerpts=[t for t in material.excerpts if t.id not in told]
    )
    quoted = _tell_sources(lines, material, memories, zone)
    return ContextBlock(
        text="\n".join([CONTEXT_START, *lines.lines, CONTEXT_END]),
        tokens=lines.tokens + _tokens_of_frame(),
        memories=tuple(memories),
        summaries=tuple(summaries),
        turns=turns,
        excerpts=quoted,
        cut=cut,
    )


def _tokens_of_frame() -> int:
    return count_tokens(CONTEXT_START) + count_tokens(CONTEXT_END)


def _tell_memories(
    lines: _Lines, memories: Sequence[MemoryView], zone: ZoneInfo
) -> tuple[list[MemoryView], MemoryView | None]:
    """Those that are in the block, and the one that was cut, if any."""
    if not memories:
        lines.add(NOTHING)
        return [], None
    told: list[MemoryView] = []
    for memory in memories:
        if lines.add(_memory_line(len(told) + 1, memory, zone)):
            told.append(memory)
    if told:
        return told, None
    best = memories[0]
    is_told = lines.add(_cut(_memory_line(1, best, zone), lines.room or 0))
    return ([best], best) if is_told else ([], None)


def _memory_line(number: int, memory: MemoryView, zone: ZoneInfo) -> str:
    return f"{number}. [{_dated(memory, zone)}] {_one_line(memory.text)}"


def _tell_turns(
    lines: _Lines, turns: Sequence[Turn], zone: ZoneInfo
) -> tuple[Turn, ...]:
    """As many of the last as there is room for, without a gap; the oldest first."""
    said: list[str] = []
    tokens = count_tokens(SAID)
    for turn in reversed(turns):
        line = _turn_line(turn, zone)
        tokens += count_tokens(line)
        if lines.room is not None and tokens > lines.room:
            break
        said.insert(0, line)
    if not said or not lines.add(SAID, *said):
        return ()
    return tuple(turns[-len(said) :])


def _tell_sources(
    lines: _Lines, material: Material, told: Sequence[MemoryView], zone: ZoneInfo
) -> tuple[Turn, ...]:
    """What the memories of the block came from, each message once."""
    by_id = {turn.id: turn for turn in material.excerpts}
    quoted: dict[UUID, Turn] = {}
    for number, memory in enumerate(told, start=1):
        for message_id in material.sources.get(memory.id, ()):
            turn = by_id.get(message_id)
            if turn is None or message_id in quoted or _says_the_same(turn, memory):
                continue
            head = () if quoted else (SOURCES,)
            if lines.add(*head, f"({number}) {_turn_line(turn, zone)}"):
                quoted[message_id] = turn
    return tuple(quoted.values())


def _says_the_same(turn: Turn, memory: MemoryView) -> bool:
    """A memory that was stored word for word is its own source."""
    return turn.text.split() == memory.text.split()


def _turn_line(turn: Turn, zone: ZoneInfo) -> str:
    said = _cut(_one_line(turn.text), TOKENS_OF_TURN)
    who = _one_line(turn.name or turn.role)
    return f"[{turn.sent_at.astimezone(zone):%Y-%m-%d %H:%M}] {who}: {said}"


def _cut(text: str, tokens: int) -> str:
    """All of it, or its beginning and a mark that there was more."""
    if count_tokens(text) <= tokens:
        return text
    kept = cut_tokens(text, max(0, tokens - count_tokens(ELLIPSIS)))
    return f"{kept.rstrip()} {ELLIPSIS}"


def _dated(memory: MemoryView, zone: ZoneInfo) -> str:
    begin, end, precision = memory.valid_from, memory.valid_to, memory.valid_precision
    said = first_day(begin, precision, zone) if begin else None
    since = said or in_zone(begin or memory.created_at, zone).date()
    if end is not None:
        until = end_day(end, begin, precision, zone) or in_zone(end, zone).date()
        is_told_since = begin is not None or since <= until
        return f"{since} to {until}" if is_told_since else f"until {until}"
    return (
        f"{since}, no longer true" if memory.state == State.SUPERSEDED else f"{since}"
    )


def _one_line(text: str) -> str:
    """A memory cannot end the block, or begin a line that is another's."""
    return _DELIMITER.sub(r"[\1\2]", " ".join(text.split()))
