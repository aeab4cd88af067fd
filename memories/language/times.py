"""Time expressions in English: which days a phrase names, in facts and questions. Pure.

One reader for both. A fact is written down, so that what can be meant in two ways
("next Friday" on a Monday) names nothing; a question is searched with, so that it names
what is likeliest. Nothing that is said breaks it: 31 June is no day.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.easter import easter
from dateutil.relativedelta import relativedelta

Precision = Literal["instant", "day", "weekend", "week", "month", "season", "year"]
PRECISIONS = ("instant", "day", "weekend", "week", "month", "season", "year")
LENGTHS: Mapping[str | None, timedelta] = {
    "day": timedelta(days=1),
    "weekend": timedelta(days=2),
    "week": timedelta(days=7),
    "month": timedelta(days=31),
    "season": timedelta(days=92),
    "year": timedelta(days=366),
}
"""How long a time of a precision is at most; an instant, and one unknown, is none."""

MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
WEEKDAYS = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
]
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_COUNTED = "one two three four five six seven eight nine ten eleven twelve"
_NUMBERS = {word: count for count, word in enumerate(_COUNTED.split(), start=1)}
_NUMBERS |= {"a": 1, "an": 1, "a couple of": 2, "a few": 3}
_VAGUE = "a few"


# --- where and when it is said --------------------------------------------------------


def zone_of(instant: datetime, timezone_name: str) -> tzinfo:
    """Where "today" is counted: the offset that an instant came with, else the zone.

    UTC is what a clock says that knows no better. An unknown zone counts as UTC.
    """
    if instant.tzinfo is not None and instant.utcoffset():
        return instant.tzinfo
    try:
        return ZoneInfo(timezone_name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def local_day(instant: datetime, timezone_name: str) -> tuple[date, tzinfo]:
    """The calendar day of ``instant`` where it was said, and that zone.

    A naive instant is UTC; the calendar's first and last day are the same everywhere.
    """
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    zone = zone_of(aware, timezone_name)
    try:
        return aware.astimezone(zone).date(), zone
    except OverflowError:
        return aware.date(), UTC


def utc_offset(instant: datetime) -> int | None:
    """Minutes east of UTC; None where it says no more than UTC."""
    offset = instant.utcoffset()
    return round(offset / timedelta(minutes=1)) if offset else None


def at_offset(instant: datetime, minutes: int | None) -> datetime:
    """The same instant as it was given, as far as the calendar goes."""
    if not minutes:
        return instant
    try:
        return instant.astimezone(timezone(timedelta(minutes=minutes)))
    except (OverflowError, ValueError):
        return instant


# --- days -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day to the last, both within it."""

    first: date
    last: date

    def widened(self, slack: timedelta) -> Period:
        """So much earlier and later, as far as the calendar goes."""
        return Period(
            max(date.min + slack, self.first) - slack,
            min(date.max - slack, self.last) + slack,
        )


