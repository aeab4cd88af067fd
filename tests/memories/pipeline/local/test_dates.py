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
    ("on 8 May 2023 I ran", "on 8 May 2023 I ran", "2023-05-08", "day"),
    ("I cooked last night", "I cooked on the night of 8 May 2023", "2023-05-08", "day"),
    ("I ran three days ago", "I ran on 6 May 2023", "2023-05-06", "day"),
    ("I came half a year ago", "I came in November 2022", "2022-11-01", "month"),
    ("I quit my job on 1 May", "I quit my job on 1 May 2023", "2023-05-01", "day"),
    # in a year, whichever part of it; feasts
    ("I moved in late 2020", "I moved in late 2020", "2020-01-01", "year"),
    ("I moved last Christmas", "I moved on Christmas 2022", "2022-12-25", "day"),
    ("I skied at Easter 2023", "I skied at Easter 2023", "2023-04-09", "day"),
    ("I work here since March", "I work here since March 2023", "2023-03-01", "month"),
    # weekdays: the last one; "on" by the tense; a preposition is not doubled
    ("I went hiking last Friday", "I went hiking on 5 May 2023", "2023-05-05", "day"),
    ("I ran this past Sunday", "I ran on 7 May 2023", "2023-05-07", "day"),
    ("I ran on Friday", "I ran on 5 May 2023", "2023-05-05", "day"),
    ("I will run on Friday", "I will run on 12 May 2023", "2023-05-12", "day"),
    ("ill since last Monday", "ill since 8 May 2023", "2023-05-08", "day"),
    ("I ran two Fridays ago", "I ran on 28 April 2023", "2023-04-28", "day"),
    # weeks and weekends
    ("I ran two weeks ago", "I ran in the week of 24 April 2023", "2023-04-24", "week"),
    (
        "I ran last weekend",
        "I ran on the weekend of 6 May 2023",
        "2023-05-06",
        "weekend",
    ),
    (
        "I'm flying this weekend",
        "I'm flying on the weekend of 13 May 2023",
        "2023-05-13",
        "weekend",
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
    # verbs whose past looks like their present; what is had is to come
    ("I read it on Friday", "I read it on 5 May 2023", "2023-05-05", "day"),
    ("I have an exam on Friday", "I have an exam on 12 May 2023", "2023-05-12", "day"),
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


@pytest.mark.parametrize(
    ("said", "start", "end"),
    [
        ("I lived in Rome until 2020", None, "2021-01-01"),
        ("I used to smoke but stopped in 2020", None, "2021-01-01"),
        ("I worked there before May 2022", None, "2022-05-01"),
        ("I have lived here since 2019", "2019-01-01", None),
        ("I moved out after 3 May 2022", "2022-05-04", None),
        ("I studied from 2010 to 2015", "2010-01-01", "2016-01-01"),
        ("I travelled between May 2022 and July 2022", "2022-05-01", "2022-08-01"),
        ("I was ill from last Monday until yesterday", "2023-05-08", "2023-05-09"),
        ("I lived in Porto between 2019 and 2023", "2019-01-01", "2024-01-01"),
        (
            "I studied there 2010 to 2015",
            "2015-01-01",
            "2016-01-01",
        ),  # heights, prices, years
        # What one end says, both mean.
        ("I was in Crete from 5 to 12 July 2022", "2022-07-05", "2022-07-13"),
        ("I was in Crete between 5 and 12 July 2022", "2022-07-05", "2022-07-13"),
        ("I was in Crete July 5-12, 2022", "2022-07-05", "2022-07-13"),
        ("I worked there from March to May 2022", "2022-03-01", "2022-06-01"),
        ("I skied from November to February 2022", "2021-11-01", "2022-03-01"),
        ("I was ill from 3 to 5 March", "2023-03-03", "2023-03-06"),
        # So it was for that year, which is over; what happened in it may last.
        ("I had a dog in 2010", "2010-01-01", "2011-01-01"),
        ("I used to live in Graz in 2010", "2010-01-01", "2011-01-01"),
        ("I was diagnosed with asthma in 2010", "2010-01-01", None),
        ("I lived in Graz last summer", "2022-06-01", "2022-09-01"),
        ("I had a cold last summer", "2022-06-01", None),
        ("I have lived in Graz in 2010", "2010-01-01", None),
        # What used to be is over by then.
        ("I used to live in Graz", None, "2023-05-09"),
        ("My sister used to smoke", None, "2023-05-09"),
        ("I am used to long nights", None, None),
        ("I used to smoke, and now I run", None, None),
        ("I remember when I used to smoke", None, None),
        # When something else was, it was over.
        ("I worked there before I joined Acme in 2021", None, "2021-01-01"),
        ("I saw Rome before moving to Oslo in 2020", None, "2020-01-01"),
        ("Before I saw Oslo in 2020 I ran to Rome in 2010", "2010-01-01", None),
        ("Before lunch I met Anna on 3 May 2022", "2022-05-03", None),
        # A second date that is no end.
        ("I met Bob in 2020 and Carol in 2021", "2020-01-01", None),
        # An end before the start is none.
        ("I stayed from 2020 to 2015", "2020-01-01", None),
        # A preposition that belongs to the verb.
        ("I suffered from it in May 2022", "2022-05-01", None),
    ],
)
def test_it_reads_from_when_until_when(said, start, end):
    _, valid = resolve_dates(said, TUESDAY, "UTC")
    assert [at and at.date().isoformat() for at in (valid.start, valid.end)] == [
        start,
        end,
    ]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (
            "I was away from the 5th to the 12th of July 2022",
            "I was away from 5 July 2022 to 12 July 2022",
        ),
        ("I studied from 2010-2015", "I studied from 2010 to 2015"),
        ("From 2010 through 2015 I studied", "From 2010 to 2015 I studied"),
        # No spans of time.
        ("I run from 5 to 7 every day", "I run from 5 to 7 every day"),
        ("I ran 5 to 10 miles in May 2022", "I ran 5 to 10 miles in May 2022"),
        ("I left in May 2022 and June 2022", "I left in May 2022 and June 2022"),
        ("I was born on 2020-05-10", "I was born on 10 May 2020"),
    ],
)
def test_both_ends_of_a_span_are_written_out(said, written):
    assert resolve_dates(said, TUESDAY, "UTC")[0] == written


