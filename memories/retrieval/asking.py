"""Which relation of whom a question asks for: "Where does Ann live?" asks for what says
where she lives, however far its words are from the question's. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from memories.language.kinds import ROLES
from memories.language.relations import relation_type

BY_LOVE = ("married_to", "engaged_to", "dating", "partner", "girlfriend", "boyfriend")
_ASKED = tuple(
    (re.compile(rf"\b({words})\b"), types)
    for words, types in (
        ("live[sd]?|(?<!for a )living|resid(es?|ed|ing)|home ?town", ("lives_in",)),
        (
            r"work(s|ed|ing)?(?! (on|out|with)\b)|jobs?|employ(ers?|ed)|profession"
            "|occupation|for a living",
            ("works_at", "works_as"),
        ),
        ("stud(y|ies|ied|ying)|enrolled", ("studies_at", "studied_at")),
        ("married|engaged|dat(es?|ed|ing)", BY_LOVE),
        ("born|birthplace", ("born_in",)),
        ("allerg(y|ies|ic)", ("allergic_to",)),
        ("languages?", ("speaks",)),
    )
)
_WHO = ("who ", "who else ", "which of ", "does anyone ", "does anybody ")
_ROLE = re.compile(
    rf"\b({'|'.join(word for words in ROLES.values() for word in words)})\b"
)


@dataclass(frozen=True, slots=True)
class Sought:
    """``types`` of relations; of somebody who is one of ``roles`` (relations, too) to
    whom the question names, or of whom it names. ``is_who``: what is named, or where
    who is named lives or works, may be the other end."""

    types: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    is_who: bool = False

    def __bool__(self) -> bool:
        return bool(self.types)


NOTHING = Sought()


def read_sought(lowered: str) -> Sought:
    """Of a question in small letters; "Who is my boss?" asks for who is that."""
    types = {t: None for found, ts in _ASKED if found.search(lowered) for t in ts}
    roles = {t: None for match in _ROLE.finditer(lowered) for t in _types_of(match[0])}
    if not types:
        return Sought(tuple(roles))
    is_who = not roles and lowered.startswith(_WHO)
    return Sought(tuple(types), tuple(roles), is_who)


def _types_of(word: str) -> tuple[str, ...]:
    """Every relation that makes somebody this; love is told in many ways."""
    types = next(
        tuple(sorted({relation_type(one) for one in words}))
        for words in ROLES.values()
        if word in words
    )
    return tuple(dict.fromkeys([*types, *BY_LOVE])) if {*types} & {*BY_LOVE} else types
