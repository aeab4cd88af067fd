"""Sentences that set right what was said before: "No, it was March when I moved"."""

from __future__ import annotations

import re
from datetime import date

from memories.language.times import MONTHS, WEEKDAYS, Said, find_times

_SETS_RIGHT = re.compile(
    r"^(?:oh,? |well,? |sorry,? |wait,? )*(?:no\b[,.:;! –-]|actually,? |sorry[,:]? |"
    r"wait[,:]? |correction\b|i meant\b|i mean,? |let me correct)",
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


def _is_time(when: str) -> bool:
    said = Said(_ANY_DAY, is_question=True)
    words = f"{_preposition(when)}{when}"
    return any(found.end == len(words) for found in find_times(words, said))


def _preposition(when: str) -> str:
    if _WITHOUT_DAY.match(when) and not re.search(r"\b\d{1,2}(?:st|nd|rd|th)?\b", when):
        return "in "
    return "on " if _DAY.match(when) else ""
