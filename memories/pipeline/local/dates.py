"""Dates in a sentence: absolute ones read, relative ones resolved and written out.

"I went hiking last Friday", said on Tuesday 9 May 2023, becomes "I went hiking on
5 May 2023". What can be meant in two ways ("next Friday" said on a Monday, "the other
day", 03/04/2023) is left as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.relativedelta import relativedelta

from memories.language.periods import MONTHS, WEEKDAYS
from memories.pipeline.local.grammar import is_past
from memories.pipeline.local.words import NUMBER_WORDS
from memories.types import ValidTime

_NUMBERS = {"a": 1, "an": 1, "a couple of": 2, "one": 1} | {
    word: int(digits) for word, digits in NUMBER_WORDS.items()
}

Precision = Literal["day", "month", "year"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A date found in a sentence: where it begins, how sure, and how it is written.

    ``precision`` is None for a week or a season, which no precision names.
    """

    start: date
    precision: Precision | None
    text: str


@dataclass(frozen=True, slots=True)
class _Moment:
    """The day a sentence was said on, and what its verbs say about the time."""

    today: date
    is_past: bool
    is_future: bool


def local_day(instant: datetime, timezone: str) -> tuple[date, tzinfo]:
    """The calendar day of ``instant`` in ``timezone``, and that zone.

    An unknown zone counts as UTC, as does a naive instant; the calendar's first and
    last day are the same everywhere.
    """
    try:
        zone: tzinfo = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = UTC
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    try:
        return aware.astimezone(zone).date(), zone
    except OverflowError:
        return aware.date(), UTC


def resolve_dates(
    text: str, spoken_at: datetime, timezone: str
) -> tuple[str, ValidTime]:
    """``text`` with absolute dates, and the time of the first date in it.

    ``spoken_at`` is the instant the sentence was said. Only ``start`` of the result is
    set, midnight in ``timezone``; how long a thing lasted is not read.
    """
    today, zone = local_day(spoken_at, timezone)
    moment = _Moment(today, _speaks_of_past(text), _speaks_of_future(text))
    found: list[tuple[int, Resolved]] = []
    for pattern, resolve in _RULES:
        text = pattern.sub(_replacer(resolve, moment, found), text)
    text = _unmask(text)
    if not found:
        return text, ValidTime()
    first = min(found, key=lambda item: item[0])[1]
    start = datetime.combine(first.start, time(), zone)
    return text, ValidTime(start=start, precision=first.precision)


Resolver = Callable[[re.Match[str], _Moment], Resolved | None]
_PREPOSITION = re.compile(
    r"\b(on|in|since|until|till|by|from|before|after|for|of|at|during|to|between)\s+$",
    re.IGNORECASE,
)
_ABSOLUTE = re.compile(
    rf"(the )?\d+(st|nd|rd|th)?[-/ ](?!.*ago)|({'|'.join(m[:3] for m in MONTHS)})",
    re.IGNORECASE,
)
_MASK = 0xE000  # private use area: a written date is not read again by later rules


def _replacer(
    resolve: Resolver, moment: _Moment, found: list[tuple[int, Resolved]]
) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        try:
            resolved = resolve(match, moment)
        except (ValueError, OverflowError):  # 31 June, or before year 1
            return match[0]
        if resolved is None:
            return match[0]
        found.append((match.start(), resolved))
        return _mask(_fit_preposition(match, resolved.text))

    return replace


def _fit_preposition(match: re.Match[str], written: str) -> str:
    """Drop "on" or "in" where the sentence has a preposition already, or had none."""
    before = match.string[: match.start()]
    had_none = bool(_ABSOLUTE.match(match[0]))
    if had_none or _PREPOSITION.search(before):
        return re.sub(r"^(on|in) (the )?", r"\2", written)
    if not before.strip():
        return written[0].upper() + written[1:]
    return written


def _mask(text: str) -> str:
    return "".join(chr(_MASK + ord(c)) if ord(c) < 128 else c for c in text)


def _unmask(text: str) -> str:
    return "".join(
        chr(ord(c) - _MASK) if _MASK <= ord(c) < _MASK + 128 else c for c in text
    )


