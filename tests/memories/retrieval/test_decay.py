"""Decay: what was found lately comes before what was not; nothing is lost by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memories.models import MemoryUse
from memories.retrieval import journal
from memories.retrieval.decay import HALF_LIFE, LEAST, MOST, decay_factor
from memories.services.configuration import change_settings
from memories.types import Uses
from memplatform.lib import clock
from tests.memories.agents import at_once

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def ago(days: float) -> datetime:
    return NOW - days * DAY


# --- the factor ----------------------------------------------------------------------


def test_it_falls_by_half_in_a_month():
    assert decay_factor(NOW, None, NOW) == MOST
    assert decay_factor(NOW - HALF_LIFE, None, NOW) == pytest.approx((MOST + LEAST) / 2)
    assert decay_factor(ago(36_500), None, NOW) == pytest.approx(LEAST)


def test_what_was_found_often_lasts_longer():
    once, often = Uses(1, ago(60)), Uses(30, ago(60))
    never = decay_factor(ago(60), None, NOW)
    assert never < decay_factor(ago(90), once, NOW) < decay_factor(ago(90), often, NOW)


def test_a_memory_of_the_future_is_as_good_as_new():
    assert decay_factor(NOW + DAY, None, NOW) == MOST


@given(
    st.floats(0, 1e5),
    st.one_of(st.none(), st.builds(Uses, st.integers(0, 10**9), st.just(NOW))),
)
def test_it_is_always_within_its_bounds(days, uses):
    assert LEAST <= decay_factor(ago(days), uses, NOW) <= MOST


# --- in a search ---------------------------------------------------------------------


@pytest.fixture
def decaying(agent, frozen):
    """A project that forgets; the tea is two years older than the coffee."""
    with agent.scope():
        change_settings(agent.company.project, {"decay": True})
    agent.keep("Ann drinks green tea.", created_at=clock.now() - 730 * DAY)
    agent.keep("Ann drinks black coffee.", created_at=clock.now())
    return agent


QUERY = "What tea does Ann drink?"
TEA, COFFEE = "Ann drinks green tea.", "Ann drinks black coffee."


def order(agent, **details) -> list[str]:
    return [hit.memory.text for hit in agent.search(QUERY, threshold=0.0, **details)]


def weights(agent) -> dict[str, float]:
    """The fused score of each, before it is shown as a relevance."""
    hits = agent.search(QUERY, threshold=0.0)
    return {hit.memory.text: hit.signals["fused"] for hit in hits}


def test_it_weighs_what_the_query_found(db, decaying):
    forgotten = weights(decaying)[TEA]
    with decaying.scope():
        change_settings(decaying.company.project, {"decay": None})
    assert forgotten == pytest.approx(LEAST * weights(decaying)[TEA], rel=0.01)


def test_it_filters_nothing_and_scores_stay_relevances(db, decaying):
    hits = decaying.search(QUERY, threshold=0.0)
    scores = [hit.score for hit in hits]
    assert {hit.memory.text for hit in hits} == {TEA, COFFEE}
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_being_found_makes_it_stronger(db, decaying, frozen):
    before = weights(decaying)[TEA]
    after = weights(decaying)[TEA]
    assert after > before
    with decaying.scope():
        counted = dict(MemoryUse.objects.values_list("memory__text", "uses"))
    assert counted == {TEA: 2, COFFEE: 2}
    frozen.advance(days=365)
    assert weights(decaying)[TEA] < after


def test_it_can_be_asked_as_of_another_day(db, decaying):
    hits = decaying.search(QUERY, threshold=0.0, reference=clock.now() - 730 * DAY)
    assert {hit.memory.text: hit.signals["fused"] for hit in hits}[TEA] > 1.0


def test_without_the_setting_nothing_is_counted(db, agent):
    agent.keep(TEA)
    agent.search(QUERY)
    assert agent.count(MemoryUse) == 0


def test_searches_at_once_are_all_counted(committed_db, decaying):
    at_once(*[lambda: decaying.search(QUERY, threshold=0.0)] * 4)
    journal.flush()
    with decaying.scope():
        assert set(MemoryUse.objects.values_list("uses", flat=True)) == {4}


def test_another_tenants_uses_are_its_own(db, decaying, other):
    other.keep(TEA)
    decaying.search(QUERY, threshold=0.0)
    assert other.count(MemoryUse) == 0
