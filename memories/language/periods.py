"""The days that a question names: "in May 2023", "last week", "before 2020". Pure.

Wider than the dates of a fact: a period is searched in, not written down. What can be
meant in two ways is both; what is not understood is nothing.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.relativedelta import relativedelta

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
_COUNTED = "one two three four five six seven eight nine ten eleven twelve"
_NUMBERS = {word: count for count, word in enumerate(_COUNTED.split(), start=1)}
_NUMBERS |= {"a": 1, "an": 1, "a couple of": 2, "a few": 3}


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


_MONTH = rf"(?P<month>{'|'.join(MONTHS)}|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d{2})"
_COUNT = rf"(?P<n>\d{{1,3}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}

Reader = Callable[[re.Match[str], date | None], Period | None]


def read_periods(
    text: str, reference: datetime | None = None, timezone: str = "UTC"
) -> tuple[Period, ...]:
    """Every period a text names, in order, without those inside a longer phrase.

    ``reference`` is when it is said; without it only what names a month or a year by
    itself counts. An unknown zone is UTC.
    """
    today = _day_of(reference, timezone) if reference else None
    found: list[tuple[int, Period]] = []
    for pattern, read in _READERS:
        for match in pattern.finditer(text):
            try:
                period = read(match, today)
            except (ValueError, OverflowError):  # 31 June, or before year 1
                period = None
            if period is not None:
                found.append((match.start(), _beyond(text, match, period)))
        text = pattern.sub(lambda match: "·" * len(match[0]), text)
    return tuple(period for _, period in sorted(found, key=lambda item: item[0]))


def _day_of(instant: datetime, timezone: str) -> date:
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = ZoneInfo("UTC")
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    try:
        return aware.astimezone(zone).date()
    except OverflowError:
        return aware.date()


_BEFORE = re.compile(r"\b(before|until|till|prior to)\s+(the\s+)?$", re.IGNORECASE)
_AFTER = re.compile(r"\b(after|since|from)\s+(the\s+)?$", re.IGNORECASE)


def _beyond(text: str, match: re.Match[str], period: Period) -> Period:
    """ "before 2020" is all that was earlier, "since May" all from there on."""
    before = text[max(0, match.start() - 16) : match.start()]
    if _BEFORE.search(before):
        return Period(date.min, period.first)
    if _AFTER.search(before):
        return Period(period.first, date.max)
    return period


def _count(word: str) -> int:
    return int(word) if word.isdigit() else _NUMBERS[" ".join(word.lower().split())]


def _month_number(name: str) -> int:
    start = name.lower()[:3]
    return next(n for n, month in enumerate(MONTHS, 1) if month.startswith(start))


def _whole_month(year: int, month: int) -> Period:
    last = calendar.monthrange(year, month)[1]
    return Period(date(year, month, 1), date(year, month, last))


def _week_of(day: date) -> Period:
    monday = day - timedelta(days=day.weekday())
    return Period(monday, monday + timedelta(days=6))


def _iso(match: re.Match[str], _today: date | None) -> Period:
    day = date(int(match["y"]), int(match["m"]), int(match["d"]))
    return Period(day, day)


def _date(match: re.Match[str], today: date | None) -> Period | None:
    month, day = _month_number(match["month"]), int(match["day"])
    year = int(match["year"]) if match["year"] else _recent_year(month, today)
    if year is None:
        return None
    meant = date(year, month, day)
    return Period(meant, meant)


def _month(match: re.Match[str], today: date | None) -> Period | None:
    month = _month_number(match["month"])
    if match["year"]:
        return _whole_month(int(match["year"]), month)
    year = _recent_year(month, today)
    return _whole_month(year, month) if year else None


def _recent_year(month: int, today: date | None) -> int | None:
    """A month without a year is the one that began last."""
    if today is None:
        return None
    return today.year if month <= today.month else today.year - 1


def _season(match: re.Match[str], today: date | None) -> Period | None:
    begins = _SEASONS[match["season"].lower()]
    which = (match["which"] or "").lower()
    if match["year"]:
        year = int(match["year"])
    elif today is None or not which:
        return None
    elif which == "next":
        year = today.year + (begins <= today.month)
    else:
        year = today.year - (begins + 2 > today.month if which == "last" else 0)
    first = date(year, begins, 1)
    return Period(first, first + relativedelta(months=3) - timedelta(days=1))


def _year(match: re.Match[str], _today: date | None) -> Period:
    year = int(match["year"])
    return Period(date(year, 1, 1), date(year, 12, 31))


_TIME = re.compile(
    r"\b(yesterday|today|tonight|tomorrow|ago|last|next|since|weekends?|weeks?|months?"
    rf"|years?|days?|{'|'.join(WEEKDAYS)}|{'|'.join(m for m in MONTHS if m != 'may')}"
    r"|(?:19|20)\d{2}|\d{1,2}(?::\d{2})? ?[ap]m)\b"
)
_MAY = re.compile(r"\bMay\b")


def has_time(text: str) -> bool:
    """Whether a text says when something is, or how long it took."""
    return bool(_TIME.search(text.lower()) or _MAY.search(text))


_NEAR = {
    "the day before yesterday": -2,
    "yesterday": -1,
    "last night": -1,
    "today": 0,
    "tonight": 0,
    "this morning": 0,
    "tomorrow": 1,
    "the day after tomorrow": 2,
}


def _near(match: re.Match[str], today: date | None) -> Period | None:
    if today is None:
        return None
    day = today + timedelta(days=_NEAR[" ".join(match[0].lower().split())])
    return Period(day, day)


def _ago(match: re.Match[str], today: date | None) -> Period | None:
    if today is None:
        return None
    return _around(today, -_count(match["n"]), match["unit"].lower())


def _around(today: date, count: int, unit: str) -> Period:
    """The day, week, month or year that lies so many away."""
    if unit == "day":
        day = today + timedelta(days=count)
        return Period(day, day)
    if unit in ("week", "weekend"):
        week = _week_of(today + timedelta(weeks=count))
        is_end = unit == "weekend"
        return Period(week.last - timedelta(days=1), week.last) if is_end else week
    if unit == "month":
        month = today + relativedelta(months=count)
        return _whole_month(month.year, month.month)
    year = today.year + count
    return Period(date(year, 1, 1), date(year, 12, 31))


def _which(match: re.Match[str], today: date | None) -> Period | None:
    if today is None:
        return None
    count = {"last": -1, "previous": -1, "past": -1, "this": 0, "next": 1, "coming": 1}
    return _around(today, count[match["which"].lower()], match["unit"].lower())


def _lately(match: re.Match[str], today: date | None) -> Period | None:
    """ "in the last three months" goes up to today."""
    if today is None:
        return None
    count, unit = _count(match["n"]), match["unit"].lower()
    back = relativedelta(**{f"{unit}s": count})  # type: ignore[arg-type]
    return Period(today - back, today)


def _weekday(match: re.Match[str], today: date | None) -> Period | None:
    if today is None:
        return None
    number = WEEKDAYS.index(match["weekday"].lower())
    since = (today.weekday() - number) % 7
    which = (match["which"] or "on").lower()
    if which in ("next", "coming"):
        day = today + timedelta(days=(number - today.weekday()) % 7 or 7)
    else:
        day = today - timedelta(days=since or (7 if which == "last" else 0))
    return Period(day, day)


def _reader(
    pattern: str, read: Reader, flags: int = re.IGNORECASE
) -> tuple[re.Pattern[str], Reader]:
    return re.compile(pattern, flags), read


# In this order: a longer phrase before the shorter one inside it.
_READERS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    _reader(r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b", _iso),
    _reader(rf"\b{_DAY}(?: of)? {_MONTH}\b\.?(?:,? {_YEAR}\b)?", _date),
    _reader(rf"\b{_MONTH}\b\.? (?:the )?{_DAY}\b(?!:)(?:,? {_YEAR}\b)?", _date),
    _reader(rf"\b{_MONTH}\b\.?,? (?:of )?{_YEAR}\b", _month),
    _reader(
        r"\b(?:(?P<which>last|this|next|past) )?"
        rf"(?P<season>spring|summer|autumn|fall|winter)\b(?: (?:of )?{_YEAR}\b)?",
        _season,
    ),
    _reader(
        rf"\b(?:last|past|previous) {_COUNT} (?P<unit>day|week|month|year)s?\b",
        _lately,
    ),
    _reader(rf"\b{_COUNT} (?P<unit>day|week|weekend|month|year)s? ago\b", _ago),
    _reader(
        r"\b(?P<which>last|previous|past|this|next|coming)"
        r" (?P<unit>week|weekend|month|year)\b(?!s)",
        _which,
    ),
    _reader(rf"\b(?:{'|'.join(sorted(_NEAR, key=len, reverse=True))})\b", _near),
    _reader(
        r"\b(?P<which>last|next|coming|this|on) "
        rf"(?P<weekday>{'|'.join(WEEKDAYS)})\b(?!s)",
        _weekday,
    ),
    # Not "may" and "march" in lower case, nor "jun" inside a word.
    _reader(
        r"\b(?:in |of |during |since |before |after |last |this )"
        rf"(?P<month>{'|'.join(m.capitalize() for m in MONTHS)})\b(?P<year>)",
        _month,
        flags=0,
    ),
    _reader(rf"\b{_YEAR}\b", _year),
)