@dataclass(frozen=True, slots=True)
class Named:
    """The days that a phrase names; ``grain`` None: no unit of the calendar.

    ``part`` is of a day: morning, afternoon, evening, night.
    """

    period: Period
    grain: Precision | None
    part: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """Where a phrase stands: the day it is said on, what the verbs around it tell of
    the time, and whether it is asked with. ``today`` None: nobody knows."""

    today: date | None
    is_question: bool = False
    is_past: bool = False
    is_future: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A phrase in a text: where, which days, and on which side of them: "since" (from
    their beginning on), "after" (their end), "until" (their end), "before" (their
    beginning), or "" (within)."""

    start: int
    end: int
    named: Named
    side: str
    match: re.Match[str]


def find_times(text: str, said: Said) -> list[Found]:
    """Every phrase that names days, in order, without those inside a longer one."""
    found: list[Found] = []
    if not _HINT.search(text):
        return found
    rest = text
    for pattern, read in _PHRASES:
        matches = list(pattern.finditer(rest))
        for match in matches:
            try:
                named = read(match, said)
            except (ValueError, OverflowError, KeyError):  # 31 June, or before year 1
                named = None
            if named is not None:
                start, end = match.span("core" if "core" in pattern.groupindex else 0)
                found.append(Found(start, end, named, _side(text, match), match))
        if matches:
            rest = pattern.sub(_masked, rest)
    return sorted(found, key=lambda item: item.start)


def _masked(match: re.Match[str]) -> str:
    """A private character for each: what was read is not read again."""
    whole, groups = match[0], match.groupdict()
    head = len(groups.get("head") or "")
    return whole[:head] + _MASK * (len(whole) - head)


_MASK = "\ue000"
_SIDES = {
    "before": "before",
    "prior to": "before",
    "until": "until",
    "till": "until",
    "after": "after",
    "since": "since",
    "from": "since",
}
_SIDE = re.compile(rf"\b({'|'.join(_SIDES)})\s+(?:the\s+)?$", re.IGNORECASE)


def _side(text: str, match: re.Match[str]) -> str:
    """Not of "suffered from in May", which has a preposition of its own."""
    if match[0][:3].lower() in ("in ", "on "):
        return ""
    lead = match.groupdict().get("lead") or ""
    found = _SIDE.search(text[max(0, match.start() - 20) : match.start()] + lead)
    return _SIDES[found[1].lower()] if found else ""


def count_of(word: str) -> int:
    """ "3", "three", "a couple of"; raises KeyError."""
    plain = " ".join(word.lower().split())
    return int(plain) if plain.isdigit() else _NUMBERS[plain]


def month_number(name: str) -> int:
    start = name.lower()[:3]
    return next(n for n, month in enumerate(MONTHS, 1) if month.startswith(start))


def weekday_number(name: str) -> int:
    start = name.lower()[:3]
    return next(n for n, day in enumerate(WEEKDAYS) if day.startswith(start))


def _day(day: date, part: str = "") -> Named:
    return Named(Period(day, day), "day", part)


def _whole_month(year: int, month: int) -> Named:
    last = calendar.monthrange(year, month)[1]
    return Named(Period(date(year, month, 1), date(year, month, last)), "month")


def _whole_year(year: int) -> Named:
    return Named(Period(date(year, 1, 1), date(year, 12, 31)), "year")


def _whole_season(year: int, season: str) -> Named:
    first = date(year, SEASONS[season], 1)
    last = first + relativedelta(months=3) - timedelta(days=1)
    return Named(Period(first, last), "season")


def _around(today: date, count: int, unit: str) -> Named:
    """The day, week, weekend, month or year that lies so many away."""
    if unit == "day":
        return _day(today + timedelta(days=count))
    if unit in ("week", "weekend"):
        week = today + timedelta(weeks=count)
        monday = week - timedelta(days=week.weekday())
        first = monday + timedelta(days=5 if unit == "weekend" else 0)
        grain: Precision = "weekend" if unit == "weekend" else "week"
        return Named(Period(first, monday + timedelta(days=6)), grain)
    if unit == "month":
        month = today + relativedelta(months=count)
        return _whole_month(month.year, month.month)
    return _whole_year(today.year + count)


def _unit(match: re.Match[str]) -> str:
    return match["unit"].lower().removesuffix("s")


# --- what names its days by itself ----------------------------------------------------

Reader = Callable[[re.Match[str], Said], Named | None]


def _iso(match: re.Match[str], _said: Said) -> Named:
    return _day(date(int(match["y"]), int(match["m"]), int(match["d"])))


def _slashed(match: re.Match[str], _said: Said) -> Named | None:
    """Day and month are told apart only when one of them exceeds twelve."""
    first, second, year = int(match["a"]), int(match["b"]), int(match["y"])
    if first > 12 >= second:
        return _day(date(year, second, first))
    return _day(date(year, first, second)) if second > 12 >= first else None


def _date(match: re.Match[str], said: Said) -> Named | None:
    month, day = month_number(match["month"]), int(match["d"])
    year = int(match["y"]) if match["y"] else _year_of(month, day, said)
    return _day(date(year, month, day)) if year else None


def _month_of_year(match: re.Match[str], _said: Said) -> Named:
    return _whole_month(int(match["y"]), month_number(match["month"]))


def _year_month(match: re.Match[str], _said: Said) -> Named:
    return _whole_month(int(match["y"]), int(match["m"]))


_QUARTERS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4}


def _quarter(match: re.Match[str], said: Said) -> Named | None:
    """Asked with only: a fact's times have no such unit."""
    if not said.is_question:
        return None
    named = match["q"].lower()
    quarter = int(named[1]) if named[0] == "q" else _QUARTERS[named.split()[0]]
    first = date(int(match["y"]), 3 * quarter - 2, 1)
    last = first + relativedelta(months=3) - timedelta(days=1)
    return Named(Period(first, last), None)


def _year(match: re.Match[str], said: Said) -> Named | None:
    """A bare number is a year where it is asked with, or said to be one."""
    is_said = bool(match["lead"]) or said.is_question
    return _whole_year(int(match["y"])) if is_said else None


def _part_of_year(match: re.Match[str], _said: Said) -> Named:
    """ "late 2023": in that year; from which month on nobody says."""
    return _whole_year(int(match["y"]))


