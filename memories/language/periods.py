"""The days that a question names: "in May 2023", "last week", "before 2020". Pure.

Wider than the dates of a fact: a period is searched in, not written down. What can be
meant in two ways is both; what is not understood is nothing.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime, timedelta

from memories.language.spans import is_span, spell_out_spans
from memories.language.times import (
    COUNT,
    MONTHS,
    WEEKDAYS,
    Found,
    Period,
    Said,
    count_of,
    find_times,
    local_day,
)


def read_periods(
    text: str,
    reference: datetime | None = None,
    timezone: str = "UTC",
    *,
    is_ahead: bool = False,
) -> tuple[Period, ...]:
    """Every period a text names, in order, without those inside a longer phrase; "from
    2015 to 2019" is one.

    ``reference`` is when it is said; without it only what names a month or a year by
    itself counts. An unknown zone is UTC. ``is_ahead``: "in March" is the next one.
    """
    today = local_day(reference, timezone)[0] if reference else None
    text = spell_out_spans(text)
    rest = find_times(text, Said(today, is_question=True, is_future=is_ahead))
    periods: list[Period] = []
    while rest:
        first = rest.pop(0)
        is_begun = first.side not in _BEFORE
        if rest and is_begun and is_span(text, first, rest[0]):
            periods.append(_from_to(first, rest.pop(0)))
        else:
            periods.append(_meant(text[: first.start], first))
    return tuple(periods)


_BEFORE = ("before", "until")


def _from_to(first: Found, second: Found) -> Period:
    """ "before May" ends the day that it begins; a span told backwards is turned."""
    begin, end = first.named.period, second.named.period
    if end.first < begin.first:
        return Period(end.first, begin.last)
    return Period(begin.first, end.first if second.side == "before" else end.last)


def without_times(text: str) -> str:
    """The rest of a text once every phrase that names days is cut out of it."""
    kept, begin = [], 0
    for item in find_times(text, Said(date.max, is_question=True)):
        kept.append(text[begin : item.start])
        begin = max(begin, item.end)
    return " ".join([*kept, text[begin:]])


_BESIDE = re.compile(
    rf"\b(?:(?P<n>{COUNT}) )?(?P<unit>day|week|weekend|month|year|{'|'.join(WEEKDAYS)})"
    r"s? (?P<side>before|prior to|after|following) (?:the )?$",
    re.IGNORECASE,
)


def _meant(before: str, found: Found) -> Period:
    """ "before 2020" is all that was earlier, "since May" all from there on, and "the
    week before 3 May" that week."""
    period = found.named.period
    if beside := _BESIDE.search(before[-40:]):
        with suppress(OverflowError, KeyError):
            return _beside(beside, period)
    if found.side in _BEFORE:
        return Period(date.min, period.first)
    if found.side in ("after", "since"):
        return Period(period.first, date.max)
    return period


def _beside(match: re.Match[str], period: Period) -> Period:
    """So many days, weeks, months or years off, or the next such weekday or weekend;
    up to the date itself, for by then it is told."""
    sign = -1 if match["side"].lower() in ("before", "prior to") else 1
    edge = period.first if sign < 0 else period.last
    unit, count = match["unit"].lower(), count_of(match["n"] or "a")
    if unit == "weekend" or unit in WEEKDAYS:
        weekday = 5 if unit == "weekend" else WEEKDAYS.index(unit)
        off = (sign * (weekday - edge.weekday())) % 7 or 7
        first = edge + timedelta(days=sign * (off + 7 * (count - 1)))
        last = first + timedelta(days=unit == "weekend")
        return Period(min(first, edge), max(last, edge))
    return Period(*sorted((edge, edge + sign * count * timedelta(_DAYS_OF[unit]))))


_DAYS_OF = {"day": 1, "week": 7, "month": 31, "year": 366}
_TIME = re.compile(
    r"\b(yesterday|today|tonight|tomorrow|ago|last|next|since|weekends?|weeks?|months?"
    rf"|years?|days?|{'|'.join(WEEKDAYS)}|{'|'.join(m for m in MONTHS if m != 'may')}"
    r"|(?:19|20)\d{2}|\d{1,2}(?::\d{2})? ?[ap]m)\b"
)
_MAY = re.compile(r"\bMay\b")


def has_time(text: str) -> bool:
    """Whether a text says when something is, or how long it took."""
    return bool(_TIME.search(text.lower()) or _MAY.search(text))
