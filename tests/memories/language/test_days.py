"""The day that was said, of an instant that has lost its offset."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from memories.language.days import end_day, first_day, in_zone

JANUARY, JULY = date(2025, 1, 10), date(2025, 7, 10)


def midnight(day, hours):
    zone = timezone(timedelta(hours=hours))
    return datetime(day.year, day.month, day.day, tzinfo=zone)


@pytest.mark.parametrize("home", ["UTC", "Europe/Madrid", "America/New_York"])
@pytest.mark.parametrize("hours", [-10, -5, -3.5, 0, 1, 5.75, 9, 12, 13, 13.75])
def test_a_day_is_the_one_that_was_said_whatever_the_project_is_in(home, hours):
    for day in (JANUARY, JULY):
        assert first_day(midnight(day, hours), "day", ZoneInfo(home)) == day


@pytest.mark.parametrize("home", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_projects_own_zone_is_believed_first(home):
    said = datetime(2025, 1, 10, tzinfo=ZoneInfo(home))
    assert first_day(said, "day", ZoneInfo(home)) == JANUARY


@pytest.mark.parametrize("precision", [None, "instant"])
def test_an_instant_is_no_day(precision):
    assert first_day(midnight(JANUARY, 0), precision, ZoneInfo("UTC")) is None


def test_what_is_midnight_nowhere_is_no_day():
    noisy = midnight(JANUARY, 1) + timedelta(minutes=7)
    assert first_day(noisy, "day", ZoneInfo("UTC")) is None


@pytest.mark.parametrize("home", ["Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("precision", ["day", "instant"])
@pytest.mark.parametrize("at", [datetime.min, datetime.max], ids=["first", "last"])
def test_the_calendar_has_a_first_and_a_last_day(at, precision, home):
    """A model that knows no end may say that it is the year 9999."""
    at, zone = at.replace(tzinfo=UTC), ZoneInfo(home)
    assert in_zone(at, zone).date() == at.date()
    for day in (first_day(at, precision, zone), end_day(at, None, precision, zone)):
        assert day in (None, at.date())


@pytest.mark.parametrize(
    ("end", "start", "day"),
    [
        (midnight(JULY, 1), midnight(JANUARY, 1), JULY),
        (midnight(JULY, 2), midnight(JANUARY, 1), JULY),  # in summer
        (midnight(JULY, 0), None, JULY),
        # When a message told that it is over: nobody's midnight.
        (midnight(JULY, 1) + timedelta(hours=15), midnight(JANUARY, 1), None),
        (midnight(JULY, 0) + timedelta(hours=14), None, None),
    ],
)
def test_an_end_is_a_day_where_it_is_a_midnight_of_the_same_place(end, start, day):
    assert end_day(end, start, "day", ZoneInfo("UTC")) == day
