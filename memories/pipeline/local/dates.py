"""Dates in a sentence: absolute ones read, relative ones resolved and written out.

"I went hiking last Friday", said on Tuesday 9 May 2023, becomes "I went hiking on
5 May 2023". What can be meant in two ways ("next Friday" said on a Monday, "the other
day", 03/04/2023) is left as it stands. ``language.times`` reads the phrases.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from memories.language.letters import CAPITAL
from memories.language.recurrence import read_recurrence
from memories.language.spans import is_span, spell_out_spans
from memories.language.times import MONTHS, Found, Said, find_times, local_day
from memories.pipeline.local.grammar import (
    ENGAGED,
    STOOD,
    TENSELESS,
    expand_contractions,
    is_adverb,
    is_past,
    telling_verb,
    word_set,
)
from memories.types import ValidTime


def resolve_dates(
    text: str, spoken_at: datetime, timezone: str
) -> tuple[str, ValidTime]:
    """``text`` with absolute dates, and the time that they give it.

    ``spoken_at`` is the instant the sentence was said; the offset it has counts before
    ``timezone``. Bounds are midnights there: the first date in it, and an end where the
    sentence says one ("until", "from … to").
    """
    text = spell_out_spans(text)
    today, zone = local_day(spoken_at, timezone)
    said = Said(today, is_past=_speaks_of_past(text), is_future=_speaks_of_future(text))
    found = find_times(text, said)
    valid = _valid(text, found, today, zone)
    for item in reversed(found):
        written = _written(item)
        if written is not None:
            text = text[: item.start] + _fitted(text, item, written) + text[item.end :]
    return text, valid


# --- when it is true ------------------------------------------------------------------

_ENDS = ("until", "before")


def _valid(text: str, found: Sequence[Found], today: date, zone: tzinfo) -> ValidTime:
    """From the first date that is said, to the next one where that ends it.

    Of what was so before something else only that is known, as of "before May"; what
    used to be is over when it is told.
    """
    recurs = read_recurrence(text)
    own = [item for item in found if not _is_of_another(text[: item.start])]
    if not found:
        end = _midnight(today, zone) if _was_once(text) else None
        return ValidTime(None, end, None, recurs)
    if not own:
        end = _midnight(found[0].named.period.first, zone)
        return ValidTime(None, end, found[0].named.grain, recurs)
    first, precision = own[0], own[0].named.grain
    if first.side in _ENDS or _is_when_it_stopped(text, first):
        return ValidTime(None, _end(first, zone), precision, recurs)
    period = first.named.period
    begins = _next(period.last) if first.side == "after" else period.first
    start = _midnight(begins, zone)
    is_ended = len(own) > 1 and is_span(text, own[0], own[1])
    end = _end(own[1], zone) if is_ended else None
    if end is None and not first.side and _stood_for(text, first, today):
        end = _end(first, zone)
    is_later = start is not None and end is not None and start < end
    return ValidTime(start, end if is_later else None, precision, recurs)


_BEFORE = re.compile(
    r"\bbefore (?P<what>\S+(?:(?! (?:I|we|he|she|they)\b)[^,;])+)$", re.IGNORECASE
)
_OWNERS = word_set("my our his her their the")


def _is_of_another(before: str) -> bool:
    """Whether a date tells when something else was: "before I left Rome in" 2020."""
    found = _BEFORE.search(before)
    if found is None:
        return False
    what = [word for word in found["what"].split() if not is_adverb(word)]
    verb = 2 if what and what[0].lower() in _OWNERS else 1
    is_doing = any(word.endswith("ing") for word in what[:1])
    return is_doing or any(is_past(word) for word in what[verb : verb + 1])


_USED_TO = re.compile(r"^(?:[^,]+, )?(?P<who>(?:[\w'’-]+ ){1,4})used to (?=[a-z])")
_WAS_THERE = re.compile(
    r"^(?:[^,]+, )?(?P<who>(?:[\w'’-]+ ){1,4}?)(?:lived|resided|worked"
    r"|(?:was|were) (?:living|working|based|employed))"
    rf"(?: [\w'’-]+){{0,4}}? (?:in|at|for|by) (?:the )?{CAPITAL}"
)
_NOT_OVER = re.compile(
    r"\b(?:am|is|are|was|were|be|been|get|gets|got|getting|became|when|where|that|which"
    r"|who|how|and|have|has)\b|['’](?:m|s|re|ve) $",
    re.IGNORECASE,
)
_BY_NOW = re.compile(r"\b(?:now|nowadays|these days|currently|today)\b", re.IGNORECASE)


def _was_once(text: str) -> bool:
    """ "I used to smoke", "I worked at Acme", and no word of now; nobody who is only
    used to it."""
    told = _USED_TO.match(text) or _WAS_THERE.match(text)
    return bool(told and not _NOT_OVER.search(told["who"]) and not _BY_NOW.search(text))


_STOPPED = re.compile(r"\bbut (?:have )?(?:stopped|quit|gave (?:it |that )?up)\b")


def _is_when_it_stopped(text: str, found: Found) -> bool:
    """ "used to smoke but stopped in 2022"."""
    return _was_once(text) and bool(_STOPPED.search(text[: found.start]))


def _stood_for(text: str, found: Found, today: date) -> bool:
    """ "had a dog in 2010": so it was for that year, which is over; "lived in Rome last
    summer" for that summer."""
    if found.named.period.last >= today:
        return False
    if _was_once(text) or found.named.grain != "year":
        return _was_once(text)
    verb = telling_verb(expand_contractions(text), is_dated=True)
    return verb in STOOD and not _PASSIVE.search(text)


