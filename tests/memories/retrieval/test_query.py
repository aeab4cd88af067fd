"""What a question asks for, read without a model."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memories.language.times import Period
from memories.retrieval.query import may_name, overlaps, read_query
from memories.types import Aspect

PEOPLE = ("Ann Ode", "Bea")


@pytest.mark.parametrize(
    ("text", "unnamed", "names"),
    [
        ("What does Bea grow at home?", "What does grow at home?", {"bea"}),
        ("What is Ann's favourite tea?", "What is favourite tea?", {"ann"}),
        ("Did Ann Ode meet Bea there?", "Did meet there?", {"ann", "ode", "bea"}),
        ("Where does Eve live now?", "Where does Eve live now?", set()),
        ("how is bea doing lately", "how is bea doing lately", set()),
        # Without her name nothing is left to ask for.
        ("Who is Bea?", "Who is Bea?", {"bea"}),
        ("Tell me about Ann", "Tell me about Ann", {"ann"}),
    ],
)
def test_who_is_named_is_left_out_and_remembered(text, unnamed, names):
    query = read_query(text, PEOPLE)
    assert query.names == names
    if "meet" not in text:
        assert query.unnamed == unnamed


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("When did Ann move?", True),
        ("How long has she lived there?", True),
        ("In which year was it?", True),
        ("What day is the party?", True),
        ("How often does she swim?", True),
        ("For how long has she lived there?", True),
        ("What did she do when she moved?", False),
        ("Which tea does she like?", False),
    ],
)
def test_whether_it_asks_for_a_time(text, asks):
    assert read_query(text).asks_when is asks


def test_what_is_quoted():
    assert read_query('Who said "bees are kind" and “hello there”?').phrases == (
        "bees are kind",
        "hello there",
    )


def test_single_quotes_are_quotes_and_apostrophes_are_none():
    assert read_query("What is 'blue   heron'?").phrases == ("blue heron",)
    assert read_query("Ann's friend doesn't like Bea's cat").phrases == ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What does Will play?", {"will"}),
        ("What will Will do in May?", {"will"}),
        ("Does May sing?", {"may"}),
        ("What happened last May?", set()),
        ("Will she come?", set()),
        ("May I see it?", set()),
    ],
)
def test_people_may_be_called_as_small_words_are(text, names):
    assert read_query(text, ("Will", "May")).names == names


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Which wine did you recommend?", True),
        ("Which wine did the assistant recommend?", True),
        ("What was the assistant's suggestion?", True),
        ("Which wine was recommended to me?", True),
        ("Which wine did my cousin recommend?", False),
        ("Which assistant did she hire?", False),
    ],
)
def test_whether_it_asks_for_what_the_agent_said(text, asks):
    assert read_query(text).asks_agent is asks


def test_a_long_question_is_read_in_no_time():
    text = "What does Bea grow? " * 1_750
    began = time.process_time()
    query = read_query(text, PEOPLE, reference=NOW)
    assert time.process_time() - began < 0.02
    assert query.names == {"bea"}


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("Where does she live now?", "latest"),
        ("What was her first job?", "first"),
        ("What is her most recent trip?", "latest"),
        ("Where did she live?", ""),
        ("When did she see him last?", "latest"),
        ("What did she do the week before last?", ""),
    ],
)
def test_which_of_several_is_meant(text, order):
    assert read_query(text).order == order


NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def asked(text):
    return read_query(text, PEOPLE, reference=NOW)


@pytest.mark.parametrize(
    ("text", "is_now", "looks_back"),
    [
        ("What is true now?", True, False),
        ("Does she still work at Acme?", True, False),
        ("Where did she live before Berlin?", False, True),
        ("Where did she use to live, and where does she live now?", True, False),
        ("What did she do in June 2026?", False, True),
        ("What will she do in June 2027?", False, False),
        ("Where did she live?", False, False),
    ],
)
def test_whether_it_is_about_the_present_or_the_past(text, is_now, looks_back):
    query = asked(text)
    assert (query.is_now, query.looks_back) == (is_now, looks_back)


@pytest.mark.parametrize(
    ("text", "looks_ahead"),
    [
        ("What will she do next?", True),
        ("What is she going to do?", True),
        ("What are her plans?", True),
        ("What did she plan to do next?", False),
        ("What was she going to do?", False),
        ("What will she do before Berlin?", False),
        ("Who lives next to her?", False),
        ("Where does she live?", False),
    ],
)
def test_whether_it_is_about_what_is_still_to_come(text, looks_ahead):
    assert asked(text).looks_ahead is looks_ahead


@pytest.mark.parametrize(
    ("text", "side", "words"),
    [
        ("Where did she live before Berlin?", "before", {"berlin"}),
        ("Where did Bea live before Bea moved to Berlin?", "before", {"berlin"}),
        ("What did she do after the wedding?", "after", {"wedding"}),
        (
            "Who was her boss prior to Carol's promotion?",
            "before",
            {"carol", "promotion"},
        ),
        # A date is a period; and nothing is named here.
        ("What did she do before 3 May 2023?", None, set()),
        ("What did she do the week before May 3, 2023?", None, set()),
        ("What did she do before the week of 3 May 2023?", "before", {"week"}),
        ("Did she do that before?", None, set()),
    ],
)
def test_what_it_asks_before_or_after(text, side, words):
    landmark = asked(text).landmark
    assert (landmark and landmark.side) == side
    assert side is None or words <= landmark.words


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("What did she do in March?", (2026, 3, 1), (2026, 3, 31)),
        ("What will she do in March?", (2027, 3, 1), (2027, 3, 31)),
        ("What is she going to do on Friday?", (2026, 11, 27), (2026, 11, 27)),
        ("What did she do on Friday?", (2026, 11, 20), (2026, 11, 20)),
        ("What did she do the week before last?", (2026, 11, 2), (2026, 11, 8)),
        ("What is due the month after next?", (2027, 1, 1), (2027, 1, 31)),
        ("What did she do in 2024-11?", (2024, 11, 1), (2024, 11, 30)),
        ("What did she do in Q3 2024?", (2024, 7, 1), (2024, 9, 30)),
        ("And in the last quarter of 2024?", (2024, 10, 1), (2024, 12, 31)),
    ],
)
def test_which_days_it_names(text, first, last):
    query = asked(text)
    assert query.periods == (Period(date(*first), date(*last)),)
    assert query.landmark is None


def test_until_a_time_is_no_until_a_thing():
    assert asked("Where did she live until last summer?").landmark is None


def test_what_it_wants_told_of():
    spring = asked("What did I plan for last spring?")
    assert spring.aspects == {Aspect.PLAN}
    assert spring.periods == (Period(date(2026, 3, 1), date(2026, 5, 31)),)
    assert asked("Where does she live?").aspects == frozenset()


def test_only_what_may_be_a_name_is_worth_knowing_who_speaks():
    assert may_name("What does Bea grow?")
    assert may_name("王さんは何が好きですか")
    assert not may_name("what do you grow?")


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=5))
def test_nothing_that_is_asked_breaks_it(text, people):
    query = read_query(text, people)
    assert query.text == text
    assert bool(query.unnamed) >= bool(text.strip() and not query.unnamed)


_TIMELY = st.lists(
    st.sampled_from(
        """before after until now still 2023 May plan last week 31 June the Berlin first
        used to every Sunday ago two weeks 9999-12-31 0001-01-01""".split()  # noqa: SIM905
    ),
    max_size=20,
).map(" ".join)


@given(_TIMELY, st.datetimes(timezones=st.timezones()))
def test_nothing_said_of_time_breaks_it(text, at):
    query = read_query(text, PEOPLE, reference=at, timezone="Asia/Tokyo")
    assert all(period.first <= period.last for period in query.periods)
    assert not (query.is_now and query.looks_back)


def test_a_day_is_of_the_askers_zone():
    """Midnight of the first of May in Berlin is still April in UTC."""
    midnight = datetime(2026, 4, 30, 22, tzinfo=UTC)
    there = read_query("on 1 May 2026", reference=NOW, timezone="Europe/Berlin")
    assert overlaps(there.periods, midnight, midnight, there.zone)
    assert not overlaps(there.periods, midnight, midnight)
