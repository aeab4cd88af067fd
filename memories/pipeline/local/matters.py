"""What a fact is about, apart from when: plans and what became of them, corrections.

"User visited Anna in Oslo on 3 February" is what a plan to visit her came to, and "in
March" what a mistaken "in February" is corrected to, though none of these words are the
same. Tenses, dates and words of planning are left out, and the rest is compared.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache

from memories.language.times import LENGTHS, MONTHS, WEEKDAYS
from memories.pipeline.local.aspects import read_aspect
from memories.pipeline.local.grammar import word_set
from memories.pipeline.local.words import (
    content_stems,
    is_negated,
    kin,
    names,
    stem,
    words_of,
)
from memories.types import Aspect, Fact, ValidTime

LATE = timedelta(days=31)
"""How much later than planned what happened may be and still be what was planned."""
_TELLING = 2
"""Words of a matter, beside whose it is, that make two of them one."""
_BASES = {
    past: base
    for base, pasts in {
        "run": "ran", "visit": "go goes going went gone trip travel travels traveling"
        " travelling traveled travelled", "buy": "bought", "meet": "met", "see": "saw",
        "fly": "flew flown", "drive": "drove driven", "begin": "began begun",
        "take": "took taken", "give": "gave given", "make": "made", "find": "found",
        "leave": "left", "swim": "swam swum", "eat": "ate eaten", "speak": "spoke",
        "write": "wrote written", "build": "built", "teach": "taught", "sell": "sold",
        "sing": "sang sung", "ride": "rode ridden", "spend": "spent", "win": "won",
        "become": "became", "pay": "paid", "hold": "held", "send": "sent",
        "throw": "threw thrown", "draw": "drew drawn", "choose": "chose chosen",
        "grow": "grew grown", "catch": "caught", "bring": "brought", "tell": "told",
        "do": "did done", "marry": "married marries marrying",
        "come": "came", "sleep": "slept", "stand": "stood",
    }.items()
    for past in pasts.split()
}  # fmt: skip
_PLANNING = word_set(
    """plans plan planning planned intends intend hopes hope hoping aims aim wants want
    wishes wish would love loves dreams dream thinking considering looking forward
    scheduled about set due will shall booked has have cancelled canceled called
    off decided against postponed delayed happening fell falls anymore"""
)
_NAMED_DATES = frozenset({*MONTHS, *WEEKDAYS})
_UNTOLD = (
    _PLANNING
    | _NAMED_DATES
    | word_set(
        "week weekend month year night morning afternoon evening spring summer autumn"
        " fall winter"
    )
)
"""Of no matter: words of planning, and of when."""
_CALLED_OFF = re.compile(
    r"\b(?:cancel(?:l?ed|s)|called off|decided (?:not to|against)|gave up on|postponed"
    r"|delayed|(?:fell|falls) through)\b|\b(?:is|are) (?:now )?(?:off|not happening)\b"
)
_GIVEN_UP = (
    re.compile(
        r"^(?P<who>.+?) (?:has |have )?(?:stopped (?=\w+ing\b)|quit |gave up "
        r"|given up |(?:is |are )?no longer )(?P<what>.+)$"
    ),
    re.compile(
        r"^(?P<who>.+?) (?:does|do|is|are) not (?P<what>.+?) any ?(?:more|longer)$"
    ),
)
_WHOSE = re.compile(r"^[\w-]+(?:['’]s? [a-z]+)?")
_CACHED_TEXTS = 4096


def may_be_outcome(fact: Fact, planned: ValidTime, told_at: datetime) -> bool:
    """Whether the dates allow a fact to be what a plan came to: it was not over before
    the plan was told, nor begins much later than was planned. Undated, it may.
    """
    happened = fact.valid
    if happened.start is None or is_negated(fact.text) or is_called_off(fact.text):
        return True
    over, limit = _end(happened), _end(planned)
    is_older = over is not None and over < told_at
    return not is_older and (limit is None or happened.start <= limit + LATE)


def _end(valid: ValidTime) -> datetime | None:
    if valid.end or valid.start is None:
        return valid.end
    return valid.start + LENGTHS.get(valid.precision, timedelta(days=1))


def is_called_off(text: str) -> bool:
    return bool(_CALLED_OFF.search(text))


def is_outcome(new: str, plan: str) -> bool:
    """Whether ``new`` tells that a plan came about, or was called off."""
    is_off = is_called_off(new)
    if _is_anothers(new, plan) and not (is_off and _is_of_it(new, plan)):
        return False
    speaker = {stem(words_of(plan)[0])}
    told, planned = matter(new) - speaker, matter(plan) - speaker
    aspect = read_aspect(new)
    if is_negated(new) or aspect is Aspect.ABSENCE or is_off:
        return bool(told) and told <= planned
    if aspect is Aspect.PREFERENCE or min(len(told), len(planned)) < _TELLING:
        return False
    return planned <= told or (aspect is Aspect.EVENT and told <= planned)


def is_given_up(new: str, old: str) -> bool:
    """Whether ``old`` is a habit that ``new`` tells the end of, and says no less.

    What it begins with is what was given up: who stopped playing tennis may teach it.
    """
    over = next((found for form in _GIVEN_UP if (found := form.match(new))), None)
    if over is None or not old.startswith(f"{over['who']} "):
        return False
    told = content_stems(over["what"])
    known = words_of(old.removeprefix(over["who"]))
    doing = next((stems for word in known if (stems := content_stems(word))), None)
    is_same = doing is not None and doing <= told <= content_stems(old)
    return is_same and read_aspect(old) is Aspect.STATE


def is_of_other_days(new: str, old: str) -> bool:
    """Whether a text names weekdays, and not all of those that another names."""
    days = _days(new)
    return bool(days) and days != _days(old)


def _days(text: str) -> frozenset[str]:
    return frozenset(
        day for word in words_of(text) if (day := word.lower().rstrip("s")) in WEEKDAYS
    )


def is_redated(new: str, old: str) -> bool:
    """Whether both tell of one matter, and at different times."""
    if _is_anothers(new, old) or is_negated(new) or not is_dated_apart(new, old):
        return False
    told = matter(new)
    return len(told) > 1 and told == matter(old)


def is_dated_apart(new: str, old: str) -> bool:
    """Whether each names a day, a month or a year that the other does not."""
    one, other = dates(new), dates(old)
    return bool(one - other) and bool(other - one)


@lru_cache(maxsize=_CACHED_TEXTS)
def matter(text: str) -> frozenset[str]:
    """Stems of what is told: no dates, tenses, denials or words of planning."""
    clause = re.sub(r"\bgoing to (?=[a-z])", "", text.split(";")[0])
    words = (_BASES.get(word.lower(), word) for word in words_of(clause))
    kept = [
        word for word in words if not word.isdigit() and word.lower() not in _UNTOLD
    ]
    return content_stems(" ".join(kept)) - {stem("stopped")}


@lru_cache(maxsize=_CACHED_TEXTS)
def dates(text: str) -> frozenset[str]:
    """Months, weekdays and numbers that a text names."""
    named = [word for word in words_of(text) if word.lower() in _NAMED_DATES]
    return frozenset(
        [w for w in named if w[0].isupper()] + re.findall(r"\b\d+\b", text)
    )


def _is_anothers(new: str, old: str) -> bool:
    """Whether they begin with somebody else, or name other people."""
    one, other = _WHOSE.match(new), _WHOSE.match(old)
    is_one = bool(one and other) and one[0].lower() == other[0].lower()  # type: ignore[index]
    named, known = names(new), names(old)
    is_apart = bool(named - known and known - named)
    return not is_one or is_apart or not (kin(new) <= kin(old) or kin(old) <= kin(new))


def _is_of_it(new: str, plan: str) -> bool:
    """ "User's trip to Rome", or "The trip to Rome", of what User plans."""
    owner = re.match(r"[\w-]+", plan)
    is_theirs = re.match(r"(?:The|Their) ", new) or new.startswith(
        f"{owner[0] if owner else ''}'s "
    )
    return bool(is_theirs)
