"""What is said to the local engine, and what is true when: memories and the graph."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memories.selectors.relations import TRUE_ONCE, WantedRelations, read_relations
from memories.selectors.sight import Sight
from memories.types import ChatMessage, State
from memplatform.lib import clock
from tests.memories.agents import ANN, Agent
from tests.memories.services.conftest import use_engine

SAID_AT = datetime(2025, 5, 20, 12, tzinfo=UTC)
NEXT_DAY = "2025-05-21"


@pytest.fixture
def ann(agent) -> Agent:
    use_engine(agent, "local")
    return agent


def say(agent: Agent, *texts: str, at: datetime = SAID_AT) -> None:
    """Each by itself, on that day."""
    for text in texts:
        with clock.frozen(at):
            operation = agent.learn(ChatMessage("user", text, sent_at=at))
        assert operation.status == "SUCCEEDED", operation.error


def edges(agent: Agent, at: str = NEXT_DAY) -> set[str]:
    """What related things on a day of the world."""
    day = datetime.fromisoformat(f"{at}T12:00:00+00:00")
    wanted = WantedRelations(TRUE_ONCE, valid=(day, day))
    with agent.scope():
        found = read_relations(Sight(), wanted, most=50)
    return {f"{one.source.name} {one.type} {one.target.name}" for one in found}


def true_at(agent: Agent, day: str) -> list[str]:
    """What lists show as true on a day."""
    return agent.texts({"AND": [ANN, {"valid_at": f"{day}T12:00:00Z"}]})


def in_force(agent: Agent) -> set[str]:
    return {head.text for head in agent.heads() if head.state == State.ACTIVE}


# --- one add ------------------------------------------------------------------------


def test_an_add_that_tells_what_was_and_what_came_keeps_both(ann):
    say(ann, "I live in Lisbon. I moved to Berlin on 1 May 2025.")
    assert in_force(ann) == {"User moved to Berlin on 1 May 2025"}
    assert true_at(ann, "2025-04-30") == ["User lives in Lisbon"]
    assert true_at(ann, "2025-05-02") == ["User moved to Berlin on 1 May 2025"]
    assert edges(ann, "2022-01-01") == {"User lives_in Lisbon"}
    assert edges(ann, "2025-05-02") == {"User lives_in Berlin"}
    lisbon = next(head for head in ann.heads() if "Lisbon" in head.text)
    berlin = next(head for head in ann.heads() if "Berlin" in head.text)
    assert lisbon.replaced_by_id == berlin.id


def test_it_says_so_in_whatever_order_it_is_told(ann):
    say(ann, "I moved to Oslo in May 2024. I moved to Rome in May 2022.")
    say(ann, "I work at Acme. I work at Globex. I joined Initech.")
    assert "User lives_in Rome" in edges(ann, "2023-01-01")
    assert "User lives_in Oslo" not in edges(ann, "2023-01-01")
    assert edges(ann) == {"User lives_in Oslo", "User works_at Initech"}


# --- names beyond A to Z ------------------------------------------------------------


def test_a_place_that_begins_with_any_capital_is_a_place(ann):
    say(ann, "I live in Lisbon.", "I moved to Łódź.")
    assert in_force(ann) == {"User moved to Łódź"}
    assert edges(ann) == {"User lives_in Łódź"}


# --- what is over ---------------------------------------------------------------------

OVER = [
    ("I was ill last week.", "2025-05-14"),
    ("I had an appointment with the dentist yesterday.", "2025-05-19"),
    ("I have a dentist appointment tomorrow at 10.", "2025-05-21"),
    ("I put money in a savings account yesterday.", "2025-05-19"),
    ("I read War and Peace last month.", "2025-04-10"),
    ("I read a great book on 3 February.", "2025-02-03"),
    ("I used to live in Graz.", "2010-01-01"),
    ("I had a dog in 2019.", "2019-06-01"),
    ("I worked at Siemens for six years before I joined BMW in 2021.", "2020-06-01"),
]


@pytest.mark.parametrize(("said", "when"), OVER)
def test_what_happened_is_not_true_for_ever(ann, said, when):
    say(ann, said)
    assert len(true_at(ann, when)) == 1
    assert true_at(ann, "2025-09-01") == []


# --- the past in the graph ------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ("I lived in Vienna from 2015 to 2019.", "User lives_in Vienna"),
        ("I used to live in Vienna.", "User lives_in Vienna"),
        ("I worked at Siemens from 2015 to 2019.", "User works_at Siemens"),
        ("I used to work at Siemens.", "User works_at Siemens"),
        ("I lived in Vienna.", "User lives_in Vienna"),
    ],
)
@pytest.mark.parametrize("is_past_first", [True, False])
def test_what_was_so_was_so_then_and_is_not_now(ann, said, then, is_past_first):
    now = "I live in Berlin and work at Acme."
    say(ann, *([said, now] if is_past_first else [now, said]))
    assert edges(ann, "2017-06-01") == {then}
    assert edges(ann) == {"User lives_in Berlin", "User works_at Acme"}
    assert {head.state for head in ann.heads()} == {State.ACTIVE}


def test_two_things_of_one_sentence_change_apart(ann):
    say(
        ann, "My brother Tom lives in Porto and works at Farol.", "Tom moved to Lisbon."
    )
    assert edges(ann) >= {"Tom lives_in Lisbon", "Tom works_at Farol"}
    assert "Tom lives_in Porto" not in edges(ann)


# --- corrections ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "said", "stands"),
    [
        (
            "I adopted Rex in January.",
            "Actually, I adopted Rex in February.",
            "User adopted Rex in February 2025",
        ),
        ("I live in Paris.", "No, I live in Lyon, not in Paris.", "User lives in Lyon"),
        ("I live in Paris.", "I live in Lyon, not in Paris.", "User lives in Lyon"),
        (
            "My sister's name is Eva.",
            "Actually my sister's name is Ewa.",
            "User's sister's name is Ewa",
        ),
        ("I work at Acme.", "Correction: I work at Globex.", "User works at Globex"),
        # Only what was meant is told.
        (
            "I adopted Rex in January.",
            "I meant 1 July 2024.",
            "User adopted Rex on 1 July 2024",
        ),
        (
            "I adopted Rex in January.",
            "Sorry, in February.",
            "User adopted Rex in February 2025",
        ),
        ("I work at Acme.", "I meant Globex.", "User works at Globex"),
    ],
)
def test_what_was_told_wrongly_was_never_true(ann, known, said, stands):
    say(ann, known, said)
    (only,) = ann.heads()
    assert (only.state, only.text.split(", not")[0]) == (State.ACTIVE, stands)
    assert not any("Paris" in edge or "Acme" in edge for edge in edges(ann))
    assert [version.number for version in ann.versions(only.id)] == [1, 2]


def test_a_change_is_no_correction(ann):
    say(ann, "I live in Lisbon.", "Actually, I moved to Oslo on 1 May 2025.")
    assert edges(ann, "2025-04-01") == {"User lives_in Lisbon"}
    assert edges(ann) == {"User lives_in Oslo"}


def test_a_home_set_off_against_another_is_an_edge(ann):
    say(ann, "No, I live in Lyon, not in Paris.")
    assert edges(ann) == {"User lives_in Lyon"}