@pytest.mark.parametrize(
    ("said", "recurs"),
    [
        ("I swim every Sunday", "FREQ=WEEKLY;BYDAY=SU"),
        ("I swim on Sundays since 2020", "FREQ=WEEKLY;BYDAY=SU"),
        ("I swam last Sunday", None),
    ],
)
def test_it_reads_what_recurs(said, recurs):
    assert resolve_dates(said, TUESDAY, "UTC")[1].recurs == recurs


@pytest.mark.parametrize(
    ("spoken_at", "timezone", "day"),
    [
        # One instant, and the days it is: of the project, unless the message says.
        ("2023-05-09T23:30:00+00:00", "UTC", "2023-05-09"),
        ("2023-05-09T23:30:00+00:00", "Pacific/Kiritimati", "2023-05-10"),
        ("2023-05-10T13:30:00+14:00", "UTC", "2023-05-10"),
        ("2023-05-09T13:30:00-10:00", "Pacific/Kiritimati", "2023-05-09"),
        ("2023-05-10T05:15:00+05:45", "America/New_York", "2023-05-10"),
        # An hour before and after summer time begins in Berlin.
        ("2023-03-25T22:59:00+00:00", "Europe/Berlin", "2023-03-25"),
        ("2023-03-25T23:00:00+00:00", "Europe/Berlin", "2023-03-26"),
    ],
)
def test_today_is_where_it_was_said(spoken_at, timezone, day, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")  # nobody asks the server
    _, valid = resolve_dates("I ran today", datetime.fromisoformat(spoken_at), timezone)
    assert valid.start.date().isoformat() == day
    assert (valid.start.hour, valid.start.minute) == (0, 0)


@given(st.text(max_size=80), st.datetimes(), st.sampled_from(["UTC", "Nowhere/At_All"]))
def test_it_never_raises(text, spoken_at, timezone):
    resolve_dates(text, spoken_at, timezone)
    resolve_dates(f"{text} 3 years ago, next month, yesterday", spoken_at, timezone)


_WORDS = st.sampled_from(
    """from to until before after since between and on in last next this every May 2020
    2015 Sunday yesterday tomorrow summer 3 weeks ago 31 June 1 2023-02-30 9999 year
    I was moved will""".split()  # noqa: SIM905 - to be read
)
_SAID = st.lists(_WORDS, max_size=12).map(" ".join)
_ANYWHEN = st.datetimes(timezones=st.timezones())


@given(_SAID, _ANYWHEN)
def test_an_interval_never_ends_before_it_begins(text, spoken_at):
    _, valid = resolve_dates(text, spoken_at, "Europe/Berlin")
    assert not (valid.start and valid.end) or valid.start < valid.end


@given(_SAID, st.datetimes(timezones=st.just(UTC)))
def test_what_was_written_out_stays_as_it_is(text, spoken_at):
    """Once resolved, a sentence means the same whenever it is read again."""
    written, _ = resolve_dates(text, TUESDAY, "UTC")
    again, _ = resolve_dates(written, TUESDAY, "UTC")
    assert resolve_dates(again, TUESDAY, "UTC")[0] == again
