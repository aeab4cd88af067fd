"""Filters on the wire: list and search show what a plain evaluator says they match."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memories.models import Memory
from tenants.scopes import tenant_scope
from tests.memories.api.conftest import LIST, SEARCH, memories
from tests.memories.selectors.filter_evaluator import Row, matches
from tests.memories.selectors.test_filters import filter_objects

EVERYBODY = {"OR": [{"user_id": "*"}, {"agent_id": "*"}]}
SHELF = [
    # text, and what else is given
    ("Bees", {"user_id": "ida", "metadata": {"kind": "1", "n": 1}}),
    ("bees 100%", {"user_id": "Ida", "run_id": "5", "metadata": {"n": None}}),
    ("a_b", {"user_id": "bo", "agent_id": "ida", "metadata": {"kind": [1, "1"]}}),
    ("aXb", {"agent_id": "bo", "app_id": "5", "expiration_date": "2030-06-15"}),
    ("Ünal's 'q' \\", {"user_id": "5", "metadata": {"": True, "a'b": "a%_b"}}),
    ("100", {"user_id": "ida", "timestamp": 1640995200}),
]
CATEGORIES = {"Bees": ["food"], "aXb": ["Food & drink", "travel"]}


@pytest.fixture
def shelf(store, acme):
    """The memories by id, as the evaluator reads them."""
    for text, fields in SHELF:
        store(text, **fields)
    with tenant_scope(acme.id):
        for text, categories in CATEGORIES.items():
            Memory.objects.filter(text=text).update(categories=categories)
        return [_row(memory) for memory in Memory.objects.all()]


def _row(memory):
    return Row(
        id=str(memory.id),
        user_id=memory.user_id,
        agent_id=memory.agent_id,
        app_id=memory.app_id,
        run_id=memory.run_id,
        text=memory.text,
        metadata=memory.metadata,
        categories=memory.categories,
        created_at=memory.created_at.isoformat(),
        updated_at=memory.updated_at.isoformat(),
        expires_on=memory.expires_on and memory.expires_on.isoformat(),
    )


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(raw=filter_objects | st.just({"user_id": "ida"}))
def test_both_show_what_the_filter_matches(client, shelf, raw):
    filters = {"AND": [EVERYBODY, raw]}
    expected = sorted(row.text for row in shelf if matches(filters, row))
    listed = client.post(LIST, {"filters": filters})
    assert sorted(memories(listed)) == expected
    assert listed.json()["count"] == len(expected)
    asked = {"query": "bees", "filters": filters, "threshold": 0, "top_k": 1000}
    assert sorted(memories(client.post(SEARCH, asked))) == expected


BEES, LOWER, UNDER, AGENTS, QUOTED, OLD = (text for text, _ in SHELF)
ANYBODY = {BEES, LOWER, UNDER, AGENTS, QUOTED, OLD}
EXAMPLES = [
    # a filter beside "anybody", and the texts it matches
    ({"user_id": "ida"}, {BEES, OLD}),
    ({"user_id": {"in": ["ida", "bo"]}}, {BEES, OLD, UNDER}),
    # an id that is missing is not that id, and no value either
    ({"user_id": {"ne": "ida"}}, ANYBODY - {BEES, OLD}),
    ({"NOT": {"user_id": "*"}}, {AGENTS}),
    ({"run_id": "*"}, {LOWER}),
    # siblings and both groups hold, and NOT means none of its list
    ({"user_id": "bo", "agent_id": "ida"}, {UNDER}),
    ({"AND": [{"user_id": "*"}], "OR": [{"user_id": "bo"}, {"app_id": "5"}]}, {UNDER}),
    ({"NOT": [{"user_id": "ida"}, {"user_id": "bo"}]}, {LOWER, AGENTS, QUOTED}),
    # times: a day is its midnight in UTC, the created one is the backdated one
    ({"created_at": {"gte": "2022-01-01", "lt": "2022-01-02"}}, {OLD}),
    ({"timestamp": {"gt": "2022-01-01"}}, ANYBODY - {OLD}),
    ({"created_at": {"lte": "2022-01-01T01:00:00+01:00"}}, {OLD}),
    ({"expiration_date": {"lt": "2031-01-01"}}, {AGENTS}),
    # categories: any of a list, or a part of one in any case
    ({"categories": {"in": ["food", "music"]}}, {BEES}),
    ({"categories": {"contains": "FOOD"}}, {BEES, AGENTS}),
    # metadata: by type, all keys, missing keys differ, an element of a list
    ({"metadata": {"kind": "1", "n": 1}}, {BEES}),
    ({"metadata": {"n": "1"}}, set()),
    ({"metadata": {"n": {"ne": 1}}}, ANYBODY - {BEES}),
    ({"metadata": {"kind": {"contains": "1"}}}, {BEES, UNDER}),
    # a part of the text, literally; case counts for the first only
    ({"keywords": {"contains": "bees"}}, {LOWER}),
    ({"keywords": {"icontains": "BEES"}}, {BEES, LOWER}),
    ({"keywords": {"contains": "a_b"}}, {UNDER}),
    ({"keywords": {"contains": "100%"}}, {LOWER}),
    ({"memory_ids": ["00000000-0000-7000-8000-000000000000"]}, set()),
]


def test_what_filters_mean_by_example(client, shelf, subtests):
    """Word by word, where the evaluator might be wrong in the same way."""
    for raw, expected in EXAMPLES:
        asked = {"filters": {"AND": [EVERYBODY, raw]}, "query": "bees"}
        everything = {**asked, "threshold": 0, "top_k": 1000}
        for path, body in ((LIST, {"filters": asked["filters"]}), (SEARCH, everything)):
            with subtests.test(f"{path} {raw}"):
                assert set(memories(client.post(path, body))) == expected


@pytest.mark.parametrize("path", [LIST, SEARCH])
def test_an_empty_list_of_categories_matches_nothing_and_null_all(client, shelf, path):
    asked = {"query": "bees", "filters": {"user_id": "ida"}, "threshold": 0}
    found = {
        str(given): len(memories(client.post(path, {**asked, "categories": given})))
        for given in (None, [], ["food"], ["no-such-category"])
    }
    assert found == {"None": 2, "[]": 0, "['food']": 1, "['no-such-category']": 0}


@pytest.mark.parametrize("path", [LIST, SEARCH])
def test_a_blank_category_is_400(client, path):
    asked = {"query": "bees", "filters": {"user_id": "ida"}, "categories": [""]}
    answer = client.post(path, asked)
    assert answer.status_code == 400
    assert "categories" in answer.json()["detail"]


def test_ids_of_another_tenant_are_not_reached_by_filters(outsider, shelf):
    ids = {"AND": [EVERYBODY, {"memory_ids": [row.id for row in shelf]}]}
    assert memories(outsider.post(LIST, {"filters": ids})) == []
    asked = {"query": "bees", "filters": ids, "threshold": 0}
    assert memories(outsider.post(SEARCH, asked)) == []
