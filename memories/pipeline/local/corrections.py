"""Sentences that set right what was said before: "No, it was March when I moved".

Some say only what was meant: "I meant 1 July 2024". What they set right is then the
sentence before, with its time or its name in other words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from memories.language.letters import CAPITAL
from memories.language.times import MONTHS, WEEKDAYS, Said, find_times
from memories.pipeline.local.words import NOT_NAMES

_SETS_RIGHT = re.compile(
    r"^(?:oh,? |well,? |sorry,? |wait,? )*(?:no\b[,.:;! –-]|actually,? |sorry[,:]? |"
    r"wait[,:]? |correction\b|i meant\b|i mean,? |let me correct|(?:it )?turns out\b"
    r"|(?:that|it)(?:'s| is| was) (?:all )?(?:a lie|a joke|not true|untrue|wrong"
    r"|false)\b"
    r"|i (?:lied|was wrong|was lying|was joking|was mistaken)\b|(?:just )?kidding\b)",
    re.IGNORECASE,
)
_LEAD = r"(?P<lead>^(?:(?:oh|well|no|sorry|wait|actually)\b[,.!:]? ?)*)"
_CLEFT = re.compile(
    rf"{_LEAD}it was (?P<when>[^,;]{{3,40}}?) (?:when|that) "
    r"(?P<what>(?:I|we|my|our)\b.*?)(?P<end>[.!]*)$",
    re.IGNORECASE,
)
_WITHOUT_DAY = re.compile(rf"(?:{'|'.join(MONTHS)})\b|\d{{4}}\b", re.IGNORECASE)
_DAY = re.compile(rf"\d|(?:{'|'.join([*MONTHS, *WEEKDAYS])}) ?\d*", re.IGNORECASE)
_ANY_DAY = date(2000, 1, 1)  # whether it is a time, not which


def sets_something_right(sentence: str) -> bool:
    return bool(_SETS_RIGHT.match(sentence.replace("’", "'").strip()))


def uncleft(sentence: str) -> str:
    """ "It was March when I moved" as "I moved in March"; anything else as it is."""
    match = _CLEFT.match(sentence.strip())
    if match is None or not _is_time(match["when"]):
        return sentence
    when = match["when"]
    return f"{match['lead']}{match['what']} {_preposition(when)}{when}{match['end']}"


_MEANT = re.compile(
    r"^(?:(?:oh|well|no|sorry|wait|actually|correction)\b[,.!:]? ?)*"
    r"(?P<meant>(?:I mean|I meant|I meant to say|make that|make it)\b,? )?"
    r"(?:(?:it|that) was |it's )?(?P<what>[^,;]{3,40}?)"
    r"(?:,? (?:and )?not (?:(?:in|at|on) )?(?P<instead>[^,;]{2,40}?))?[.!]*$",
    re.IGNORECASE,
)
_LINK = re.compile(r"\b(?:on|in|at) $", re.IGNORECASE)
_AHEAD = re.compile(r"^(?:on|in) ")
_BOUND = re.compile(r"\b(?:since|until|till|by|from|before|after|for) $", re.IGNORECASE)
_A_NAME = rf"{CAPITAL}[\w'’-]*\w(?: {CAPITAL}[\w'’-]*\w){{0,2}}"
_NAME = re.compile(rf"(?<=[\w,] ){_A_NAME}")
_ONLY_NAME = re.compile(rf"(?:(?:in|at|with|to|for|from) )?({_A_NAME})$")


@dataclass(frozen=True, slots=True)
class Meant:
    """What is meant instead of the time, or of the name, of the sentence before.

    ``instead``: which name of it, where that is said ("Tampere, not Turku").
    """

    words: str
    is_time: bool
    instead: str = ""


def read_meant(sentence: str) -> Meant | None:
    """Of a sentence that says nothing but that; a bare name may be somebody called."""
    match = _MEANT.match(sentence.strip().replace("’", "'"))
    if match is None or not sets_something_right(sentence):
        return None
    when = re.sub(r"^(?:on|in|at) ", "", match["what"], flags=re.IGNORECASE)
    if _is_time(when, from_start=True):
        return Meant(_preposition(when) + when, is_time=True)
    name = _ONLY_NAME.match(match["what"]) if match["meant"] else None
    if name is None or name[1] in NOT_NAMES:
        return None
    return Meant(name[1], is_time=False, instead=match["instead"] or "")


def put_right(said: str, meant: Meant) -> str | None:
    """``said`` with its one time, or its one name, as it was meant."""
    if meant.is_time:
        places = [
            (found.start + len(found.match.groupdict().get("lead") or ""), found.end)
            for found in find_times(said, Said(_ANY_DAY, is_question=True))
        ]
    else:
        names = (name for name in _NAME.finditer(said) if _may_mean(name[0], meant))
        places = [name.span() for name in names]
    if len(places) != 1:
        return None
    start, end = places[0]
    before = _LINK.sub("", said[:start]) if meant.is_time else said[:start]
    words = meant.words
    if meant.is_time and _BOUND.search(before):
        words = _AHEAD.sub("", words)
    return f"{before}{words}{said[end:]}"


def _may_mean(name: str, meant: Meant) -> bool:
    return name == meant.instead if meant.instead else name not in NOT_NAMES


def _is_time(when: str, *, from_start: bool = False) -> bool:
    """Whether a time ends it, or is all of it."""
    said = Said(_ANY_DAY, is_question=True)
    ahead = _preposition(when)
    ending = [
        found
        for found in find_times(f"{ahead}{when}", said)
        if found.end == len(f"{ahead}{when}")
    ]
    return any(found.start <= len(ahead) or not from_start for found in ending)


def _preposition(when: str) -> str:
    if _WITHOUT_DAY.match(when) and not re.search(r"\b\d{1,2}(?:st|nd|rd|th)?\b", when):
        return "in "
    return "on " if _DAY.match(when) else ""
