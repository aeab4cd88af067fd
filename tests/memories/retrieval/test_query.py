"""What a question asks for, read without a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memories.retrieval.query import may_name, read_query

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


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("Where does she live now?", "latest"),
        ("What was her first job?", "first"),
        ("What is her most recent trip?", "latest"),
        ("Where did she live?", ""),
    ],
)
def test_which_of_several_is_meant(text, order):
    assert read_query(text).order == order


def test_only_what_may_be_a_name_is_worth_knowing_who_speaks():
    assert may_name("What does Bea grow?")
    assert may_name("王さんは何が好きですか")
    assert not may_name("what do you grow?")


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=5))
def test_nothing_that_is_asked_breaks_it(text, people):
    query = read_query(text, people)
    assert query.text == text
    assert bool(query.unnamed) >= bool(text.strip() and not query.unnamed)
