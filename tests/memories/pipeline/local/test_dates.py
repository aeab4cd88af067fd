from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memories.pipeline.local.dates import resolve_dates

TUESDAY = datetime(2023, 5, 9, 14, tzinfo=UTC)

CASES = [
    # days
    ("I saw her yesterday", "I saw her on 8 May 2023", "2023-05-08", "day"),
    ("Yesterday I ran", "On 8 May 2023 I ran", "2023-05-08", "day"),
    ("I cooked last night", "I cooked on the night of 8 May 2023", "2023-05-08", "day"),
    ("I ran three days ago", "I ran on 6 May 2023", "2023-05-06", "day"),
    # weekdays: the last one; "on" by the tense; a preposition is not doubled
    ("I went hiking last Friday", "I went hiking on 5 May 2023", "2023-05-05", "day"),
    ("I ran this past Sunday", "I ran on 7 May 2023", "2023-05-07", "day"),
    ("I ran on Friday", "I ran on 5 May 2023", "2023-05-05", "day"),
    ("I will run on Friday", "I will run on 12 May 2023", "2023-05-12", "day"),
    ("ill since last Monday", "ill since 8 May 2023", "2023-05-08", "day"),
    ("I ran two Fridays ago", "I ran on 28 April 2023", "2023-04-28", "day"),
    # weeks and weekends have no precision of their own
    ("I ran two weeks ago", "I ran in the week of 24 April 2023", "2023-04-24", None),
    ("I ran last weekend", "I ran on the weekend of 6 May 2023", "2023-05-06", None),
    (
        "I'm flying this weekend",
        "I'm flying on the weekend of 13 May 2023",
        "2023-05-13",
        None,
    ),
    # months: without a year, the nearest in the direction of the tense
    ("We're camping next month", "We're camping in June 2023", "2023-06-01", "month"),
    ("I moved in May", "I moved in May 2023", "2023-05-01", "month"),
    ("I moved in June", "I moved in June 2022", "2022-06-01", "month"),
    ("I will move in March", "I will move in March 2024", "2024-03-01", "month"),
    # years; a duration gets the year it began
    ("I met her 3 years ago", "I met her in 2020", "2020-01-01", "year"),
    ("I moved last year", "I moved in 2022", "2022-01-01", "year"),
    (
        "I've had it for 3 years",
        "I've had it for 3 years (since 2020)",
        "2020-01-01",
        "year",
    ),
    # absolute
    ("I left on 2022-01-05", "I left on 5 January 2022", "2022-01-05", "day"),
    ("I left on Jan 5th, 2022", "I left on 5 January 2022", "2022-01-05", "day"),
    ("I was born in 1990", "I was born in 1990", "1990-01-01", "year"),
    ("I left on 25/04/2023", "I left on 25 April 2023", "2023-04-25", "day"),
]


@pytest.mark.parametrize(("said", "written", "start", "precision"), CASES)
def test_it_resolves(said, written, start, precision):
    text, valid = resolve_dates(said, TUESDAY, "UTC")
    assert text == written
    assert valid.start is not None
    assert valid.start.date() == date.fromisoformat(start)
    assert valid.precision == precision


@pytest.mark.parametrize(
    "said",
    [
        "I'm flying next Friday",  # in three days, or in ten
        "I left on 03/04/2023",  # April or March
        "I ran the other day",
        "I run on Fridays",  # a habit
        "I may go",  # no month
        "I learned it in two weeks",  # a duration
        "I did it on 31 June 2020",  # no such day
        "My birthday is on 5 May",  # every year
    ],
)
def test_it_leaves_the_ambiguous_alone(said):
    text, valid = resolve_dates(said, TUESDAY, "UTC")
    assert (text, valid.start) == (said, None)


def test_the_day_is_that_of_the_timezone():
    late = datetime(2023, 5, 9, 23, 30, tzinfo=UTC)
    text, valid = resolve_dates("I ran today", late, "Asia/Tokyo")
    assert text == "I ran on 10 May 2023"
    assert valid.start.isoformat() == "2023-05-10T00:00:00+09:00"


@given(st.text(max_size=80), st.datetimes(), st.sampled_from(["UTC", "Nowhere/At_All"]))
def test_it_never_raises(text, spoken_at, timezone):
    resolve_dates(text, spoken_at, timezone)
    resolve_dates(f"{text} 3 years ago, next month, yesterday", spoken_at, timezone)
