"""Recalled text is not re-learned (invariant 7, decision 16).

What an agent quotes from our own answers comes back in the next add as its message, or
as a tool's. Such spans are masked before extraction. Users are never masked: a person
who repeats a fact confirms it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from memories.types import CONTEXT_END, CONTEXT_START, ChatMessage

_BLOCK = re.compile(
    re.escape(CONTEXT_START) + r".*?(?:" + re.escape(CONTEXT_END) + r"|\Z)", re.DOTALL
)
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?]+|\n|$)")
_WORD = re.compile(r"\w+")
SHINGLE_WORDS = 3
# A sentence is ours when this share of its shingles stands in one memory: high enough
# that an answer which adds something new is still read.
OURS = 0.8


def mask_recalled(
    messages: Sequence[ChatMessage], memory_texts: Sequence[str]
) -> tuple[list[ChatMessage], list[int]]:
    """Messages without our own words, and the positions of those that had only such.

    Masked spans are dropped from system, assistant and tool messages.
    """
    known = [_shingles(text) for text in memory_texts]
    masked: list[ChatMessage] = []
    emptied: list[int] = []
    for position, message in enumerate(messages):
        if message.role == "user":
            masked.append(message)
            continue
        content = _without_ours(message.content, known)
        masked.append(replace(message, content=content))
        if message.content.strip() and not content.strip():
            emptied.append(position)
    return masked, emptied


def _without_ours(content: str, known: Sequence[frozenset[tuple[str, ...]]]) -> str:
    outside = _BLOCK.sub(" ", content)
    if not known:
        return outside
    kept = [
        sentence.group()
        for sentence in _SENTENCE.finditer(outside)
        if not _is_ours(sentence.group(), known)
    ]
    return "".join(kept)


def _is_ours(sentence: str, known: Sequence[frozenset[tuple[str, ...]]]) -> bool:
    shingles = _shingles(sentence)
    if not shingles:
        return False
    return any(len(shingles & text) >= OURS * len(shingles) for text in known)


def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Runs of three normalised words; shorter texts are one run."""
    words = [word.casefold() for word in _WORD.findall(text)]
    if not words:
        return frozenset()
    last = max(1, len(words) - SHINGLE_WORDS + 1)
    return frozenset(tuple(words[i : i + SHINGLE_WORDS]) for i in range(last))