def _speaks_of_past(text: str) -> bool:
    words = re.findall(r"[a-z']+", text.lower())
    return any(is_past(word) for word in words) or bool(
        re.search(r"\b(just|already|ago|been)\b", text)
    )


def _speaks_of_future(text: str) -> bool:
    pattern = (
        r"\b(will|shall|going to|gonna|plan(ning)?|planned|'ll|tomorrow|soon|hope|"
        r"hoping|"
        r"about to|want to|looking forward|scheduled|upcoming|coming up|"
        r"(am|is|are|'m|'re|'s) \w+ing)\b"
    )
    return bool(re.search(pattern, text.lower()))


def written_day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1].capitalize()} {day.year}"


def _on(day: date) -> Resolved:
    return Resolved(day, "day", f"on {written_day(day)}")


def _in_month(year: int, month: int) -> Resolved:
    first = date(year, month, 1)
    return Resolved(first, "month", f"in {MONTHS[month - 1].capitalize()} {year}")


def _in_year(year: int) -> Resolved:
    return Resolved(date(year, 1, 1), "year", f"in {year}")


def _in_week(day: date) -> Resolved:
    monday = day - timedelta(days=day.weekday())
    return Resolved(monday, None, f"in the week of {written_day(monday)}")


def _on_weekend(day: date) -> Resolved:
    saturday = day - timedelta(days=day.weekday()) + timedelta(days=5)
    return Resolved(saturday, None, f"on the weekend of {written_day(saturday)}")


def _count(word: str) -> int:
    word = word.lower().strip()
    return int(word) if word.isdigit() else _NUMBERS[word]


def _month_number(name: str) -> int:
    return next(
        number
        for number, month in enumerate(MONTHS, start=1)
        if month.startswith(name.lower().rstrip(".")[:3])
    )


def _year_of(month: int, day: int, moment: _Moment) -> int | None:
    """The year of a date without one: the nearest in the direction of the tense."""
    if moment.is_future == moment.is_past:
        return None
    this_year = moment.today.year
    is_later = (month, day) > (moment.today.month, moment.today.day)
    if moment.is_past:
        return this_year - 1 if is_later else this_year
    return this_year if (month, day) >= (moment.today.month, 1) else this_year + 1


# --- absolute -------------------------------------------------------------------------


def _iso(match: re.Match[str], _moment: _Moment) -> Resolved:
    return _on(date(int(match["y"]), int(match["m"]), int(match["d"])))


def _slashed(match: re.Match[str], _moment: _Moment) -> Resolved | None:
    """Day and month are told apart only when one of them exceeds twelve."""
    first, second = int(match["a"]), int(match["b"])
    if first > 12 >= second:
        return _on(date(int(match["y"]), second, first))
    if second > 12 >= first:
        return _on(date(int(match["y"]), first, second))
    return None


def _written_date(match: re.Match[str], moment: _Moment) -> Resolved | None:
    month, day = _month_number(match["month"]), int(match["d"])
    year = int(match["y"]) if match["y"] else _year_of(month, day, moment)
    return _on(date(year, month, day)) if year else None


def _written_month(match: re.Match[str], moment: _Moment) -> Resolved | None:
    month = _month_number(match["month"])
    if match["y"]:
        return _in_month(int(match["y"]), month)
    if (match["which"] or "").lower() == "last":
        return _in_month(moment.today.year - (month >= moment.today.month), month)
    if (match["which"] or "").lower() == "this":
        return _in_month(moment.today.year, month)
    day = 1 if moment.is_past else 28
    year = _year_of(month, day, moment)
    return _in_month(year, month) if year else None


def _bare_year(match: re.Match[str], _moment: _Moment) -> Resolved:
    return _in_year(int(match["y"]))


# --- relative -------------------------------------------------------------------------

_DAYS_OFF = {
    "the day before yesterday": -2,
    "the day after tomorrow": 2,
    "yesterday": -1,
    "last night": -1,
    "tomorrow": 1,
    "today": 0,
    "tonight": 0,
    "this morning": 0,
    "this afternoon": 0,
    "this evening": 0,
}


