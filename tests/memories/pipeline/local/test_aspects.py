from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memories.pipeline.local.aspects import read_aspect
from memories.types import Aspect, ValidTime


@pytest.mark.parametrize(
    ("text", "aspect"),
    [
        ("Alice went hiking on 5 May 2023", "event"),
        ("Alice broke up with Bob on 3 May 2023", "event"),
        ("Alice has run a marathon", "event"),
        ("Alice lives in Berlin", "state"),
        # What these begin still holds once they are over.
        ("Alice moved to Berlin in May 2026", "state"),
        ("Alice joined Acme in 2020", "state"),
        ("Alice used to live in Paris", "state"),
        ("Alice was ill", "state"),
        # What went on for a while, over or not.
        ("Alice has lived in Paris since 2020", "state"),
        ("Alice worked at Acme until 2019", "state"),
        ("Alice plans to visit Rome in May", "plan"),
        ("Alice is going to Rome next week", "plan"),
        ("Alice will run a marathon", "plan"),
        ("Alice would love to go to Japan", "plan"),
        ("Alice is moving to Oulu", "plan"),
        ("Alice is starting at Kone in July 2025", "plan"),
        ("The trip to Rome is postponed to September", "plan"),
        ("Alice is no longer planning to move to Lisbon", "absence"),
        ("Alice left Nokia in May 2025", "event"),
        ("Alice loves tea", "preference"),
        ("Alice's favourite tea is oolong", "preference"),
        ("Alice does not like beer", "preference"),
        ("Alice has a sister", "relationship"),
        ("Alice's sister is Anna", "relationship"),
        ("Alice got married on 5 May 2020", "relationship"),
        ("Alice and Bob are friends", "relationship"),
        # Somebody's sister may live somewhere.
        ("Alice's sister Anna lives in Rome", "state"),
        ("Alice will run the marathon", "plan"),
        ("Alice's sister will soon move to Rome", "plan"),
        ("Alice met Will at the pier", "event"),
        ("Will Smith is Alice's hero", "state"),
        ("Alice found grandpa's will in the attic", "event"),
        ("Alice wrote a will of her own", "event"),
        ("Alice is not going to run the marathon", "absence"),
        ("Alice will not move to Rome", "absence"),
        ("Alice has no car", "absence"),
        ("Alice no longer works at Acme", "absence"),
        ("Alice never drinks coffee", "absence"),
    ],
)
def test_what_a_fact_tells_of(text, aspect):
    assert read_aspect(text) == aspect


SAID_AT = datetime(2026, 5, 20, 12, tzinfo=UTC)
YESTERDAY, NEXT_WEEK, IN_MAY, IN_2019 = (
    ValidTime(datetime(*day, tzinfo=UTC), None, precision)
    for *day, precision in (
        (2026, 5, 19, "day"), (2026, 5, 25, "week"), (2026, 5, 1, "month"),
        (2019, 1, 1, "year"),
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "valid", "aspect"),
    [
        # How something stood at a time that is over is told as what happened then ...
        ("Alice was ill on 19 May 2026", YESTERDAY, "event"),
        ("Alice had an appointment with Bob on 19 May 2026", YESTERDAY, "event"),
        ("Alice stayed in Rome in May 2026", IN_MAY, "event"),
        # ... but for what took years, and what it began.
        ("Alice had a dog in 2019", IN_2019, "state"),
        ("Alice was hired by Acme in May 2026", IN_MAY, "state"),
        ("Alice was born in May 2026", IN_MAY, "state"),
        # The past of these looks like the present.
        ("Alice put money in a savings account on 19 May 2026", YESTERDAY, "event"),
        ("Alice read a book in May 2026", IN_MAY, "event"),
        ("Alice hit a deer on 19 May 2026", YESTERDAY, "event"),
        ("Alice likes to read in May 2026", IN_MAY, "preference"),
        ("Alice wears a beautiful set in May 2026", IN_MAY, "state"),
        # The present of a day to come.
        ("Alice has a dentist appointment on 25 May 2026", NEXT_WEEK, "plan"),
        ("Alice flies to Rome in the week of 25 May 2026", NEXT_WEEK, "plan"),
        ("Alice's parents arrive in the week of 25 May 2026", NEXT_WEEK, "plan"),
        ("Alice is at home in May 2026", IN_MAY, "state"),
        ("Alice has a dentist appointment", ValidTime(), "plan"),
    ],
)
def test_a_time_tells_what_a_verb_does_not(text, valid, aspect):
    assert read_aspect(text, valid, SAID_AT) == aspect


def test_what_recurs_is_no_single_event():
    weekly = ValidTime(recurs="FREQ=WEEKLY;BYDAY=SU")
    assert read_aspect("Alice swam on Sundays") == Aspect.EVENT
    assert read_aspect("Alice swam on Sundays", weekly) == Aspect.STATE


@given(st.text(max_size=100))
def test_nothing_that_is_said_breaks_it(text):
    assert read_aspect(text) in Aspect
