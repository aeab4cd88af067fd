"""What a question asks for, read without a model: names, times, what is quoted. Pure.

Nothing here can fail a search: what is not understood is no signal.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime

from memories.language.periods import Period, read_periods

FEW_WORDS = 2
"""With fewer words of substance left, a question is about its names alone."""
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_TOKEN = re.compile(r"\S+")
_QUOTED = re.compile(r"[\"“”„«»]([^\"“”„«»]{2,200})[\"“”„«»]")
_POSSESSIVE = re.compile(r"['’]s?$")
_WHEN = re.compile(
    r"^(when|how long|how many (days|weeks|months|years)|since when|until when"
    r"|(in|on|during|by|around|at) (what|which) (\w+ )?"
    r"(day|date|week|weekend|month|season|year|time)"
    r"|(what|which) (day|date|week|weekend|month|season|year|time))\b"
)
_LATEST = re.compile(
    r"\b(latest|newest|most recent(ly)?|last time|current(ly)?|now|nowadays|these days"
    r"|at present)\b"
)
_FIRST = re.compile(r"\b(first|earliest|oldest|originally|initially)\b")
_ASKS_AGENT = re.compile(
    r"\bdid you (recommend|suggest|say|tell|mention|advise|propose|explain|give|write"
    r"|show|list|answer)\b"
    r"|\byou (recommended|suggested|said|told|mentioned|advised|proposed|explained|gave"
    r"|wrote|showed|listed|answered)\b"
    r"|\byour (advice|(recommendation|suggestion|answer|proposal|explanation)s?)\b"
)
_FUNCTION_WORDS = frozenset(
    """
    a about all an and any are as at be been by can could did do does for from had
    has have he her hers him his how i in into is it its just many may me might
    much my of on or our she should so tell than that the their them then there
    these they this those to us was we were what when where which who whom whose
    why will with would you your
    """.split()  # noqa: SIM905 - to be read
)


@dataclass(frozen=True, slots=True)
class Query:
    """A question as the legs ask it.

    ``unnamed`` is without the people it names: they are everywhere in a conversation
    of theirs, and drown what is asked about them. ``names`` are those, lower case.
    ``phrases`` are what it quotes. ``periods`` are the days it names, ``asks_when``
    whether the answer is a time, ``order`` which of several it means: "first",
    "latest" (what is so now, too), or neither. ``asks_agent``: it asks for what the
    agent said.
    """

    text: str
    unnamed: str
    names: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()
    periods: tuple[Period, ...] = ()
    asks_when: bool = False
    order: str = ""
    asks_agent: bool = False


def read_query(
    text: str,
    people: Collection[str] = (),
    *,
    reference: datetime | None = None,
    timezone: str = "UTC",
) -> Query:
    """``people`` are the names of who speaks in the scope, in any case.

    ``reference`` is the instant that "last week" is said at; None: now is not asked,
    and such words mean nothing.
    """
    known = {part for name in people for part in _parts(name)}
    kept, named = _without(text, known)
    lowered = " ".join(text.lower().split())
    return Query(
        text=text,
        unnamed=kept if _has_substance(kept) else text,
        names=frozenset(named),
        phrases=tuple(match[1].strip() for match in _QUOTED.finditer(text)),
        periods=read_periods(text, reference, timezone),
        asks_when=bool(_WHEN.match(lowered)),
        order=_order(lowered),
        asks_agent=bool(_ASKS_AGENT.search(lowered)),
    )


def may_name(text: str) -> bool:
    """Whether there is a word in it that may be a name; else nobody need be known."""
    return any(word[0].isupper() or not word.isascii() for word in _WORD.findall(text))


def _without(text: str, known: Collection[str]) -> tuple[str, set[str]]:
    kept: list[str] = []
    named: set[str] = set()
    for token in _TOKEN.findall(text):
        name = _bare(token)
        if name in known and not token[0].islower():
            named.add(name)
            continue
        kept.append(token)
    return " ".join(kept), named


def _bare(token: str) -> str:
    """A word without punctuation around it, nor the 's of a possessive."""
    match = _WORD.search(token)
    return _POSSESSIVE.sub("", match[0]).lower() if match else ""


def _parts(name: str) -> list[str]:
    """A name, and each of its words that could stand for it."""
    words = [word.lower() for word in _WORD.findall(name)]
    return [word for word in words if len(word) > 1 and word not in _FUNCTION_WORDS]


def _has_substance(text: str) -> bool:
    words = {word.lower() for word in _WORD.findall(text)}
    return len(words - _FUNCTION_WORDS) >= FEW_WORDS


def _order(lowered: str) -> str:
    if _LATEST.search(lowered):
        return "latest"
    return "first" if _FIRST.search(lowered) else ""


def overlaps(periods: Collection[Period], start: datetime, end: datetime) -> bool:
    """Whether an interval touches one of the days asked about."""
    first, last = _day(start), _day(end)
    return any(p.first <= last and first <= p.last for p in periods)


def _day(instant: datetime) -> date:
    return instant.astimezone(UTC).date()
