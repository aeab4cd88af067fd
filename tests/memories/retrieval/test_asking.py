"""Questions that ask for a relation: of whom, and what states it."""

from __future__ import annotations

import pytest

from memories.retrieval.asking import Sought, read_sought
from memories.retrieval.query import read_query
from memories.services.configuration import change_settings
from tests.memories.agents import Agent

WORK = ("works_at", "works_as")


@pytest.mark.parametrize(
    ("text", "sought"),
    [
        ("where does she live?", Sought(("lives_in",))),
        ("where did i work in may?", Sought(WORK)),
        ("where does my sister live?", Sought(("lives_in",), ("sister",))),
        ("who is my boss?", Sought(("reports_to",))),
        ("what does my boss do for a living?", Sought(WORK, ("reports_to",))),
        ("what did we have for dinner?", Sought()),
        ("what is she working on?", Sought()),
    ],
)
def test_which_relation_is_asked_for_and_of_whom(text, sought):
    found = read_sought(text)
    assert bool(found) is bool(sought)
    assert {*found.types} >= {*sought.types}
    assert {*found.roles} >= {*sought.roles}


@pytest.mark.parametrize(
    ("text", "people", "subjects"),
    [
        ("Where do I live?", (), {"user"}),
        ("Where does she live?", ("Ann Ode",), {"user", "ann ode"}),
        ("Where does Ann live?", ("Ann Ode",), {"user", "ann ode", "ann"}),
        ("Where does Eve live?", ("Ann Ode",), {"eve"}),
        ("Where do I live?", ("Ann", "Bea"), set()),
    ],
)
def test_whose_memory_it_is_stands_for_nobody_named(text, people, subjects):
    found = {name for name in read_query(text, people).subjects if "live" not in name}
    assert found == subjects


@pytest.fixture
def story(agent) -> Agent:
    for said in (
        "I moved to Vaasa in the week of 3 August 2026.",
        "My sister Outi lives in Kemi.",
        "My friend Sari works at Fazer.",
        "I joined Wise in 2024.",
        "I love long evenings at home with a good book about work and life.",
    ):
        agent.learn(said)
    return agent


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("Where do I live?", "Vaasa"),
        ("where does he live now", "Vaasa"),
        ("Where does my sister live?", "Kemi"),
        ("Where does Outi live?", "Kemi"),
        ("Where do I work?", "Wise"),
        ("Where does my friend work?", "Fazer"),
    ],
)
def test_what_states_it_comes_first_in_whatever_words(story, question, word):
    assert word in story.found(question)[0]


def test_who_asks_for_the_other_end(story):
    story.learn("My cousin Aku lives in Vaasa.")
    assert "Sari" in story.found("Who works at Fazer?")[0]
    for question in ("Who else lives in Vaasa?", "Who lives where I live?"):
        assert "Aku" in " ".join(story.found(question)[:2])


def test_a_single_memory_in_other_words_is_no_stranger(agent):
    agent.learn("I moved to Vaasa in the week of 3 August 2026.")
    assert len(agent.found("Where do I live?")) == 1
    assert agent.found("What do I eat?") == []


def test_what_is_over_states_it_where_one_looks_back_only(story):
    story.learn("I moved to Oulu in October 2026.")
    assert "Oulu" in story.found("Where do I live?")[0]
    assert "Vaasa" in story.found("Where did I live before Oulu?")[0]


def test_a_project_says_what_that_weighs(story):
    with story.scope():
        change_settings(story.company.project, {"stated_weight": 0})
    (first, *_) = story.search("Where do I live?", threshold=0.0)
    assert "stated" not in first.signals
    assert not any("Vaasa" in text for text in story.found("Where do I live?")[:1])
