"""Whom a memory is about, where a question is about one person. Pure.

Read from how facts are worded: "Jonas lives in Hamburg.", "Alice's sister Anna lives in
Bergen." Turns, kept word for word, are about who said them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from memories.language.kinds import SELF, role_of
from memories.language.letters import CAPITAL, SMALL
from memories.retrieval.query import USER, Query, words_of

if TYPE_CHECKING:  # it is the ranking that asks
    from memories.retrieval.rank import Candidate

ANIMALS = ("dog", "cat")
"""What happens to somebody's dog happens to them."""
_NAME = rf"{CAPITAL}[\w-]+"
_HEAD = re.compile(rf"({_NAME})(['’]s)? ({SMALL}+)(?: ({_NAME}) )?")
"""How a fact begins: "Jonas lives", "Alice's sister Anna is"."""


def about_others(candidates: Sequence[Candidate], query: Query) -> frozenset[int]:
    """Positions of facts about others than whom the question is about.

    One that tells of that person, too, is not among them, nor one about somebody whom
    the question names.
    """
    if not query.whom:
        return frozenset()
    facts = [(i, c.text) for i, c in enumerate(candidates) if c.aspect is not None]
    if query.whom == USER and not _are_of_user([text for _, text in facts]):
        return frozenset()
    is_of_whom = re.compile(rf"\b(?:{'|'.join(map(re.escape, query.whom))})\b", re.I)
    found = {
        i: name for i, text in facts if (name := _other(text, query.whom, is_of_whom))
    }
    if not found:
        return frozenset()
    known, text = words_of(query.text) | SELF, "\n".join(text for _, text in facts)
    names = {
        name
        for name in {*found.values()}
        if name.lower() not in known and _is_name(name, text)
    }
    return frozenset(i for i, name in found.items() if name in names)


def _are_of_user(texts: Sequence[str]) -> bool:
    """Whether most tell of somebody without a name."""
    own = sum(text.lower().startswith("user") for text in texts)
    return 2 * own > len(texts)


def _other(text: str, whom: frozenset[str], is_of_whom: re.Pattern[str]) -> str | None:
    """The word that may name somebody else whom a fact is about."""
    head = _HEAD.match(text)
    if head is None:
        return None
    word, owns, following, name = head.groups()
    if word.lower() not in whom:
        return None if is_of_whom.search(text) else word
    role = role_of(following) if owns and name else ""
    return name if role and role not in ANIMALS else None


def _is_name(word: str, text: str) -> bool:
    """Whether it has a capital within sentences, too, and is nowhere written small."""
    if f" {word.lower()}" in text:
        return False
    at = text.find(f" {word}")
    while at > 0:
        if text[at - 1].islower() or text[at - 1] == ",":
            return True
        at = text.find(f" {word}", at + 1)
    return False
