"""Patterns: what several memories have in common, and which of them are new.

A pattern names the memories it rests on, three at least, or it is none. By a model
here, by rules in ``local.patterns``. No Django.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from memories.pipeline.asking import Asker
from memories.pipeline.prompting import (
    line_tokens,
    profile_text,
    room_for_data,
    system_text,
)
from memories.pipeline.reply import ListReader, storable
from memories.pipeline.schemas import INTEGER, STRING, array_of, list_of_rows
from memories.prompts import get_prompt
from memories.providers.base import ChatRequest
from memories.providers.tokens import bound_tokens
from memories.types import (
    EngineOptions,
    KnownMemory,
    KnownPattern,
    PromptText,
    ProposedPattern,
    SettledPattern,
)

FEWEST_SOURCES = 3
MOST_PATTERNS = 10
MAX_CHARS = 500
SAME_SHARE = 0.5
"""Two patterns that share this much of the older one's sources are one pattern."""

_SCHEMA = list_of_rows("patterns", {"memories": array_of(INTEGER), "text": STRING})
_READER = ListReader(_SCHEMA, "patterns")


def settle(
    proposed: Sequence[ProposedPattern], known: Sequence[KnownPattern]
) -> list[SettledPattern]:
    """What is to be written, each pattern once; asked again, nothing is.

    The same memories, or fewer, are the same pattern, unless that is doubted. One that
    shares half of an older one's memories is that one grown, and changes it; where
    somebody has deleted or fixed the older one, that stands. What it had grown to, and
    was refused, it may outgrow with memories that nobody has seen in it.
    """
    settled: list[SettledPattern] = []
    taken: set[UUID] = set()
    for pattern in proposed:
        mine = pattern.source_ids
        if any(_is_same(mine, other) for other in known):
            continue
        near = [
            other
            for other in known
            if not other.is_refused and _is_grown(mine, other.source_ids)
        ]
        if not near:
            settled.append(SettledPattern(pattern))
        elif all(other.is_current for other in near) and near[0].id not in taken:
            taken.add(near[0].id)
            settled.append(SettledPattern(pattern, near[0].id))
    return settled


def _is_same(mine: frozenset[UUID], older: KnownPattern) -> bool:
    is_open = older.is_doubted and older.is_current
    return mine <= older.source_ids and not is_open


def _is_grown(mine: frozenset[UUID], older: frozenset[UUID]) -> bool:
    return bool(older) and len(mine & older) >= SAME_SHARE * len(older)


def find_by_model(
    asker: Asker,
    prompts: Mapping[str, PromptText],
    memories: Sequence[KnownMemory],
    options: EngineOptions,
) -> list[ProposedPattern]:
    """Patterns of ``memories``, the newest first, in the model's words.

    Memories that do not fit the model's window are left out, the oldest first. Raises
    ProviderError when the model cannot be made to answer.
    """
    prompt = get_prompt(prompts, "patterns")
    system = system_text(prompt, options)
    fixed_tokens = bound_tokens(system) + bound_tokens(json.dumps(_SCHEMA))
    shown = _fitting(memories, room_for_data(asker.context_tokens, fixed_tokens))
    user = profile_text(shown, options)
    request = ChatRequest(system, user, _SCHEMA, "patterns")
    rows = asker.ask(request, prompt, _READER.read).kept
    found = (_pattern(row["text"], row["memories"], shown) for row in rows)
    return [pattern for pattern in found if pattern][:MOST_PATTERNS]


def _pattern(
    text: str, numbers: Sequence[int], shown: Sequence[KnownMemory]
) -> ProposedPattern | None:
    """None where it rests on too little; numbers that were never shown do not count."""
    said = storable(text).strip()
    known = sorted({number for number in numbers if 1 <= number <= len(shown)})
    sources = tuple(shown[number - 1] for number in known)
    if not said or len(said) > MAX_CHARS or len(sources) < FEWEST_SOURCES:
        return None
    return ProposedPattern(
        said, sources, f"the model saw it in {len(sources)} memories"
    )


def _fitting(memories: Sequence[KnownMemory], room: int) -> list[KnownMemory]:
    shown: list[KnownMemory] = []
    for memory in memories:
        room -= line_tokens(memory.text)
        if room < 0:
            break
        shown.append(memory)
    return shown
