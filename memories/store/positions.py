"""Whether a fact can end what a memory says: both must speak of one position.

A position is a subject and a relation that it has one at a time (``works_at`` of Ann).
Who an engine takes for the same is checked where the graph knows better: where both
speak of positions, and of none in common, neither ends the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models.functions import Coalesce

from memories.language.relations import position_of
from memories.models import Entity, Memory, Relation, RelationSupport
from memories.types import Fact, FactLinks, Links, State

SELF = "user"
type Position = tuple[UUID | None, str]


def speak_apart(links: Links, fact: Fact, target: Memory) -> bool:
    """Whether a fact and a memory speak of positions, and surely of different ones."""
    found = links.facts.get(fact.text, FactLinks())
    single = [edge for edge in found.edges if edge.is_single]
    if not single or len(single) < len(found.edges):
        return False
    theirs = _positions_of(target)
    if not theirs:
        return False
    roots = _roots({edge.source.id for edge in single if edge.source.id})
    mine = {(roots.get(edge.source.id), edge.type) for edge in single}
    return not any(_may_be_one(one, other) for one in mine for other in theirs)


def over_after(
    links: Links,
    fact: Fact,
    since: datetime,
    linked: Iterable[tuple[Memory, Fact]],
) -> list[Memory]:
    """Superseded memories that say what the fact's subject had in its place, one at a
    time, until after ``since``; ``linked`` are written to the graph later."""
    mine = _places(links, fact)
    fresh = [memory for memory, said in linked if mine and mine & _places(links, said)]
    found = _stored(mine, since) if mine else []
    return [
        memory
        for memory in (*fresh, *found)
        if memory.state == State.SUPERSEDED
        and memory.valid_to is not None
        and memory.valid_to > since
    ]


def _places(links: Links, fact: Fact) -> set[tuple[UUID | str, str]]:
    """Positions by node; those of a node that is yet to be by its key."""
    found = links.facts.get(fact.text, FactLinks())
    return {
        (edge.source.id or edge.source.key, position_of(edge.type))
        for edge in found.edges
        if edge.is_single
    }


def _stored(places: Iterable[tuple[UUID | str, str]], since: datetime) -> list[Memory]:
    named = [node for node, _ in places if isinstance(node, UUID)]
    counts_as = Entity.objects.annotate(root=Coalesce("merged_into_id", "id"))
    roots = dict(counts_as.filter(id__in=named).values_list("id", "root"))
    wanted = {(roots[node], kind) for node, kind in places if node in roots}  # type: ignore[index]
    said = RelationSupport.objects.filter(
        relation__source_id__in=roots.values(),
        relation__state=State.SUPERSEDED,
        relation__known_to=None,
        relation__is_single=True,
        relation__valid_to__gt=since,
    ).values_list("memory_id", "relation__source_id", "relation__type")
    ids = {id_ for id_, node, kind in said if (node, position_of(kind)) in wanted}
    over = Memory.objects.filter(id__in=ids, state=State.SUPERSEDED)
    return list(over.order_by("id"))


def _positions_of(memory: Memory) -> set[Position]:
    """What the memory asserts; empty when it asserts anything else as well."""
    support = RelationSupport.objects.filter(memory_id=memory.id)
    edges = Relation.objects.filter(
        id__in=support.values("relation_id"), known_to=None, state=memory.state
    ).values_list("source_id", "type", "is_single", "source__normalized")
    if not all(is_single for _, _, is_single, _ in edges):
        return set()
    return {(None if name == SELF else id_, kind) for id_, kind, _, name in edges}


def _roots(ids: set[UUID]) -> dict[UUID | None, UUID | None]:
    """What nodes count as; the user's own node may go by any name."""
    found = Entity.objects.filter(id__in=ids)
    rows = found.values_list("id", "merged_into", "normalized")
    return {id_: None if name == SELF else root or id_ for id_, root, name in rows}


def _may_be_one(one: Position, other: Position) -> bool:
    """None is whoever is not surely somebody else."""
    is_same = position_of(one[1]) == position_of(other[1])
    return is_same and (None in (one[0], other[0]) or one[0] == other[0])
