"""Patterns by rules: what is mentioned on several days, and what there is much of.

No model and no meaning: memories are grouped by a word they share, or by category, and
counted. The texts say no more than that, in English whatever the memories are in.
"""

from __future__ import annotations

import calendar
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from memories.language.times import local_day
from memories.pipeline.local.words import content_stems, numbers, stem, words_of
from memories.pipeline.patterns import (
    FEWEST_SOURCES,
    MOST_PATTERNS,
    SAME_SHARE,
)
from memories.types import KnownMemory, ProposedPattern

FEWEST_DAYS = 3
FEWEST_OF_CATEGORY = 5
SUBJECT_SHARE = 0.5
"""A word that opens so many of the memories is whom they are about."""
_CALENDAR = {name.lower() for name in (*calendar.month_name, *calendar.day_name)}


@dataclass(frozen=True, slots=True)
class _Group:
    """Memories that share a word (``label``), or a category."""

    label: str
    memories: tuple[KnownMemory, ...]
    days: tuple[date, ...]
    is_category: bool = False

    @property
    def rank(self) -> tuple[bool, int, int, str]:
        """Words before categories; then whatever comes back most often."""
        return self.is_category, -len(self.days), -len(self.memories), self.label

    @property
    def text(self) -> str:
        since = f"{calendar.month_name[self.days[0].month]} {self.days[0].year}"
        often = f"on {len(self.days)} days since {since}"
        if self.is_category:
            about = self.label.replace("_", " ")
            return f"{len(self.memories)} memories about {about}, {often}"
        weekdays = {day.weekday() for day in self.days}
        (only, *others) = (calendar.day_name[number] for number in weekdays)
        return f"Mentions {self.label} {often}" + (
            "" if others else f", always a {only}"
        )

    @property
    def reason(self) -> str:
        what = "category" if self.is_category else "word"
        shared = f'{len(self.memories)} memories share the {what} "{self.label}"'
        return f"by rules, no model was asked: {shared}"


def find_by_rules(
    memories: Sequence[KnownMemory], timezone: str
) -> list[ProposedPattern]:
    """Patterns of ``memories``, what comes back most often first; days in a timezone.

    Of groups that share half of their memories only the first is kept.
    """
    groups = sorted(
        [*_by_word(memories, timezone), *_by_category(memories, timezone)],
        key=lambda group: group.rank,
    )
    kept: list[_Group] = []
    for group in groups:
        if len(kept) < MOST_PATTERNS and not _is_told(group, kept):
            kept.append(group)
    return [ProposedPattern(g.text, g.memories, g.reason) for g in kept]


def _is_told(group: _Group, kept: Sequence[_Group]) -> bool:
    mine = {memory.id for memory in group.memories}
    shares = (
        len(mine & {memory.id for memory in other.memories}) / len(mine)
        for other in kept
    )
    return any(share >= SAME_SHARE for share in shares)


def _by_word(memories: Sequence[KnownMemory], timezone: str) -> Iterator[_Group]:
    subjects = _subjects(memories)
    sharing: Mapping[str, list[KnownMemory]] = defaultdict(list)
    spelled: Mapping[str, Counter[str]] = defaultdict(Counter)
    for memory in memories:
        found = {stem(word): word for word in words_of(memory.text)}
        for one in content_stems(memory.text) - subjects - numbers(memory.text):
            word = found.get(one, "")
            if len(word) > 2 and word.lower() not in _CALENDAR and not word.isdigit():
                sharing[one].append(memory)
                spelled[one][word] += 1
    for one, mine in sharing.items():
        # The commonest spelling; of two the first in the alphabet.
        label = min(spelled[one], key=lambda word: (-spelled[one][word], word))
        yield from _group(label, mine, timezone, FEWEST_SOURCES)


def _by_category(memories: Sequence[KnownMemory], timezone: str) -> Iterator[_Group]:
    sharing: Mapping[str, list[KnownMemory]] = defaultdict(list)
    for memory in memories:
        for category in memory.categories:
            sharing[category].append(memory)
    for category, mine in sharing.items():
        yield from _group(
            category, mine, timezone, FEWEST_OF_CATEGORY, is_category=True
        )


def _group(
    label: str,
    memories: Sequence[KnownMemory],
    timezone: str,
    fewest: int,
    *,
    is_category: bool = False,
) -> Iterator[_Group]:
    """The group, if there is enough of it."""
    days = sorted({_day(memory, timezone) for memory in memories})
    if len(memories) >= fewest and len(days) >= FEWEST_DAYS:
        yield _Group(label, tuple(memories), tuple(days), is_category)


def _subjects(memories: Sequence[KnownMemory]) -> frozenset[str]:
    """Stems of the words that open most of the memories: whom they are about."""
    openers = Counter(stem(words[0]) for m in memories if (words := words_of(m.text)))
    most = SUBJECT_SHARE * len(memories)
    return frozenset(word for word, count in openers.items() if count >= most)


def _day(memory: KnownMemory, timezone: str) -> date:
    """The day it tells of, else the day it was said."""
    return local_day(memory.valid.start or memory.created_at, timezone)[0]
