"""What PostgreSQL reads for a search: of the scope that is asked, and of no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from memories.retrieval import legs
from tenants.scopes import read_rows
from tests.databases import as_owner

MEMORIES, MESSAGES = "memories_memoryvector", "memories_messagevector"


@pytest.fixture
def plan(agent, monkeypatch):
    """``plan("bees")`` is how PostgreSQL answered Ann's search."""
    plans: list[dict[str, Any]] = []

    def explained(tenant_id, statement, params, **details):
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
        (((root,),),) = read_rows(tenant_id, explain, params, **details)
        plans.append(root["Plan"])
        return []

    def plan(query: str, filters: dict[str, Any] | None = None) -> dict[str, Any]:
        monkeypatch.setattr(legs, "read_rows", explained)
        agent.search(query, filters)
        return plans[-1]

    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def test_of_a_store_with_two_users_only_ones_vectors_are_read(
    committed_db, agent, plan, settings
):
    """Where there are few, the planner takes a list of anchors for all of them."""
    settings.SEARCH_LOG_SAMPLE = 0
    for n in range(30):
        agent.keep(f"Ben owns boat {n}.", user_id="ben")
    agent.keep("Ann keeps bees.")
    # What was counted while there was one user says that naming one leaves nobody out.
    as_owner("ANALYZE memories_memoryvector, memories_messagevector")
    assert vectors_read(plan("bees")) == {MEMORIES: 1.0, MESSAGES: 1.0}


@pytest.mark.parametrize(
    "filters",
    [
        {"OR": [{"user_id": "ann"}, {"agent_id": "helper"}]},
        {"user_id": {"in": ["ann", "nobody"]}},
        {"run_id": "trip"},
        {"AND": [{"run_id": "trip"}, {"user_id": "*"}]},
    ],
)
def test_of_a_filter_without_one_name_only_what_can_match_is_read(
    committed_db, agent, plan, settings, filters
):
    """All the project was read, and others' turns took the places of one's own."""
    settings.SEARCH_LOG_SAMPLE = 0
    for n in range(30):
        agent.keep(f"Ben owns boat {n}.", user_id="ben", run_id="work")
    agent.keep("Ann keeps bees.", user_id="ann", run_id="trip")
    as_owner("ANALYZE memories_memory, memories_memoryvector, memories_messagevector")
    assert vectors_read(plan("bees", filters)) == {MEMORIES: 1.0, MESSAGES: 1.0}


def vectors_read(root: dict[str, Any]) -> dict[str, float]:
    """Rows that were looked at, kept or not."""
    read = {MEMORIES: 0.0, MESSAGES: 0.0}
    for node in nodes(root):
        if (table := node.get("Relation Name")) in read:
            removed = node.get("Rows Removed by Filter", 0)
            rows = (node["Actual Rows"] + removed) * node["Actual Loops"]
            read[table] = max(read[table], rows)
    return read


LARGE = {"near", "turn", "heard", "window_words", "around", "met", "learned", "worded"}
"""What has a row for each memory or turn of a scope."""


def test_no_leg_is_read_once_for_each_row_of_another(agent, plan):
    """The planner takes a scope for an average one: a nested loop over two legs of one
    of 5,000 memories among users of 12 took 1.0 s."""
    for n in range(30):
        agent.keep(f"Ann owns boat {n}.")
    root = plan("Which boat does Ann own?")
    read = {node["CTE Name"] for node in nodes(root) if "CTE Name" in node}
    assert {"near", "turn", "learned"} <= read
    for node in nodes(root):
        if node["Node Type"] == "Nested Loop":
            outer, inner = (legs_under(side) for side in node["Plans"][-2:])
            assert not (outer and inner), (outer, inner)


def legs_under(side: dict[str, Any]) -> set[str]:
    return LARGE & {node["CTE Name"] for node in nodes(side) if "CTE Name" in node}


@pytest.mark.parametrize("query", ["bees", "Where does Ann work?"])
def test_how_deep_a_leg_is_stands_in_the_statement(agent, monkeypatch, query):
    """Of a limit that a value binds PostgreSQL expects a tenth of all there is: among
    two users of 35,000 memories it then read all of them for a pool of none (30 ms)."""
    asked: list[str] = []

    def read(tenant_id, statement, params, **details):
        asked.append(statement)
        return []

    agent.keep("Ann keeps bees.")
    monkeypatch.setattr(legs, "read_rows", read)
    agent.search(query)
    assert "LIMIT 100" in asked[0]
    assert "LIMIT %s" not in asked[0]