_PASSIVE = re.compile(
    r"\b(?:was|were) (?:\w+ed|born|given|made|taken)\b", re.IGNORECASE
)


def _end(found: Found, zone: tzinfo) -> datetime | None:
    """ "until May" is until May is over, "before May" until it begins."""
    period = found.named.period
    return _midnight(
        period.first if found.side == "before" else _next(period.last), zone
    )


def _next(day: date) -> date | None:
    return day + timedelta(days=1) if day < date.max else None


def _midnight(day: date | None, zone: tzinfo) -> datetime | None:
    return datetime.combine(day, time(), zone) if day else None


# --- how it is written ----------------------------------------------------------------

_PREPOSITION = re.compile(
    r"\b(on|in|since|until|till|by|from|before|after|for|of|at|during|to|between)\s+$",
    re.IGNORECASE,
)
_ABSOLUTE = re.compile(
    rf"(the )?\d+(st|nd|rd|th)?[-/ ](?!.*ago)|({'|'.join(m[:3] for m in MONTHS)})",
    re.IGNORECASE,
)


def _written(found: Found) -> str | None:
    """The days of a phrase in words that stay true; None: it says them by itself."""
    named, groups = found.named, found.match.groupdict()
    first = named.period.first
    if groups.get("feast"):
        feast = groups["feast"].capitalize()
        return None if groups["y"] else f"on {feast} {first.year}"
    match named.grain:
        case "day":
            part = f"the {named.part} of " if named.part else ""
            return f"on {part}{written_day(first)}"
        case "weekend":
            return f"on the weekend of {written_day(first)}"
        case "week":
            return f"in the week of {written_day(first)}"
        case "season" if not groups["y"]:
            return f"in {groups['season'].lower()} {first.year}"
        case "month" | "year" if not _is_bare(found):
            return _with_duration(found, _of_calendar(found))
    return None


def _is_bare(found: Found) -> bool:
    """A year as a number stays where it is, and "since May" its preposition."""
    return found.named.grain == "year" and "y" in found.match.groupdict()


def _of_calendar(found: Found) -> str:
    first = found.named.period.first
    if found.named.grain == "year":
        return f"in {first.year}"
    return f"in {MONTHS[first.month - 1].capitalize()} {first.year}"


def _with_duration(found: Found, written: str) -> str:
    """ "have had them for 3 years" goes stale: the year it began does not."""
    groups = found.match.groupdict()
    if "core" not in groups:
        return written
    since = re.sub(r"^in ", "since ", written)
    return f"for {groups['n']} {groups['unit']} ({since})"


def _fitted(text: str, found: Found, written: str) -> str:
    """Drop "on" or "in" where the sentence has a preposition already, or had none."""
    before, phrase = text[: found.start], text[found.start : found.end]
    lead = (found.match.groupdict().get("lead") or "").lower()
    if found.side and lead:  # "since May" keeps it
        return phrase[: len(lead)] + re.sub(r"^(on|in) ", "", written)
    if _ABSOLUTE.match(phrase) or _PREPOSITION.search(before):
        return re.sub(r"^(on|in) (the )?", r"\2", written)
    if not before.strip() and phrase[:1].isupper():
        return written[0].upper() + written[1:]
    return written


def written_day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1].capitalize()} {day.year}"


# --- the tense of a sentence ----------------------------------------------------------


_TOLD_AS_PAST = re.compile(r"\b(just|already|ago|been)\b")
_BARE_PAST = re.compile(
    r"\b(?:i|we|he|she|they|(?:my|our) \w+)(?: (?:also|finally|\w+ly))* "
    rf"(?:{'|'.join(sorted(TENSELESS))})\b",
    re.IGNORECASE,
)
""" "I read it on Monday": a day tells that it is past, where none recurs."""
_ENGAGED = re.compile(rf"\b{ENGAGED}\b", re.IGNORECASE)


def _speaks_of_past(text: str) -> bool:
    words = re.findall(r"[a-z']+", text.lower())
    if any(is_past(word) for word in words) or _TOLD_AS_PAST.search(text):
        return True
    return bool(_BARE_PAST.search(text)) and not (
        read_recurrence(text) or _speaks_of_future(text)
    )


def _speaks_of_future(text: str) -> bool:
    pattern = (
        r"\b(will|shall|going to|gonna|plan(ning)?|planned|'ll|tomorrow|soon|hope|"
        r"hoping|"
        r"about to|want to|looking forward|scheduled|upcoming|coming up|"
        r"(am|is|are|'m|'re|'s) \w+ing)\b"
    )
    return bool(re.search(pattern, text.lower()) or _ENGAGED.search(text))
