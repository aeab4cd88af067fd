"""What was true when, and what was known when: filters of search and list."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memories.models import Memory
from memories.types import Aspect, Decision, ValidTime, Verdict
from tests.memories.agents import ANN, Agent, adds, fact
from tests.memories.api.conftest import LIST, SEARCH, memories


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


MAY, JUNE = utc(2026, 5, 1), utc(2026, 6, 1)
SAID = utc(2026, 3, 10, 12)

FACTS = {
    # Paris until May, Berlin from then on.
    "Lives in Paris.": (ValidTime(utc(2020, 1, 1), MAY, "month"), Aspect.STATE),
    "Lives in Berlin.": (ValidTime(MAY, None, "month"), Aspect.STATE),
    # An event lasts as long as its precision says, February with its 28 days.
    "Ran a marathon.": (ValidTime(utc(2026, 2, 1), None, "month"), Aspect.EVENT),
    "Called at noon.": (ValidTime(utc(2026, 4, 1, 12), None, "instant"), Aspect.EVENT),
    # A plan with a date is of that date.
    "Plans a trip to Rome.": (ValidTime(utc(2026, 8, 1), None, "day"), Aspect.PLAN),
    # Nobody said when: since it was said, on 10 March.
    "Likes tea.": (ValidTime(), Aspect.PREFERENCE),
    "Saw a comet.": (ValidTime(), Aspect.EVENT),
    # Over when it was said, and nobody knows since when.
    "Worked at Acme.": (ValidTime(None, utc(2026, 1, 1), "year"), Aspect.STATE),
}
PARIS, BERLIN, RAN, CALLED, ROME, TEA, COMET, ACME = FACTS


@pytest.fixture
def told(acme, client) -> Agent:
    """What ann said on 10 March 2026."""
    agent = Agent(acme)
    agent.decide(
        *(adds(text, valid=v, aspect=aspect) for text, (v, aspect) in FACTS.items()),
        created_at=SAID,
    )
    return agent


def listed(client, **fields) -> set[str]:
    return set(memories(client.post(LIST, {"filters": ANN, **fields})))


@pytest.mark.parametrize(
    ("at", "true"),
    [
        ("2019-01-01", {ACME}),
        ("2025-12-31", {PARIS, ACME}),
        ("2026-01-01", {PARIS}),
        ("2026-02-28T23:59:59Z", {PARIS, RAN}),
        ("2026-03-01", {PARIS}),
        ("2026-03-10", {PARIS, TEA, COMET}),
        ("2026-04-01", {PARIS, TEA, CALLED}),
        ("2026-04-01T12:00:00Z", {PARIS, TEA, CALLED}),
        ("2026-04-01T12:00:00.000001Z", {PARIS, TEA}),
        ("2026-04-30T23:59:59.999999Z", {PARIS, TEA}),
        # Where one ends the next begins, in that very instant.
        ("2026-05-01T00:00:00Z", {BERLIN, TEA}),
        ("2026-08-01", {BERLIN, TEA, ROME}),
        ("2026-08-02", {BERLIN, TEA}),
        ("9999-12-30", {BERLIN, TEA}),
    ],
)
def test_what_was_true_then(client, told, at, true):
    assert listed(client, valid_at=at) == true


@pytest.mark.parametrize(
    ("between", "true"),
    [
        (["2026-04-15", "2026-05-15"], {PARIS, BERLIN, TEA}),
        # Both days count, all of them.
        (["2026-03-31", "2026-04-01"], {PARIS, TEA, CALLED}),
        (["2026-07-01", "2026-08-01"], {BERLIN, TEA, ROME}),
        (["2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z"], {BERLIN, TEA}),
        (["2026-04-01T12:00:00Z", "2026-04-01T12:00:00Z"], {PARIS, TEA, CALLED}),
        (["0001-01-01", "9999-12-30"], set(FACTS)),
    ],
)
def test_what_was_true_meanwhile(client, told, between, true):
    assert listed(client, valid_between=between) == true


def test_a_search_asks_the_same(client, told):
    asked = {"query": "Where does ann live?", "filters": ANN, "threshold": 0}
    found = memories(client.post(SEARCH, {**asked, "valid_at": "2026-04-15"}))
    assert set(found) == {PARIS, TEA}
    found = memories(client.post(SEARCH, {**asked, "valid_at": "2026-05-15"}))
    assert set(found) == {BERLIN, TEA}


def test_filters_take_it_and_what_memories_tell_of(client, told):
    nested = {"AND": [ANN, {"NOT": {"valid_at": "2026-05-15T00:00:00Z"}}]}
    assert listed(client, filters=nested) == set(FACTS) - {BERLIN, TEA}
    plans = {"AND": [ANN, {"aspect": {"in": ["plan", "preference"]}}]}
    assert listed(client, filters=plans) == {ROME, TEA}


@pytest.mark.parametrize(
    ("timezone", "day", "true"),
    [
        ("UTC", "2026-05-01", {BERLIN, TEA}),
        # There the first of May begins, or is still to end, on another day of UTC's.
        ("Asia/Tokyo", "2026-05-01", {PARIS, BERLIN, TEA}),
        ("America/New_York", "2026-04-30", {PARIS, BERLIN, TEA}),
        ("America/New_York", "2026-05-01T00:00", {BERLIN, TEA}),
        ("Asia/Tokyo", "2026-05-01T08:59", {PARIS, TEA}),
    ],
)
def test_a_day_is_of_the_projects_zone(client, told, timezone, day, true):
    told.company.project.timezone = timezone
    with told.scope():
        told.company.project.save()
    assert listed(client, valid_at=day) == true


def test_both_clocks_together(client, told):
    """Known in March: Paris; corrected in April: it had been Rome all the time."""
    before = datetime.now(UTC).isoformat()
    with told.scope():
        paris = Memory.objects.get(text=PARIS)
    corrected = fact("Lived in Lyon.", valid=FACTS[PARIS][0], aspect=Aspect.STATE)
    told.decide(Decision(Verdict.UPDATE, corrected, paris.id))
    assert listed(client, valid_at="2026-04-15") == {"Lived in Lyon.", TEA}
    assert listed(client, valid_at="2026-04-15", as_of=before) == {PARIS, TEA}
    assert listed(client, valid_at="2026-05-15", as_of=before) == {BERLIN, TEA}
    assert listed(client, valid_at="2026-05-15", as_of="2020-01-01") == set()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("valid_at", "soon"),
        ("valid_at", 7),
        ("valid_at", "2026-02-30"),
        ("valid_between", "2026-05-01"),
        ("valid_between", ["2026-05-01"]),
        ("valid_between", ["2026-05-01", None]),
        ("valid_between", ["2026-05-02", "2026-05-01"]),
        ("valid_between", ["9999-12-31", "9999-12-31"]),
    ],
)
def test_what_cannot_be_read_is_named(client, told, field, value):
    answer = client.post(LIST, {"filters": ANN, field: value})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


@pytest.mark.parametrize(
    "condition",
    [
        {"valid_at": "2026-05-01"},  # nobody knows whose day
        {"valid_at": "2026-05-01T10:00"},
        {"valid_between": ["2026-05-01T10:00Z"]},
        {"valid_between": ["2026-05-02T10:00Z", "2026-05-01T10:00Z"]},
        {"aspect": "hobby"},
        {"aspect": {"in": []}},
        {"aspect": {"gt": "plan"}},
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(client, told, condition):
    answer = client.post(LIST, {"filters": {"AND": [ANN, condition]}})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["filters"]