def _near_day(match: re.Match[str], moment: _Moment) -> Resolved:
    day = moment.today + timedelta(days=_DAYS_OFF[match["phrase"].lower()])
    part = (match["part"] or "").strip().lower()
    phrase = match["phrase"].lower()
    part = part or {"last night": "night", "tonight": "evening"}.get(phrase, "")
    part = part or (phrase.removeprefix("this ") if phrase.startswith("this ") else "")
    if not part:
        return _on(day)
    return Resolved(day, "day", f"on the {part} of {written_day(day)}")


def _ago(match: re.Match[str], moment: _Moment) -> Resolved | None:
    return _shifted(-_count(match["n"]), match["unit"].lower(), moment)


def _ahead(match: re.Match[str], moment: _Moment) -> Resolved | None:
    """ "in two weeks" is a date of the future only: not in "learned in two weeks"."""
    if moment.is_past or not moment.is_future:
        return None
    return _shifted(_count(match["n"]), match["unit"].lower(), moment)


def _shifted(count: int, unit: str, moment: _Moment) -> Resolved | None:
    if unit.startswith("day"):
        return _on(moment.today + timedelta(days=count))
    if unit.startswith("weekend"):
        return _on_weekend(moment.today + timedelta(weeks=count))
    if unit.startswith("week"):
        return _in_week(moment.today + timedelta(weeks=count))
    if unit.startswith("month"):
        month = moment.today + relativedelta(months=count)
        return _in_month(month.year, month.month)
    return _in_year(moment.today.year + count)


def _which_unit(match: re.Match[str], moment: _Moment) -> Resolved | None:
    """last, this or next week, weekend, month or year."""
    which, unit = match["which"].lower(), match["unit"].lower()
    count = {"last": -1, "past": -1, "this": 0, "next": 1, "coming": 1}[which]
    if unit == "weekend":
        return _weekend(count, moment)
    return _shifted(count, unit, moment)


def _weekend(count: int, moment: _Moment) -> Resolved | None:
    """On a Saturday or Sunday "this" and "past weekend" are the running one."""
    is_running = moment.today.weekday() >= 5
    if count == 0 and moment.is_past and not is_running:
        count = -1
    if count == 1 and not is_running:
        return None  # the coming one, or the one after
    return _on_weekend(moment.today + timedelta(weeks=count))


def _weekday(match: re.Match[str], moment: _Moment) -> Resolved | None:
    which = (match["which"] or "").lower()
    number = _weekday_number(match["day"])
    since = (moment.today.weekday() - number) % 7 or 7
    until = (number - moment.today.weekday()) % 7 or 7
    if which in ("last", "past", "this past") or (
        which in ("on", "this") and _only_past(moment)
    ):
        return _on(moment.today - timedelta(days=since))
    if which in ("this", "coming") or (which == "on" and _only_future(moment)):
        return _on(moment.today + timedelta(days=until))
    is_clear = which == "next" and moment.today.weekday() + until >= 7
    return _on(moment.today + timedelta(days=until)) if is_clear else None


def _only_past(moment: _Moment) -> bool:
    return moment.is_past and not moment.is_future


def _only_future(moment: _Moment) -> bool:
    return moment.is_future and not moment.is_past


def _weekday_number(name: str) -> int:
    prefix = name.lower()[:3]
    return next(n for n, day in enumerate(WEEKDAYS) if day.startswith(prefix))


def _weekday_before(match: re.Match[str], moment: _Moment) -> Resolved:
    """ "two Fridays ago", "the Friday before last" counts from the last one."""
    since = (moment.today.weekday() - _weekday_number(match["day"])) % 7 or 7
    weeks = _count(match["n"]) - 1
    return _on(moment.today - timedelta(days=since + 7 * weeks))


def _season(match: re.Match[str], moment: _Moment) -> Resolved | None:
    """Last summer, said before September of a year, is the year before's."""
    season = match["season"].lower()
    if moment.today.month > 8 or season not in ("summer", "fall", "autumn"):
        return None
    year = moment.today.year - 1
    return Resolved(date(year, 1, 1), "year", f"in {season} {year}")


