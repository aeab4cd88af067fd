"""The calendar day of a valid time, as it was said. Pure.

A day is kept as the instant of its midnight, and of the offset it was said at only that
instant is left: 10 January at +01:00 is 9 January, 23:00 UTC. The hour tells the
offset. A midnight of the project's own zone is one of that zone; any other is taken for
one between UTC-10 and UTC+13:45, where the two days of the globe do not meet: only
Samoa's and Kiribati's days are a day off, where the project lies elsewhere.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from memories.language.times import Precision

FARTHEST_WEST = timedelta(hours=10)
QUARTER = timedelta(minutes=15)
"""Offsets are of whole quarters of an hour."""
SUMMER = timedelta(hours=1)
DAY = timedelta(days=1)


def in_zone(instant: datetime, zone: tzinfo) -> datetime:
    """The same instant there; as it is on the first and last day of the calendar."""
    try:
        return instant.astimezone(zone)
    except OverflowError:
        return instant


def first_day(
    start: datetime, precision: Precision | str | None, zone: ZoneInfo
) -> date | None:
    """The day that a day, week, month, … begins on; None for an instant."""
    if precision in (None, "instant"):
        return None
    offset = _offset(start, zone)
    return None if offset is None else _day(start, offset)


def end_day(
    end: datetime,
    start: datetime | None,
    precision: Precision | str | None,
    zone: ZoneInfo,
) -> date | None:
    """The day that an interval ends with the beginning of; None for an instant.

    An end may be the instant of what ended it, whatever the precision of the beginning:
    it is a day where it is a midnight of the same place.
    """
    if precision in (None, "instant"):
        return None
    here = in_zone(end, zone).utcoffset() or timedelta()
    begun = _offset(start, zone) if start else here
    offset = _offset(end, zone)
    if begun is None or offset is None or abs(offset - begun) > SUMMER:
        return None
    return _day(end, offset)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta | None:
    """Where it is midnight then; None: nowhere."""
    here = in_zone(instant, zone)
    if here.time() == time():
        return here.utcoffset()
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    past = utc - datetime.combine(utc.date(), time())
    if past % QUARTER:
        return None
    return -past if past <= FARTHEST_WEST else DAY - past


def _day(instant: datetime, offset: timedelta) -> date:
    try:
        return (instant.astimezone(UTC) + offset).date()
    except OverflowError:
        return instant.date()
