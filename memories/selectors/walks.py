"""Walks over the edges that are true: what is around a node, and how two hang together.

Breadth first, one query a step, within bounds: an answer says when it was cut. Call
inside a tenant scope.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from memories.selectors.entities import EntityView
from memories.selectors.relations import (
    TRUE,
    TRUE_ONCE,
    End,
    RelationView,
    Stretch,
    WantedRelations,
    read_relations,
)
from memories.selectors.sight import Sight

MOST_DEPTH = 3
MOST_STEPS = 6
MOST_NODES = 100
MOST_EDGES = 200
MOST_LOOKED_AT = 2_000
"""Edges of one step of a path: a node may have very many."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """``distance`` is in edges, 0 for the node itself."""

    end: End
    distance: int


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """``is_cut``: there is more than these bounds let in."""

    neighbours: tuple[Neighbour, ...]
    relations: tuple[RelationView, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Way:
    """The nodes of a shortest path in their order, and the edge from each to the next.

    Without nodes there is none; with ``is_cut`` there may be one all the same.
    """

    nodes: tuple[End, ...]
    relations: tuple[RelationView, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Along:
    """Which edges a walk follows, in either direction: what is true, or was then."""

    valid: Stretch | None = None
    type: str = ""

    def within(self, anchor_id: UUID) -> WantedRelations:
        """All of them in an anchor."""
        return WantedRelations(
            states=TRUE_ONCE if self.valid else TRUE,
            type=self.type,
            valid=self.valid,
            is_so=self.valid is None,
            anchor_id=anchor_id,
        )


def neighbourhood(
    sight: Sight, start: EntityView, along: Along, *, depth: int
) -> Neighbourhood:
    """All within ``depth`` edges of a node, and every edge between these."""
    found = {start.id: Neighbour(End(start.id, start.name, start.type), 0)}
    frontier, is_cut = [start.id], False
    for distance in range(1, depth + 1):
        wanted = replace(along.within(start.anchor_id), touching=frontier)
        edges = read_relations(sight, wanted, most=MOST_LOOKED_AT)
        is_cut |= len(edges) == MOST_LOOKED_AT
        frontier = []
        for end in _ends(edges):
            if end.id in found:
                continue
            if len(found) == MOST_NODES:
                is_cut = True
                break
            found[end.id] = Neighbour(end, distance)
            frontier.append(end.id)
        if not frontier:
            break
    within = replace(along.within(start.anchor_id), within=list(found))
    relations = read_relations(sight, within, most=MOST_EDGES + 1)
    is_cut |= len(relations) > MOST_EDGES
    return Neighbourhood(
        tuple(found.values()), tuple(relations[:MOST_EDGES]), is_cut=is_cut
    )


def shortest_path(
    sight: Sight, start: EntityView, goal: EntityView, along: Along, *, most_steps: int
) -> Way:
    """From one node to another over ``most_steps`` edges at most.

    Of several as short the one whose edges more memories assert. Nodes of different
    anchors never meet.
    """
    here = End(start.id, start.name, start.type)
    if start.id == goal.id:
        return Way((here,), (), is_cut=False)
    if start.anchor_id != goal.anchor_id:
        return Way((), (), is_cut=False)
    came_by: dict[UUID, tuple[End, RelationView] | None] = {start.id: None}
    frontier, is_cut = [start.id], False
    for _ in range(most_steps):
        wanted = replace(along.within(start.anchor_id), touching=frontier)
        edges = read_relations(sight, wanted, most=MOST_LOOKED_AT)
        is_cut |= len(edges) == MOST_LOOKED_AT
        frontier = _step(edges, set(frontier), came_by)
        if goal.id in came_by:
            return _way(here, goal, came_by, is_cut=is_cut)
        if not frontier:
            break
    return Way((), (), is_cut=is_cut or bool(frontier))


def _step(
    edges: Iterable[RelationView],
    frontier: set[UUID],
    came_by: dict[UUID, tuple[End, RelationView] | None],
) -> list[UUID]:
    """What is reached anew, and by which edge from where."""
    reached = []
    for edge in edges:
        for near, far in ((edge.source, edge.target), (edge.target, edge.source)):
            if near.id in frontier and far.id not in came_by:
                came_by[far.id] = (near, edge)
                reached.append(far.id)
    return reached


def _way(
    start: End,
    goal: EntityView,
    came_by: dict[UUID, tuple[End, RelationView] | None],
    *,
    is_cut: bool,
) -> Way:
    nodes, relations = [End(goal.id, goal.name, goal.type)], list[RelationView]()
    while (step := came_by[nodes[-1].id]) is not None:
        near, edge = step
        nodes.append(start if near.id == start.id else near)
        relations.append(edge)
    return Way(tuple(nodes[::-1]), tuple(relations[::-1]), is_cut=is_cut)


def _ends(edges: Iterable[RelationView]) -> Iterable[End]:
    for edge in edges:
        yield edge.source
        yield edge.target
