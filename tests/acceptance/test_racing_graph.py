"""Fifty adds about one person at once leave the graph that they leave one by one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.platform import MARKS, Client, Platform, count_in, wait_settled

pytestmark = MARKS

PLACES = ("Lisbon", "Berlin", "Oslo", "Porto", "Hamburg")
FIRMS = ("Corvo", "Lumen", "Halden", "Norden", "Velas")
TASTES = ("fado", "techno", "chess", "figs", "rum")
SAID = [
    *(f"I live in {place}." for place in PLACES * 2),
    *(f"I work at {firm}." for firm in FIRMS * 2),
    *(f"My sister Anna lives in {place}." for place in PLACES * 2),
    *(f"I like {taste}." for taste in TASTES * 2),
    *(f"I no longer like {taste}." for taste in TASTES),
    *(f"My brother Ben works at {firm}." for firm in FIRMS),
]
IN_ORDER = """
SELECT s.content FROM memories_operation o
JOIN memories_ingestion i ON i.operation_id = o.id
JOIN memories_message s ON s.ingestion_id = i.id
WHERE o.id = ANY(%s::uuid[]) ORDER BY o.seq
"""
NODES = """
SELECT e.name, e.type, e.state, count(m.id) AS mentions FROM memories_entity e
JOIN memories_anchor a ON a.id = e.anchor_id
LEFT JOIN memories_mention m ON m.entity_id = e.id
WHERE a.user_id = %s GROUP BY e.id, e.name, e.type, e.state
"""
EDGES = """
SELECT s.name AS source, r.type, t.name AS target, r.state, r.fact,
       r.known_to IS NULL AS stands, r.valid_to IS NULL AS lasts,
       (SELECT count(*) FROM memories_relationsupport p WHERE p.relation_id = r.id)
       AS witnesses
FROM memories_relation r
JOIN memories_anchor a ON a.id = r.anchor_id
JOIN memories_entity s ON s.id = r.source_id JOIN memories_entity t ON t.id = r.target_id
WHERE a.user_id = %s
"""


@pytest.fixture(params=["single_pass", "local"])
def somebody(request, platform: Platform) -> Iterator[Client]:
    """Who adds to a project of that engine; each add is decided by itself."""
    chosen = (f"engine={request.param}", "add_window_s=0")
    platform.manage("set_project", "demo-neighbour", *chosen)
    with Client(platform, platform.demo["api_key_2"]) as client:
        yield client
    platform.manage("set_project", "demo-neighbour", "engine=", "add_window_s=")


def test_racing_adds_leave_the_graph_of_their_order(platform, somebody, user):
    said = random.Random(6).sample(SAID, len(SAID))
    with ThreadPoolExecutor(len(said)) as pool:
        events = list(pool.map(lambda text: somebody.add(user, text), said))
    wait_settled(platform, events, within_s=120)
    assert count_in(platform, events, "SUCCEEDED") == len(said) == 50
    twin = f"{user}-one-by-one"
    for row in platform.rows(IN_ORDER, events):
        assert (
            somebody.settled(somebody.add(twin, row["content"]))["status"]
            == "SUCCEEDED"
        )
    for query in (NODES, EDGES):
        assert counted(platform, query, user) == counted(platform, query, twin) != {}


def counted(platform: Platform, query: str, user: str) -> Counter[tuple]:
    return Counter(tuple(row.values()) for row in platform.rows(query, user))
