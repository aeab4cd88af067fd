"""The days that a question names, read without a model."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memories.language.periods import has_time, read_periods
from memories.language.times import Period

SUNDAY = datetime(2023, 10, 22, 12, tzinfo=UTC)


def days(text: str, reference=SUNDAY, timezone="UTC") -> list[str]:
    """Periods as "first/last", open ends as "…"."""
    return [
        f"{_shown(p.first)}/{_shown(p.last)}"
        for p in read_periods(text, reference, timezone)
    ]


def _shown(day: date) -> str:
    return "…" if day in (date.min, date.max) else day.isoformat()


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("on 2023-05-08", "2023-05-08/2023-05-08"),
        ("on 8 May, 2023", "2023-05-08/2023-05-08"),
        ("on the 8th of May 2023", "2023-05-08/2023-05-08"),
        ("on May 8th, 2023", "2023-05-08/2023-05-08"),
        ("in May 2023", "2023-05-01/2023-05-31"),
        ("in February 2024", "2024-02-01/2024-02-29"),
        ("in 2021", "2021-01-01/2021-12-31"),
        ("in the summer of 2022", "2022-06-01/2022-08-31"),
        ("before 2020", "…/2020-01-01"),
        ("since May 2023", "2023-05-01/…"),
        # Not all that was before: so long before, and up to then, when it is told.
        ("the week before 9 May 2023", "2023-05-02/2023-05-09"),
        ("two weeks before 9 May 2023", "2023-04-25/2023-05-09"),
        ("the day after 9 May 2023", "2023-05-09/2023-05-10"),
        ("on the Friday before 9 May 2023", "2023-05-05/2023-05-09"),
        ("the Tuesday before 9 May 2023", "2023-05-02/2023-05-09"),
        ("the weekend after 9 May 2023", "2023-05-09/2023-05-14"),
        ("the month after May 2023", "2023-05-31/2023-07-01"),
        ("after 3 July 2023", "2023-07-03/…"),
        # From the one to the other, whichever is told first.
        ("between 2015 and 2019", "2015-01-01/2019-12-31"),
        ("from 2015 to 2019", "2015-01-01/2019-12-31"),
        ("from 2015 until 2019", "2015-01-01/2019-12-31"),
        ("after 2015 and before 2019", "2015-01-01/2019-01-01"),
        ("between 2019 and 2015", "2015-01-01/2019-12-31"),
        ("between May 2022 and July 2022", "2022-05-01/2022-07-31"),
        ("from March to May 2022", "2022-03-01/2022-05-31"),
        ("between 5 and 12 July 2022", "2022-07-05/2022-07-12"),
    ],
)
def test_what_names_its_year_needs_no_day_to_be_said_on(text, period):
    assert days(text, reference=None) == days(text) == [period]


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("yesterday", "2023-10-21/2023-10-21"),
        ("last week", "2023-10-09/2023-10-15"),
        ("this week", "2023-10-16/2023-10-22"),
        ("last weekend", "2023-10-14/2023-10-15"),
        ("last month", "2023-09-01/2023-09-30"),
        ("last year", "2022-01-01/2022-12-31"),
        ("next month", "2023-11-01/2023-11-30"),
        ("two weeks ago", "2023-10-02/2023-10-08"),
        ("3 days ago", "2023-10-19/2023-10-19"),
        ("a couple of months ago", "2023-08-01/2023-08-31"),
        ("in the last three months", "2023-07-22/2023-10-22"),
        ("on Friday", "2023-10-20/2023-10-20"),
        ("last Sunday", "2023-10-15/2023-10-15"),
        ("next Monday", "2023-10-23/2023-10-23"),
        ("on 3 July", "2023-07-03/2023-07-03"),
        ("in December", "2022-12-01/2022-12-31"),
        ("last spring", "2023-03-01/2023-05-31"),
        ("next spring", "2024-03-01/2024-05-31"),
        ("before May", "…/2023-05-01"),
        ("two Fridays ago", "2023-10-13/2023-10-13"),
    ],
)
def test_what_is_said_of_a_day_needs_that_day(text, period):
    assert days(text) == [period]
    assert days(text, reference=None) == []


@pytest.mark.parametrize(
    "text",
    ["", "What may she do?", "They march on.", "31 June 2023", "the number 2500", "🐝"],
)
def test_what_names_no_day_is_no_signal(text):
    assert days(text) == []


def test_a_day_begins_where_the_project_is():
    late = datetime(2023, 10, 22, 23, tzinfo=UTC)
    assert days("yesterday", late, "Asia/Tokyo") == ["2023-10-22/2023-10-22"]
    assert days("yesterday", late, "no/where") == ["2023-10-21/2023-10-21"]


def test_several_are_told_in_their_order():
    text = "in May 2022 and last week"
    assert days(text) == ["2022-05-01/2022-05-31", "2023-10-09/2023-10-15"]


def test_a_period_is_widened_within_the_calendar():
    day = timedelta(days=1)
    assert Period(date.min, date.max).widened(day) == Period(date.min, date.max)
    week = Period(date(2023, 5, 8), date(2023, 5, 9)).widened(day)
    assert week == Period(date(2023, 5, 7), date(2023, 5, 10))


@given(st.text(max_size=200), st.datetimes(timezones=st.just(UTC)))
def test_nothing_that_is_asked_breaks_it(text, at):
    assert all(p.first <= p.last for p in read_periods(text, at))
    assert has_time(text) in (True, False)


@pytest.mark.parametrize(
    ("text", "is_timed"),
    [
        ("I moved last week.", True),
        ("We met in May.", True),
        ("It took 3 months.", True),
        ("See you at 5 pm", True),
        ("I may come.", False),
        ("I like tea.", False),
    ],
)
def test_whether_a_text_tells_a_time(text, is_timed):
    assert has_time(text) is is_timed


def test_two_times_that_are_no_span_are_two():
    assert days("in 2015 and in 2019") == [
        "2015-01-01/2015-12-31",
        "2019-01-01/2019-12-31",
    ]


def test_a_span_may_end_at_what_is_near():
    assert days("between 3 May 2023 and yesterday") == ["2023-05-03/2023-10-21"]