def _duration(match: re.Match[str], moment: _Moment) -> Resolved | None:
    """ "have had them for 3 years" goes stale: the year it began does not."""
    shifted = _shifted(-_count(match["n"]), match["unit"].lower(), moment)
    if shifted is None:
        return None
    since = re.sub(r"^(on|in) ", "since ", shifted.text)
    written = f"for {match['n']} {match['unit']} ({since})"
    return Resolved(shifted.start, shifted.precision, match["head"] + written)


def _rule(pattern: str, resolve: Resolver) -> tuple[re.Pattern[str], Resolver]:
    return re.compile(pattern, re.IGNORECASE), resolve


_NUMBER = r"\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_UNIT = r"(?P<unit>days?|weeks?|weekends?|months?|years?)"
_MONTH = (
    r"(?P<month>january|february|march|april|may|june|july|august|september|october|"
    r"november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?"
)
_FULL_MONTH = (
    r"(?P<month>january|february|march|april|may|june|july|august|september|october|"
    r"november|december)\b"
)
_DAY_NAME = (
    r"(?P<day>monday|tuesday|wednesday|thursday|friday|saturday|sunday|"
    r"mon|tues?|wed|thurs?|fri|sat|sun)\b"
)
_LONG_DAY_NAME = r"(?P<day>monday|tuesday|wednesday|thursday|friday|saturday|sunday)"

# In this order: a longer phrase before the shorter one inside it.
_RULES: tuple[tuple[re.Pattern[str], Resolver], ...] = (
    _rule(r"\b(?:on )?(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b(?!T)", _iso),
    _rule(r"\b(?:on )?(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4})\b", _slashed),
    _rule(
        rf"\b(?:on )?(?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH}"
        r"(?:,? (?P<y>\d{4})\b)?",
        _written_date,
    ),
    _rule(
        rf"\b(?:on )?{_MONTH} (?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)"
        r"(?:,? (?P<y>\d{4})\b)?",
        _written_date,
    ),
    _rule(
        rf"(?<!\d )\b(?:in )?(?P<which>\b){_FULL_MONTH},? (?P<y>\d{{4}})\b",
        _written_month,
    ),
    _rule(rf"\b(?P<which>last|this) {_FULL_MONTH}(?P<y>)", _written_month),
    _rule(rf"\bin (?P<which>\b){_FULL_MONTH}(?P<y>)(?! \d)", _written_month),
    _rule(
        r"\b(?P<phrase>the day before yesterday|the day after tomorrow|yesterday|"
        r"last night|tomorrow|today|tonight|this morning|this afternoon|this evening)"
        r"(?P<part> morning| afternoon| evening| night)?\b(?!'s|-)",
        _near_day,
    ),
    _rule(
        rf"(?P<head>\b(?:have|has|'ve)\b[^.!?;]*?)\bfor "
        rf"(?P<n>{_NUMBER}) (?P<unit>months|years)\b(?: now)?(?! ago)",
        _duration,
    ),
    _rule(
        rf"\b(?:about |around |almost |nearly )?(?P<n>{_NUMBER}|an?|a couple of) "
        rf"{_UNIT} ago\b",
        _ago,
    ),
    _rule(rf"\bin (?P<n>{_NUMBER}|a|a couple of) {_UNIT}\b(?! ago)", _ahead),
    _rule(
        rf"\b(?P<n>{_NUMBER}) {_LONG_DAY_NAME}s ago\b",
        _weekday_before,
    ),
    _rule(
        r"\b(?:during |over |on )?(?<!over the )(?<!for the )(?<!in the )"
        r"(?:the )?(?P<which>last|past|this|next|coming) "
        r"(?P<unit>week|weekend|month|year)\b(?!'s)(?!s)",
        _which_unit,
    ),
    _rule(
        rf"\b(?:on )?(?P<which>last|past|this past|this|next|coming|on) {_DAY_NAME}"
        r"(?!s)(?! (?:nights|mornings|afternoons|evenings))",
        _weekday,
    ),
    _rule(r"\blast (?P<season>summer|fall|autumn)\b", _season),
    _rule(r"\bin (?P<y>(?:19|20)\d{2})\b", _bare_year),
)
