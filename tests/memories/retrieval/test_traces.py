"""What led to an answer, kept, read and asked again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from memories.models import Operation
from memories.retrieval import journal
from memories.retrieval.search import find, keep_trace, look, trace_again
from memories.retrieval.stages import measured, stage
from memories.retrieval.traces import (
    compare,
    count_words,
    is_drawn,
    read_trace,
    request_of,
)
from memories.selectors.filters import join, nothing, parse_filters, restrict
from memories.selectors.search_traces import get_traced, list_traced
from memories.services.configuration import change_settings
from memories.services.deletion import erase_subject
from memories.store.retention import empty_searches
from memories.types import Actor, Scope, SearchRequest, Visibility
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest, NotFound
from tests.memories.agents import ANN, Agent

FACTS = ("Ann keeps bees.", "Ann takes the bus.", "Ann is allergic to peanuts.")
BOTH = {"OR": [ANN, {"user_id": {"in": ["ben", "cleo"]}}]}


@pytest.fixture
def ann(agent) -> Agent:
    for text in FACTS:
        agent.keep(text)
    return agent


def asks(query="Who keeps bees?", filters=None, **details) -> SearchRequest:
    details.setdefault("threshold", 0.0)
    return SearchRequest(query, parse_filters(filters or ANN), **details)


def kept(agent, trace_id):
    with agent.scope():
        return read_trace(get_traced(trace_id)[1])


def listed(agent):
    with agent.scope():
        return list_traced(page=1, page_size=10).items


# --- what is kept --------------------------------------------------------------------


def test_it_holds_the_ranking_and_its_times_and_no_memory(ann):
    request = asks(top_k=2)
    looked = look(ann.access, request)
    trace_id = keep_trace(ann.access, request)
    trace = kept(ann, trace_id)
    explained = looked.explained
    assert [c.memory_id for c in trace.candidates] == [e.memory_id for e in explained]
    assert [c.gate for c in trace.candidates] == [str(e.gate) for e in explained]
    assert [c.score for c in trace.shown] == [
        pytest.approx(e.score, abs=1e-4) for e in explained if e.score is not None
    ]
    best, fused = trace.candidates[0], explained[0].fused
    told = sum(signal.contribution for signal in best.signals) * best.factor
    assert told - best.penalty == pytest.approx(fused, abs=1e-3)
    assert {"embed", "gather", "rank"} <= trace.stages.keys()
    assert (trace.query, trace.found) == ("Who keeps bees?", 3)
    with ann.scope():
        assert "peanuts" not in json.dumps(get_traced(trace_id)[1])


def test_of_a_large_pool_the_first_are_kept(agent):
    for shelf in range(2):
        agent.say(*(f"Ann owns book {shelf}/{n}." for n in range(60)))
    trace = read_trace(trace_again(agent.access, asks("book", top_k=1000)))
    assert (len(trace.candidates), trace.found) == (100, 120)


def test_a_project_says_how_many_searches_keep_theirs(ann):
    find(ann.access, asks())
    assert listed(ann) == ()
    with ann.scope():
        change_settings(ann.company.project, {"trace_share": 1})
    find(ann.access, asks())
    (line,) = listed(ann)
    assert (line.query, line.user_id, line.returned) == ("Who keeps bees?", "ann", 3)


def test_a_share_is_a_share():
    drawn = sum(is_drawn(0.3) for _ in range(2_000))
    assert 450 < drawn < 750
    assert not any(is_drawn(0.0) for _ in range(100))
    assert all(is_drawn(1.0) for _ in range(100))


def test_a_traced_search_is_recorded_whatever_else_is(ann, settings):
    settings.SEARCH_LOG_SAMPLE = 0
    find(ann.access, asks())
    assert ann.count(Operation, kind="SEARCH") == 0
    with ann.scope():
        change_settings(ann.company.project, {"trace_share": 1})
    find(ann.access, asks())
    assert ann.count(Operation, kind="SEARCH") == 1


def test_it_is_written_after_the_answer(committed_db, agent, monkeypatch):
    monkeypatch.setattr(journal, "WRITE_EVERY_S", 3600)
    agent.keep("Ann keeps bees.")
    with agent.scope():
        change_settings(agent.company.project, {"trace_share": 1})
    find(agent.access, asks())
    assert listed(agent) == ()
    journal.flush()
    assert len(listed(agent)) == 1
    journal._start_anew()


def test_events_do_not_carry_it(ann, api):
    keep_trace(ann.access, asks())
    events = api(ann.company.key).get("/v1/events/?event_type=SEARCH").json()
    assert events["results"][0]["payload"] == {"query": "Who keeps bees?", "top_k": 10}


def test_without_any_memory_there_is_nothing_to_keep(agent):
    with pytest.raises(NotFound):
        keep_trace(agent.access, asks())


def test_nobody_else_sees_it(ann, other):
    trace_id = keep_trace(ann.access, asks())
    assert listed(other) == ()
    with other.scope(), pytest.raises(NotFound):
        get_traced(trace_id)


# --- how long ------------------------------------------------------------------------


def test_it_goes_with_the_words_of_the_query(frozen, ann):
    keep_trace(ann.access, asks())
    frozen.advance(days=1)
    with ann.scope():
        assert empty_searches(clock.now()) == 1
    assert listed(ann) == ()


@pytest.mark.parametrize(
    ("filters", "name", "is_left"),
    [
        (ANN, "ann", False),
        (ANN, "ben", True),
        (BOTH, "ann", False),
        (BOTH, "cleo", False),
        (BOTH, "dora", True),
        ({"AND": [{"user_id": "*"}, {"NOT": {"user_id": "ben"}}]}, "ben", False),
    ],
)
def test_it_goes_with_any_subject_that_it_names(ann, filters, name, is_left):
    keep_trace(ann.access, asks(filters=filters))
    with ann.scope():
        project_id, nobody = ann.company.project.id, Actor("system")
        erase_subject(project_id, "user", name, nobody)
    assert bool(listed(ann)) is is_left


# --- asked again ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        asks(),
        asks(filters=BOTH, top_k=3, threshold=0.2, rerank=True),
        asks(visibility=Visibility(True, True, True, clock.now())),
        asks(reference=clock.now()),
    ],
)
def test_it_can_be_asked_as_it_was(ann, request_):
    trace = kept(ann, keep_trace(ann.access, request_))
    assert request_of(trace) == request_


def test_joined_and_restricted_filters_can_be_asked_again():
    filters = restrict(
        join(parse_filters(BOTH), parse_filters({"run_id": "r"})), Scope(user_id="ann")
    )
    again = parse_filters(filters.asked)
    assert (again.scope, again.sql, again.params) == (
        filters.scope,
        filters.sql,
        filters.params,
    )


def test_a_filter_without_words_cannot_be_asked_again(ann):
    request = replace(asks(), filters=join(parse_filters(ANN), nothing()))
    trace = kept(ann, keep_trace(ann.access, request))
    with pytest.raises(InvalidRequest):
        request_of(trace)


def test_nothing_has_changed_is_what_it_finds(ann):
    trace = kept(ann, keep_trace(ann.access, asks()))
    again = read_trace(trace_again(ann.access, request_of(trace)))
    assert {d.word for d in compare(trace, again)} == {"stays"}


def test_it_finds_what_came_what_left_and_who_moved(frozen, ann):
    trace = kept(ann, keep_trace(ann.access, asks(top_k=2)))
    first = trace.shown[0].memory_id
    frozen.advance(days=1)
    ann.delete(first)
    new = ann.keep("Ann keeps bees and who keeps bees keeps bees.")
    again = read_trace(trace_again(ann.access, request_of(trace)))
    differences = compare(trace, again)
    words = {d.memory_id: d.word for d in differences}
    assert (words[new], words[first]) == ("came", "left")
    counts = count_words(differences)
    assert (counts["came"], counts["left"]) == (1, 1)
    shown = [d.memory_id for d in differences if d.word not in ("left", "not returned")]
    assert shown == [c.memory_id for c in again.shown]


def test_then_is_what_was_known_then(frozen, ann):
    frozen.advance(seconds=1)
    trace = kept(ann, keep_trace(ann.access, asks()))
    frozen.advance(days=1)
    ann.keep("Ann keeps bees on the roof.")
    now = read_trace(trace_again(ann.access, request_of(trace)))
    then = read_trace(trace_again(ann.access, request_of(trace, then=True)))
    assert len(now.shown) == 4
    assert [c.memory_id for c in then.shown] == [c.memory_id for c in trace.shown]


def test_asking_again_is_recorded_nowhere(ann):
    trace = kept(ann, keep_trace(ann.access, asks()))
    before = ann.count(Operation)
    trace_again(ann.access, request_of(trace))
    assert ann.count(Operation) == before


# --- stages --------------------------------------------------------------------------


def test_stages_are_measured_only_where_somebody_wants_it():
    with stage("nobody"), measured() as times, stage("one"), stage("two"):
        pass
    assert list(times) == ["two", "one"]
    assert all(ms >= 0 for ms in times.values())
