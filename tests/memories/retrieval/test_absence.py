"""Why a search did not return a memory: each reason, by a memory that meets it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from memories.models import Operation
from memories.retrieval.absence import explain_absence, find_named
from memories.retrieval.search import look
from memories.selectors.filters import parse_filters
from memories.types import SearchRequest, Verdict, Visibility
from tests.memories.agents import ANN, decides


def looked_for(agent, query, filters=None, *, top_k=10, threshold=0.0, **visibility):
    return look(
        agent.access,
        SearchRequest(
            query,
            parse_filters(filters or ANN),
            top_k=top_k,
            threshold=threshold,
            visibility=Visibility(**visibility),
        ),
    )


def reason(agent, memory_id, query="bees", *args, **details):
    absence = explain_absence(looked_for(agent, query, *args, **details), memory_id)
    return absence.reason and (absence.reason.name, absence.reason.detail)


@pytest.fixture
def bees(agent):
    return agent.keep("Ann keeps bees.")


def test_what_was_returned_has_no_reason(agent, bees):
    absence = explain_absence(looked_for(agent, "bees"), bees)
    assert absence.reason is None
    names = [check.name for check in absence.checks]
    assert names == [
        *("Known", "Filter", "State", "Expiry", "Candidates", "Threshold", "top_k")
    ]
    assert absence.explained.place == 1


def test_what_nobody_knows(agent, bees):
    assert reason(agent, uuid4())[0] == "Known"


def test_anothers_is_not_known(agent, bees, other):
    other.keep("Ann keeps bees.")
    assert reason(other, bees)[0] == "Known"


def test_another_subject(agent, bees):
    assert reason(agent, bees, "bees", {"user_id": "ben"})[0] == "Filter"


def test_a_condition_that_excludes_it(agent, bees):
    mail = {"AND": [ANN, {"metadata": {"source": "mail"}}]}
    assert reason(agent, bees, "bees", mail)[0] == "Filter"


def test_a_state_that_is_not_shown(agent, bees):
    agent.delete(bees)
    assert reason(agent, bees) == ("State", "It is deleted.")


def test_superseded_where_the_latest_are_asked_for(agent, bees):
    agent.decide(decides(Verdict.DELETE, "Ann gave her bees away.", bees))
    assert reason(agent, bees) is None
    assert reason(agent, bees, latest_only=True)[0] == "State"


def test_expired(agent, frozen):
    day = frozen.instant.date()
    paris = agent.keep("Ann is in Paris.", expires_on=day)
    frozen.advance(days=1)
    assert reason(agent, paris) == ("Expiry", f"It expired after {day}.")
    assert reason(agent, paris, show_expired=True) is None


def test_not_known_yet_at_that_instant(agent, bees):
    known_from = agent.head(bees).known_from
    later = agent.keep("Ann eats figs.")
    assert reason(agent, later, as_of=known_from)[0] == "Known"


def test_behind_the_depth_of_both_legs(agent):
    for shelf in range(11):
        agent.say(*(f"Ann likes tea brand {shelf}/{n}." for n in range(10)))
    greenland = agent.keep("Ann once flew over Greenland.")
    name, detail = reason(agent, greenland, "tea brand likes")
    assert name == "Candidates"
    assert "110 memories are nearer" in detail
    assert "none of the query's words" in detail


def test_below_the_threshold(agent, bees):
    name, detail = reason(agent, bees, "The GDP of Peru", threshold=0.9)
    assert name == "Threshold"
    assert "< threshold 0.900" in detail


def test_beyond_top_k(agent, bees):
    agent.keep("Ann drives a bus.")
    assert reason(agent, bees, "Who drives a bus?", top_k=1) == (
        "top_k",
        "Place 2 of the ranking; 1 were asked for.",
    )


def test_a_memory_is_found_by_a_part_of_its_text(agent, bees):
    bens = agent.keep("Ben keeps wasps.", user_id="ben")
    looked = looked_for(agent, "anything")
    assert find_named(looked, "KEEPS bees") == [bees]
    assert find_named(looked, "keeps") == [bees]  # who is asked about comes first
    assert find_named(looked, "wasps") == [bens]
    assert find_named(looked, "100%_") == []


def test_nothing_is_recorded(agent, bees):
    before = agent.count(Operation, kind="SEARCH")
    explain_absence(looked_for(agent, "bees"), bees)
    assert agent.count(Operation, kind="SEARCH") == before
    agent.search("bees")
    assert agent.count(Operation, kind="SEARCH") == before + 1
