"""Which edges outlive the memory that said them, once another takes its place.

"My sister Anna lives in Oslo" is over when she lives in Bergen; that she is a sister is
not. So only those edges of a superseded memory end that its successor speaks of most
closely (ADR 0601):

0. the successor puts another thing in the place: same subject, same relation
1. it names both ends, and they are not what people are to each other
2. it names both ends, or says the very edge of another time
3. it names them not, and they are not what people are to each other
4. any other

The support of an edge by a version in which its memory is superseded says that it
outlived: nobody else asserts for a memory that is over what is still so.

Nor is it a bond's time that such news have (``is_in_passing``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection

from memories.language.kinds import BY_BIRTH, role_of
from memories.language.relations import is_bond, position_of
from memories.models import Memory
from memories.types import State
from tenants.scopes import require_tenant

Triple = tuple[UUID, str, UUID]
"""Source, relation, target, by what the nodes count as."""

_SAID = """
SELECT DISTINCT m.id, r.source_id, r.type, r.target_id, r.is_single
FROM memories_relationsupport s
JOIN memories_relation r ON r.tenant_id = s.tenant_id AND r.id = s.relation_id
JOIN memories_memory m ON m.tenant_id = s.tenant_id AND m.id = s.memory_id
JOIN memories_memoryversion v ON v.tenant_id = s.tenant_id
    AND v.memory_id = s.memory_id AND v.number = s.number
WHERE s.tenant_id = %s AND s.memory_id = ANY(%s) AND m.text = v.text
"""
_NAMED = """
SELECT n.memory_id, n.entity_id FROM memories_mention n
WHERE n.tenant_id = %s AND n.memory_id = ANY(%s)
"""


@dataclass(slots=True)
class Told:
    """What a memory says of the graph: its edges, those it has one at a time, and what
    it names."""

    edges: set[Triple] = field(default_factory=set)
    single: set[Triple] = field(default_factory=set)
    named: set[UUID] = field(default_factory=set)


def outliving(
    heads: Collection[Memory], fresh: Mapping[UUID, Told]
) -> set[tuple[UUID, Triple]]:
    """(memory, edge) of the superseded among these heads that stays true.

    ``fresh`` is what memories say whose edges are yet to be written.
    """
    over = [head for head in heads if head.state == State.SUPERSEDED]
    if not over:
        return set()
    successors = {head.replaced_by_id for head in over if head.replaced_by_id}
    known = told_by({head.id for head in over} | (successors - fresh.keys()))
    told = {**known, **fresh}
    nothing = Told()
    return {
        (head.id, edge)
        for head in over
        for edge in _stay(
            told.get(head.id, nothing),
            told.get(head.replaced_by_id, nothing) if head.replaced_by_id else nothing,
        )
    }


def is_in_passing(edge: Triple, told: Collection[Triple]) -> bool:
    """Whether the time of what is told is not that of this edge, which is only said
    with it: what somebody is to another, where it is told where they work.

    "I married Aino in June" dates the marriage, "My husband Pekka joined Kone in June"
    the job.
    """
    _, kind, target = edge
    if not is_bond(kind):
        return False
    news = (other for other in told if other != edge)
    is_with_news = any(not is_bond(k) or source == target for source, k, _ in news)
    return is_with_news or role_of(kind) in BY_BIRTH


def _stay(old: Told, new: Told) -> set[Triple]:
    ranks = {edge: _rank(edge, old, new) for edge in old.edges}
    nearest = min(ranks.values(), default=0)
    return {edge for edge, rank in ranks.items() if rank > nearest}


def _rank(edge: Triple, old: Told, new: Told) -> int:
    source, kind, target = edge
    if edge in new.edges:
        return 2 if edge in old.single else 4
    if any((s, position_of(k)) == (source, position_of(kind)) for s, k, _ in new.edges):
        return 0
    if {source, target} <= new.named:
        return 2 if is_bond(kind) else 1
    return 4 if is_bond(kind) else 3


def told_by(memory_ids: Collection[UUID]) -> dict[UUID, Told]:
    """What memories say of the graph in their present words."""
    if not memory_ids:
        return {}
    told: dict[UUID, Told] = defaultdict(Told)
    params = [require_tenant().tenant_id, list(memory_ids)]
    with connection.cursor() as cursor:
        cursor.execute(_SAID, params)
        for memory_id, *edge, is_single in cursor.fetchall():
            told[memory_id].edges.add(tuple(edge))
            if is_single:
                told[memory_id].single.add(tuple(edge))
        cursor.execute(_NAMED, params)
        for memory_id, node in cursor.fetchall():
            told[memory_id].named.add(node)
    return dict(told)
