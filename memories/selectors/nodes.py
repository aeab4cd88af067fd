"""The nodes of an anchor that names of an add may mean.

A node is found by its very name, by a key that it shares with a name (its words, their
beginnings, its initials), and by its vector: GIN serves no array under row-level
security (decision 6), so keys filter the anchor's rows. Call inside a tenant scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import connection

from memories.providers.vectors import as_direction
from memories.types import KnownNode, Vectors
from tenants.scopes import current_tenant_id

NEAREST = 5
"""How many nodes near a new name by vector are looked at."""

# What it is to the user: where it says nothing of that itself, what it was merged into.
_COLUMNS = """
SELECT e.id, e.name, e.type, coalesce(e.merged_into_id, e.id),
       coalesce(nullif(e.qualifier, ''),
                (SELECT root.qualifier FROM memories_entity root
                  WHERE root.tenant_id = e.tenant_id AND root.id = e.merged_into_id),
                ''),
       e.aliases,
       e.space_id, (SELECT count(*) FROM memories_mention n
                    WHERE n.tenant_id = e.tenant_id AND n.said = e.id)
FROM memories_entity e
"""
_NAMED = f"""{_COLUMNS}
WHERE e.tenant_id = %s AND e.anchor_id = %s AND e.normalized = ANY(%s)
"""
_KEYED = f"""{_COLUMNS}
WHERE e.tenant_id = %s AND e.anchor_id = %s AND e.state = 'active' AND e.keys && %s
"""
_NEAR = f"""
SELECT q.i, near.similarity, found.*
FROM (VALUES {{queries}}) AS q (i, embedding)
CROSS JOIN LATERAL (
    SELECT e.id, 1 - (e.embedding <=> q.embedding::halfvec) AS similarity
    FROM memories_entity e
    WHERE e.tenant_id = %s AND e.anchor_id = %s AND e.space_id = %s
      AND e.state = 'active'
    ORDER BY e.embedding <=> q.embedding::halfvec, e.id LIMIT %s
) AS near
CROSS JOIN LATERAL ({_COLUMNS} WHERE e.tenant_id = %s AND e.id = near.id) AS found
"""
# With the type of what the near end has one of at a time.
_NEIGHBOURS = """
SELECT r.source_id, r.target_id, CASE WHEN r.is_single THEN r.type END
  FROM memories_relation r
WHERE r.tenant_id = %s AND r.state = 'active' AND r.known_to IS NULL
  AND r.source_id = ANY(%s)
UNION
SELECT r.target_id, r.source_id, NULL FROM memories_relation r
WHERE r.tenant_id = %s AND r.state = 'active' AND r.known_to IS NULL
  AND r.target_id = ANY(%s)
"""


def named(anchor_id: UUID, names: Iterable[str]) -> list[KnownNode]:
    """Nodes with one of these normalised names, merged ones included."""
    return _read(_NAMED, [current_tenant_id(), anchor_id, list(names)])


def likely(
    anchor_id: UUID,
    keys: Sequence[str],
    vectors: Mapping[str, Vectors],
    space_id: UUID,
) -> list[KnownNode]:
    """Nodes that share a key with new names, or are among the nearest by vector."""
    found = {
        node.id: node
        for node in _read(_KEYED, [current_tenant_id(), anchor_id, list(keys)])
    }
    for name, similarity, node in _near(anchor_id, vectors, space_id):
        known = found.get(node.id, node)
        cosine = {**known.cosine, name: similarity}
        found[node.id] = replace(known, cosine=cosine)
    return list(found.values())


def with_neighbours(nodes: Iterable[KnownNode]) -> list[KnownNode]:
    """The nodes with the ids of what they are related to by now, and what of that they
    have one of at a time."""
    nodes = list(nodes)
    ids = list({node.counts_as for node in nodes})
    if not ids:
        return nodes
    tenant_id = current_tenant_id()
    beside: dict[UUID, set[UUID]] = {}
    only: dict[UUID, dict[str, UUID]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_NEIGHBOURS, [tenant_id, ids, tenant_id, ids])
        for one, other, type_ in cursor.fetchall():
            beside.setdefault(one, set()).add(other)
            if type_ is not None:
                only.setdefault(one, {})[type_] = other
    return [
        replace(
            node,
            neighbours=frozenset(beside.get(node.counts_as, ())),
            only=only.get(node.counts_as, {}),
        )
        for node in nodes
    ]


def _near(
    anchor_id: UUID, vectors: Mapping[str, Vectors], space_id: UUID
) -> list[tuple[str, float, KnownNode]]:
    if not vectors:
        return []
    names = list(vectors)
    queries = ", ".join(["(%s, %s)"] * len(names))
    asked: list[Any] = []
    for place, name in enumerate(names):
        asked += [place, as_direction(vectors[name])]
    tenant_id = current_tenant_id()
    params = [*asked, tenant_id, anchor_id, space_id, NEAREST, tenant_id]
    with connection.cursor() as cursor:
        cursor.execute(_NEAR.format(queries=queries), params)
        return [(names[row[0]], row[1], _node(row[2:])) for row in cursor.fetchall()]


def _read(statement: str, params: Sequence[Any]) -> list[KnownNode]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return [_node(row) for row in cursor.fetchall()]


def _node(row: Sequence[Any]) -> KnownNode:
    id_, name, type_, counts_as, role, aliases, space_id, mentioned = row
    return KnownNode(
        id=id_,
        name=name,
        type=type_,
        counts_as=counts_as,
        role=role,
        aliases=tuple(aliases),
        space_id=space_id,
        mentioned=mentioned,
    )