def _year_of(month: int, day: int, said: Said) -> int | None:
    """The year of a date without one: the nearest in the direction of the tense; a
    question in no tense means the one that began last."""
    if said.today is None or (not said.is_question and said.is_future == said.is_past):
        return None
    year = said.today.year
    if said.is_question and not said.is_future:
        return year if month <= said.today.month else year - 1
    if said.is_past:
        is_later = (month, day) > (said.today.month, said.today.day)
        return year - 1 if is_later else year
    return year if (month, day) >= (said.today.month, 1) else year + 1


# --- what counts from today -----------------------------------------------------------


def _month(match: re.Match[str], said: Said) -> Named | None:
    if said.today is None:
        return None
    month = month_number(match["month"])
    which = match["lead"].strip().lower()
    if which == "last":
        return _whole_month(said.today.year - (month >= said.today.month), month)
    if which == "this":
        return _whole_month(said.today.year, month)
    if which == "of" and not said.is_question:
        return None
    if which == "since":  # it has begun, whatever the verb says
        said = replace(said, is_past=True, is_future=False)
    year = _year_of(month, 1 if said.is_past else 28, said)
    return _whole_month(year, month) if year else None


def _season(match: re.Match[str], said: Said) -> Named | None:
    """ "Last summer", said in autumn, may be the one just over or the one before it."""
    season, which = match["season"].lower(), (match["which"] or "").lower()
    if match["y"]:
        return _whole_season(int(match["y"]), season)
    if said.today is None or not which:
        return None
    begins, today = SEASONS[season], said.today
    if not said.is_question:
        is_clear = which == "last" and season in ("summer", "fall", "autumn")
        is_clear &= today.month <= 8
        return _whole_season(today.year - 1, season) if is_clear else None
    if which in ("next", "coming"):
        return _whole_season(today.year + (begins <= today.month), season)
    is_to_come = which == "last" and begins + 2 > today.month
    return _whole_season(today.year - is_to_come, season)


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
_PARTS = {"last night": "night", "tonight": "evening"}


def _near(match: re.Match[str], said: Said) -> Named | None:
    if said.today is None or (not said.is_question and _owns(match)):
        return None
    phrase = " ".join(match["phrase"].lower().split())
    part = (match["part"] or "").strip().lower() or _PARTS.get(phrase, "")
    if not part and phrase.startswith("this "):
        part = phrase.removeprefix("this ")
    return _day(said.today + timedelta(days=_DAYS_OFF[phrase]), part)


def _owns(match: re.Match[str]) -> bool:
    """ "Today's", "last year's": a name of a thing more than a time."""
    return match.string[match.end() : match.end() + 2] in ("'s", "’s")


def _ago(match: re.Match[str], said: Said) -> Named | None:
    count = " ".join(match["n"].lower().split())
    if said.today is None or (count == _VAGUE and not said.is_question):
        return None
    return _around(said.today, -count_of(count), _unit(match))


def _half_years_ago(match: re.Match[str], said: Said) -> Named | None:
    if said.today is None:
        return None
    return _around(said.today, -6 if match["half"] else -18, "month")


def _feast(match: re.Match[str], said: Said) -> Named | None:
    """Of a year, or the one before or after the day it is said on."""
    name, which = match["feast"].lower(), (match["which"] or "").lower()
    if match["y"]:
        return _day(_day_of_feast(name, int(match["y"])))
    if said.today is None or not which:
        return None
    year = said.today.year
    day = _day_of_feast(name, year)
    if which == "last" and day >= said.today:
        day = _day_of_feast(name, year - 1)
    if which in ("next", "coming") and day <= said.today:
        day = _day_of_feast(name, year + 1)
    return _day(day)


def _day_of_feast(name: str, year: int) -> date:
    return date(year, 12, 25) if name == "christmas" else easter(year)


def _ahead(match: re.Match[str], said: Said) -> Named | None:
    """ "in two weeks" is a date of the future only: not in "learned in two weeks"."""
    if said.today is None or said.is_past or not said.is_future:
        return None
    return _around(said.today, count_of(match["n"]), _unit(match))


def _second(match: re.Match[str], said: Said) -> Named | None:
    """ "the week before last", "the month after next"."""
    if said.today is None:
        return None
    count = -2 if match["way"].lower() == "before last" else 2
    return _around(said.today, count, _unit(match))


def _lately(match: re.Match[str], said: Said) -> Named | None:
    """ "in the last three months" goes up to today."""
    if said.today is None or not said.is_question:
        return None
    back = relativedelta(**{f"{_unit(match)}s": count_of(match["n"])})  # type: ignore[arg-type]
    return Named(Period(said.today - back, said.today), None)


