"""What recurs: read, checked, and said again."""

from __future__ import annotations

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from memories.language.recurrence import checked_rule, read_recurrence, said_rule


@pytest.mark.parametrize(
    ("text", "rule", "said"),
    [
        ("I swim every Sunday", "FREQ=WEEKLY;BYDAY=SU", "every Sunday"),
        (
            "I run on Mondays and Thursdays",
            "FREQ=WEEKLY;BYDAY=MO,TH",
            "every Monday and Thursday",
        ),
        (
            "We meet every other Friday",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR",
            "every 2 weeks on Friday",
        ),
        ("I call her each morning", "FREQ=DAILY", "every day"),
        ("I water them every three days", "FREQ=DAILY;INTERVAL=3", "every 3 days"),
        ("I rest on weekends", "FREQ=WEEKLY;BYDAY=SA,SU", "every Saturday and Sunday"),
        ("I see a coach weekly", "FREQ=WEEKLY", "every week"),
        ("I see him once a month", "FREQ=MONTHLY", "every month"),
        (
            "We meet every year on 5 May",
            "FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=5",
            "every year on 5 May",
        ),
        (
            "I pay on the 1st of every month",
            "FREQ=MONTHLY;BYMONTHDAY=1",
            "FREQ=MONTHLY;BYMONTHDAY=1",
        ),
        ("I like Sundays", None, None),
        ("I swam last Sunday", None, None),
    ],
)
def test_a_habit_is_a_rule(text, rule, said):
    assert read_recurrence(text) == rule
    assert rule is None or said_rule(rule) == said


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=SECONDLY",  # nobody's habit
        "FREQ=DAILY;COUNT=3",  # an end is the interval's
        "FREQ=DAILY;DTSTART=20200101",
        "FREQ=YEARLY;BYMONTH=13",
        "every Sunday",
        "FREQ=WEEKLY;FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=0",
        None,
    ],
)
def test_what_is_no_rule_is_not_stored(text):
    assert checked_rule(text) is None


def test_a_rule_is_stored_in_one_form():
    assert checked_rule(" rrule:freq=weekly;byday=su; ") == "FREQ=WEEKLY;BYDAY=SU"


_PART = st.sampled_from(
    """FREQ=WEEKLY FREQ=YEARLY FREQ=DAILY INTERVAL=2 BYDAY=MO,-1SU BYMONTH=5 BYMONTHDAY=31
    BYSETPOS=9 BYWEEKNO=99 BYHOUR=25 WKST=SU""".split()  # noqa: SIM905 - to be read
)


@given(st.text(max_size=60) | st.lists(_PART, max_size=4).map(";".join))
def test_nothing_that_is_said_breaks_it(text):
    read_recurrence(text)
    said_rule(text)
    rule = checked_rule(text)
    if rule is not None:
        assert checked_rule(rule) == rule
        assert said_rule(rule)
        rrulestr(rule)
