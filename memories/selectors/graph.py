"""What a subject's memories speak of, and how it hangs together, now or at an instant.

The nodes that most memories mention, and the edges between them. Which memories count
is fixed by the instant; counts are of these. Call inside a tenant scope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from memories.selectors.compare import About
from memories.selectors.memories import owned, source
from memories.selectors.sight import mentioned_by
from memories.types import State
from memplatform.lib import clock
from tenants.scopes import current_tenant_id

MOST_NODES = 150
MOST_EDGES = 200
MOST_BESIDE = 50
TRUE = (State.ACTIVE,)
SAID = (State.ACTIVE, State.SUPERSEDED, State.RETIRED)


@dataclass(frozen=True, slots=True)
class Node:
    """``mentions`` counts memories of the subject that speak of it."""

    id: UUID
    name: str
    type: str
    mentions: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A directed relation as it was believed; ``memories`` of the subject assert it.

    ``is_over`` at the graph's instant: it was true, or was taken back, before.
    """

    id: UUID
    source: Node
    target: Node
    type: str
    state: State
    valid_from: datetime | None
    valid_to: datetime | None
    valid_precision: str | None
    known_from: datetime
    memories: int
    is_over: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """``total`` nodes there are; what is not among ``nodes`` is mentioned less."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    total: int

    @property
    def left_out(self) -> int:
        return self.total - len(self.nodes)

    @property
    def has_more_edges(self) -> bool:
        return len(self.edges) == MOST_EDGES


_NODES = """
SELECT e.id, e.name, e.type, counted.mentions, counted.total
FROM (
    SELECT n.entity_id, count(*) AS mentions, count(*) OVER () AS total
    FROM {relation}
    JOIN memories_mention n ON n.tenant_id = m.tenant_id AND n.memory_id = m.id
         AND {mentioned}
    WHERE {own} AND m.{key} = %s AND m.state = ANY(%s) AND m.text IS NOT NULL
    GROUP BY n.entity_id ORDER BY mentions DESC, n.entity_id LIMIT %s
) AS counted
JOIN memories_entity e ON e.tenant_id = %s AND e.id = counted.entity_id
ORDER BY counted.mentions DESC, e.id
"""
# Ends of edges that outlived the memories that say them (``store.outliving``): nothing
# that is true need mention them.
_BESIDE = """
SELECT DISTINCT e.id, e.name, e.type, 0
FROM memories_relation r
JOIN memories_relationsupport s ON s.tenant_id = r.tenant_id AND s.relation_id = r.id
JOIN memories_memoryversion v ON v.tenant_id = s.tenant_id
     AND v.memory_id = s.memory_id AND v.number = s.number
JOIN memories_memory m ON m.tenant_id = s.tenant_id AND m.id = s.memory_id
JOIN memories_entity e ON e.tenant_id = r.tenant_id
     AND e.id IN (r.source_id, r.target_id) AND e.id <> ALL(%s)
WHERE r.tenant_id = %s AND (r.source_id = ANY(%s) OR r.target_id = ANY(%s))
  AND r.state = 'active' AND r.known_from <= %s
  AND (r.known_to IS NULL OR r.known_to > %s)
  AND v.state = 'superseded' AND {own} AND m.{key} = %s AND m.text IS NOT NULL
ORDER BY e.id LIMIT %s
"""
_EDGES = """
SELECT r.id, r.source_id, r.target_id, r.type, r.state, r.valid_from, r.valid_to,
       r.valid_precision, r.known_from, count(DISTINCT m.id) AS memories
FROM memories_relation r
JOIN memories_relationsupport s ON s.tenant_id = r.tenant_id AND s.relation_id = r.id
JOIN memories_memory m ON m.tenant_id = s.tenant_id AND m.id = s.memory_id
WHERE r.tenant_id = %s AND r.source_id = ANY(%s) AND r.target_id = ANY(%s)
  AND r.known_from <= %s AND (r.known_to IS NULL OR r.known_to > %s)
  AND r.state = ANY(%s) AND (%s OR r.valid_to IS NULL OR r.valid_to > %s)
  AND {own} AND m.{key} = %s AND m.text IS NOT NULL
GROUP BY r.id, r.source_id, r.target_id, r.type, r.state, r.valid_from, r.valid_to,
         r.valid_precision, r.known_from
ORDER BY memories DESC, r.known_from DESC, r.id LIMIT %s
"""


def graph_of(
    about: About, *, as_of: datetime | None = None, with_past: bool = False
) -> Graph:
    """The graph as it was believed at an instant, None for now.

    ``with_past`` also shows what was known to be over by then. Three queries.
    """
    at = as_of or clock.now()
    states = [str(state) for state in (SAID if with_past else TRUE)]
    nodes, total = _nodes(about, as_of, states)
    known = {node.id: node for node in nodes}
    beside = {node.id: node for node in _beside(about, list(known), at)}
    edges = _edges(about, known | beside, at, states, with_past)
    return Graph((*nodes, *beside.values()), tuple(edges), total + len(beside))


def _beside(about: About, ids: list[UUID], at: datetime) -> list[Node]:
    """What is mentioned by none that is shown, and hangs on what is."""
    if not ids:
        return []
    own, own_params = owned()
    believed = [ids, current_tenant_id(), ids, ids, at, at]
    params = [*believed, *own_params, about.name, MOST_BESIDE]
    with connection.cursor() as cursor:
        cursor.execute(_BESIDE.format(own=own, key=about.key), params)
        return [Node(*row) for row in cursor.fetchall()]


def _nodes(
    about: About, as_of: datetime | None, states: Sequence[str]
) -> tuple[list[Node], int]:
    tenant_id = current_tenant_id()
    relation, relation_params = source(as_of, tenant_id)
    own, own_params = owned()
    statement = _NODES.format(
        relation=relation, own=own, key=about.key, mentioned=mentioned_by(as_of)
    )
    wanted = [about.name, list(states), MOST_NODES, tenant_id]
    params = [*relation_params, *own_params, *wanted]
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        rows = cursor.fetchall()
    return [Node(*row[:4]) for row in rows], rows[0][4] if rows else 0


def _edges(
    about: About,
    nodes: dict[UUID, Node],
    at: datetime,
    states: Sequence[str],
    with_past: bool,  # noqa: FBT001 - as it was asked for
) -> list[Edge]:
    if not nodes:
        return []
    own, own_params = owned()
    ids = list(nodes)
    believed = [current_tenant_id(), ids, ids, at, at, list(states), with_past, at]
    params = [*believed, *own_params, about.name, MOST_EDGES]
    with connection.cursor() as cursor:
        cursor.execute(_EDGES.format(own=own, key=about.key), params)
        return [_edge(row, nodes, at) for row in cursor.fetchall()]


def _edge(row: Sequence[Any], nodes: dict[UUID, Node], at: datetime) -> Edge:
    id_, source_id, target_id, kind, state, *valid, known, many = row
    valid_from, valid_to, precision = valid
    return Edge(
        id=id_,
        source=nodes[source_id],
        target=nodes[target_id],
        type=kind,
        state=State(state),
        valid_from=valid_from,
        valid_to=valid_to,
        valid_precision=precision,
        known_from=known,
        memories=many,
        is_over=state != State.ACTIVE or (valid_to is not None and valid_to <= at),
    )