def _begun(match: re.Match[str], said: Said) -> Named | None:
    """ "have had them for 3 years" began that long ago."""
    if said.today is None or said.is_question or match["n"].lower() == _VAGUE:
        return None
    return _around(said.today, -count_of(match["n"]), _unit(match))


_COUNTS = {"last": -1, "previous": -1, "past": -1, "this": 0, "next": 1, "coming": 1}
_STRETCH = re.compile(r"\b(over|for|in) $", re.IGNORECASE)


def _which(match: re.Match[str], said: Said) -> Named | None:
    """last, this or next week, weekend, month or year."""
    if said.today is None:
        return None
    count, unit = _COUNTS[match["which"].lower()], _unit(match)
    if said.is_question:
        return _around(said.today, count, unit)
    is_stretch = match["the"] and (
        match["lead"] == "over " or _STRETCH.search(match.string[: match.start()])
    )
    if is_stretch or _owns(match):
        return None
    if unit == "weekend":
        return _weekend(said.today, count, said)
    return _around(said.today, count, unit)


def _weekend(today: date, count: int, said: Said) -> Named | None:
    """On a Saturday or Sunday "this" and "past weekend" are the running one."""
    is_running = today.weekday() >= 5
    if count == 0 and said.is_past and not is_running:
        count = -1
    if count == 1 and not is_running:
        return None  # the coming one, or the one after
    return _around(today, count, "weekend")


def _weekday(match: re.Match[str], said: Said) -> Named | None:
    if said.today is None:
        return None
    which, name = match["which"].lower(), match["weekday"].lower()
    since = (said.today.weekday() - weekday_number(name)) % 7
    until = (weekday_number(name) - said.today.weekday()) % 7 or 7
    if said.is_question:
        return _weekday_asked(which, name, since, until, said)
    if which in ("last", "past", "this past") or (
        which in ("on", "this") and said.is_past and not said.is_future
    ):
        return _day(said.today - timedelta(days=since or 7))
    is_to_come = which == "on" and said.is_future and not said.is_past
    is_clear = which == "next" and said.today.weekday() + until >= 7
    if which in ("this", "coming") or is_to_come or is_clear:
        return _day(said.today + timedelta(days=until))
    return None


def _weekday_asked(
    which: str, name: str, since: int, until: int, said: Said
) -> Named | None:
    if name not in WEEKDAYS or said.today is None:
        return None
    is_ahead = said.is_future and which in ("on", "this")
    if which in ("next", "coming") or is_ahead:
        return _day(said.today + timedelta(days=until))
    return _day(said.today - timedelta(days=since or (7 if which == "last" else 0)))


def _weekday_before(match: re.Match[str], said: Said) -> Named | None:
    """ "two Fridays ago", "the Friday before last" counts from the last one."""
    if said.today is None:
        return None
    since = (said.today.weekday() - weekday_number(match["weekday"])) % 7 or 7
    return _day(said.today - timedelta(days=since + 7 * (count_of(match["n"]) - 1)))


# --- how it is said -------------------------------------------------------------------

_SHORT_MONTHS = "jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
_MONTH = rf"(?P<month>{'|'.join(MONTHS)}|{_SHORT_MONTHS})\b\.?"
_CAPITALISED = "|".join(month.capitalize() for month in MONTHS)
_MONTH_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
COUNT = rf"\d{{1,3}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))}"
_COUNT = rf"(?P<n>{COUNT})"
_SIDED = "since|until|till|before|after|from"
_NEAR = "|".join(sorted(_DAYS_OFF, key=len, reverse=True))
_SHORT_DAYS = "mon|tues?|wed|thurs?|fri|sat|sun"


def _phrase(
    pattern: str, read: Reader, flags: int = re.IGNORECASE
) -> tuple[re.Pattern[str], Reader]:
    return re.compile(pattern, flags), read


