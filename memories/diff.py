"""What changed between two texts, word by word, and between two sets of values.

Pure: no Django, no markup. Whoever shows a diff decides how it looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

type SegmentKind = Literal["equal", "removed", "added"]

MOST_COMPARED = 250_000
"""Pairs of tokens that are worth comparing: about 20 ms at the worst, measured."""
LEAST_ALIKE = 0.2
"""Below this share of common words, shreds of the old text only get in the way."""

# Scripts that put no spaces between words are compared by character, with its marks.
_UNSPACED = (
    "\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"  # kana, han
    "\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ec0-\u0ec6"
    "\u1000-\u102a\u1780-\u17b3"  # Thai, Lao, Burmese, Khmer
)
_MARKS = (
    "\u3099-\u309c\u30fc\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc"
    "\u0ec8-\u0ecd\u102b-\u103e\u17b4-\u17d3\u200c\u200d\ufe00-\ufe0f"
)
_PUNCTUATION = (
    r"!-/:-@\[-\^`{-~\u00a1-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb\u00bf"
    r"\u2000-\u200b\u200e-\u206f\u3000-\u303f\u30fb\uff01-\uff0f\uff1a-\uff20"
)
_LETTER = rf"[^\s{_PUNCTUATION}{_UNSPACED}]"
_TOKEN = re.compile(
    rf"\s+"
    rf"|[{_UNSPACED}][{_MARKS}]*"
    # don't, 10,000, 2026-05-01, ann@example.com
    rf"|{_LETTER}+(?:(?:['’@.-](?={_LETTER})|(?<=\d)[,:/](?=\d)){_LETTER}+)*"
    rf"|.",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text that stayed, went or came."""

    kind: SegmentKind
    text: str


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A named value before and after; None where it was not there."""

    name: str
    old: Any
    new: Any


def diff_words(old: str, new: str) -> tuple[Segment, ...]:
    """The segments of a change, in reading order, what went before what came.

    ``equal`` and ``removed`` make the old text, ``equal`` and ``added`` the new one.
    """
    return tuple(_joined(_folded(_compared(_words(old), _words(new)))))


def diff_values(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> tuple[ValueChange, ...]:
    """What differs as JSON (``true`` is not 1), by name, the names of the old first."""
    old, new = old or {}, new or {}
    return tuple(
        ValueChange(name, old.get(name), new.get(name))
        for name in dict.fromkeys([*old, *new])
        if name not in old or name not in new or not _same(old[name], new[name])
    )


type _Change = tuple[str, str]
"""What went, what came; the same twice where nothing changed."""


def _words(text: str) -> list[str]:
    return _TOKEN.findall(text)


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[_Change]:
    """Only what lies between the same beginning and the same end is compared."""
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    head, tail = old[:start], old[len(old) - end :]
    yield _same_text(head)
    yield from _middle(old[start : len(old) - end], new[start : len(new) - end])
    yield _same_text(tail)


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """How many of the first tokens are the same."""
    for count, (mine, yours) in enumerate(zip(old, new, strict=False)):
        if mine != yours:
            return count
    return min(len(old), len(new))


def _middle(old: Sequence[str], new: Sequence[str]) -> Iterator[_Change]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if (
        len(old) * len(new) > MOST_COMPARED
        or _likeness(matcher, old, new) <= LEAST_ALIKE
    ):
        yield "".join(old), "".join(new)
        return
    for _, i, i_end, j, j_end in matcher.get_opcodes():
        yield "".join(old[i:i_end]), "".join(new[j:j_end])


def _likeness(
    matcher: SequenceMatcher[str], old: Sequence[str], new: Sequence[str]
) -> float:
    """The share of words, spaces aside, that two texts have in common; 0..1."""
    blocks = matcher.get_matching_blocks()
    same = (token for i, _, size in blocks for token in old[i : i + size])
    words = sum(not token.isspace() for token in (*old, *new))
    return 2 * sum(not token.isspace() for token in same) / max(words, 1)


def _same_text(tokens: Sequence[str]) -> _Change:
    text = "".join(tokens)
    return text, text


def _folded(changes: Iterator[_Change]) -> Iterator[_Change]:
    """One change of three words, not three of one with the spaces between them."""
    pending, space = ("", ""), ""
    for went, came in changes:
        if went != came:
            pending = pending[0] + space + went, pending[1] + space + came
            space = ""
        elif pending != ("", "") and went.isspace() and not space:
            space = went
        elif went:
            yield pending
            yield space, space
            yield went, came
            pending, space = ("", ""), ""
    yield pending
    yield space, space


def _joined(changes: Iterator[_Change]) -> Iterator[Segment]:
    """Segments with something in them, neighbours of one kind as one."""
    equal = ""
    for went, came in changes:
        if went == came:
            equal += went
            continue
        if equal:
            yield Segment("equal", equal)
            equal = ""
        if went:
            yield Segment("removed", went)
        if came:
            yield Segment("added", came)
    if equal:
        yield Segment("equal", equal)


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        return not diff_values(old, new)
    if isinstance(old, list) and isinstance(new, list):
        pairs = zip(old, new, strict=False)
        return len(old) == len(new) and all(_same(a, b) for a, b in pairs)
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)