# In this order: a longer phrase before the shorter one inside it.
_PHRASES: tuple[tuple[re.Pattern[str], Reader], ...] = (
    _phrase(r"\b(?:on )?(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b", _iso),
    _phrase(
        r"\b(?:in )?(?P<y>(?:19|20)\d{2})-(?P<m>0[1-9]|1[0-2])\b(?!-)", _year_month
    ),
    _phrase(
        r"\b(?:in )?(?:the )?(?P<q>q[1-4]|(?:first|second|third|fourth|last) quarter)"
        r"(?: of)? (?P<y>(?:19|20)\d{2})\b",
        _quarter,
    ),
    _phrase(r"\b(?:on )?(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4})\b", _slashed),
    _phrase(
        rf"\b(?:on )?(?:the )?{_MONTH_DAY}(?: of)? {_MONTH}(?:,? (?P<y>\d{{4}})\b)?",
        _date,
    ),
    _phrase(
        rf"\b(?:on )?{_MONTH} (?:the )?{_MONTH_DAY}\b(?!:)(?:,? (?P<y>\d{{4}})\b)?",
        _date,
    ),
    _phrase(
        rf"\b(?P<lead>(?:in|{_SIDED}) )?(?:the )?"
        r"(?:(?:early|mid|late)[ -]|(?:very )?(?:beginning|start|middle|end) of )"
        r"(?P<y>(?:19|20)\d{2})\b",
        _part_of_year,
    ),
    _phrase(
        rf"\b(?P<lead>(?:at|on|over|during|{_SIDED}) )?"
        r"(?:(?P<which>last|this|next|coming) )?(?P<feast>christmas|easter)\b"
        r"(?! eve| day| party| present| gift| monday| sunday)"
        r"(?: (?P<y>(?:19|20)\d{2})\b)?",
        _feast,
    ),
    _phrase(
        rf"(?<!\d )\b(?:in )?{_MONTH},? (?:of )?(?P<y>(?:19|20)\d{{2}})\b",
        _month_of_year,
    ),
    _phrase(
        r"\b(?:(?P<which>last|this|next|past|coming) )?"
        rf"(?P<season>{'|'.join(SEASONS)})\b(?: (?:of )?(?P<y>(?:19|20)\d{{2}})\b)?",
        _season,
    ),
    _phrase(
        rf"\b(?P<phrase>{_NEAR})(?P<part> (?:morning|afternoon|evening|night))?"
        r"\b(?!-)",
        _near,
    ),
    _phrase(
        r"(?P<head>\b(?:have|has|'ve)\b[^.!?;]*?)\b"
        rf"(?P<core>for {_COUNT} (?P<unit>months|years)\b(?: now)?)(?! ago)",
        _begun,
    ),
    _phrase(
        rf"\b(?:last|past|previous) {_COUNT} (?P<unit>day|week|month|year)s?\b",
        _lately,
    ),
    _phrase(
        r"\b(?:about |around |almost |nearly )?(?:(?P<half>half a year)"
        r"|(?:a|one) year and a half|(?:one|1) and a half years) ago\b",
        _half_years_ago,
    ),
    _phrase(
        rf"\b(?:about |around |almost |nearly )?{_COUNT} "
        r"(?P<unit>day|week|weekend|month|year)s? ago\b",
        _ago,
    ),
    _phrase(
        rf"\bin {_COUNT} (?P<unit>days?|weeks?|weekends?|months?|years?)\b(?! ago)",
        _ahead,
    ),
    _phrase(
        rf"\b{_COUNT} (?P<weekday>{'|'.join(WEEKDAYS)})s ago\b",
        _weekday_before,
    ),
    _phrase(
        r"\bthe (?P<unit>week|weekend|month|year) (?P<way>before last|after next)\b",
        _second,
    ),
    _phrase(
        r"\b(?P<lead>during |over |on )?(?P<the>the )?"
        r"(?P<which>last|previous|past|this|next|coming) "
        r"(?P<unit>week|weekend|month|year)\b(?!s)",
        _which,
    ),
    _phrase(
        r"\b(?:on )?(?P<which>last|past|this past|this|next|coming|on) "
        rf"(?P<weekday>{'|'.join(WEEKDAYS)}|{_SHORT_DAYS})\b"
        r"(?!s)(?! (?:nights|mornings|afternoons|evenings))",
        _weekday,
    ),
    # Not "may" and "march" in lower case, but for "in may": nobody may there.
    _phrase(rf"\b(?P<lead>in )(?P<month>{'|'.join(MONTHS)})\b(?! \d)", _month),
    _phrase(
        rf"\b(?P<lead>(?i:of|during|last|this|{_SIDED}) )"
        rf"(?P<month>{_CAPITALISED})\b(?! \d)",
        _month,
        flags=0,
    ),
    _phrase(rf"\b(?P<lead>(?:in|to|{_SIDED}) )?(?P<y>(?:19|20)\d{{2}})\b", _year),
)

_HINT = re.compile(
    rf"\d|day|night|week|month|year|ago\b|morrow|christmas|easter"
    rf"|this (?:morning|afternoon|evening)|{'|'.join([*SEASONS, *MONTHS])}"
    rf"|\b(?:{_SHORT_MONTHS}|{_SHORT_DAYS})\b",
    re.IGNORECASE,
)
"""Without any of these no phrase is there: most of what is said names no time."""
