"""Edges of the graph as readers see them: a page of them, one, those of memories.

An edge is there while a memory of the sight asserts it, in the state in which it is
believed; its sentence is that memory's. Call inside a tenant scope.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from memories.selectors.sight import Meant, Sight, whose
from memories.selectors.truth import PASSES, lasts
from memories.types import Page, State
from memplatform.lib import clock
from memplatform.lib.errors import NotFound
from tenants.scopes import current_tenant_id

NO_EDGE = "There is no such relation."
STATES = (State.ACTIVE, State.SUPERSEDED, State.RETIRED)
TRUE = (State.ACTIVE,)
TRUE_ONCE = (State.ACTIVE, State.SUPERSEDED)
"""What was true is meant as well where an instant of the world is asked for."""
MOST_NAMED = 100
MOST_FOUND = 50


Stretch = tuple[datetime, datetime]
"""From an instant on and before another; twice the same is that instant."""


@dataclass(frozen=True, slots=True)
class End:
    """A node at the end of an edge."""

    id: UUID
    name: str
    type: str


@dataclass(frozen=True, slots=True)
class RelationView:
    """``source -type-> target``, as it is believed; ``fact`` is what a memory says.

    ``memories`` counts those that assert it; ``memory_ids`` are the first of them.
    """

    id: UUID
    source: End
    type: str
    target: End
    fact: str
    state: State
    confidence: float
    is_single: bool
    valid_from: datetime | None
    valid_to: datetime | None
    valid_precision: str | None
    known_from: datetime
    replaced_by: UUID | None
    whose: Mapping[str, str | None]
    memories: int
    memory_ids: tuple[UUID, ...]
    score: float | None = None


@dataclass(frozen=True, slots=True)
class WantedRelations:
    """Which edges; None, blank and empty do not restrict.

    ``touching`` are nodes at either end, ``source`` and ``target`` at their own;
    ``within`` has both ends among its nodes. ``name`` is a part of the name of an end.
    ``valid`` is when it was true in the world, at some instant of it; ``is_so``: it is
    not over at the instant that is looked from.
    """

    states: Sequence[State] = TRUE
    type: str = ""
    name: str = ""
    valid: Stretch | None = None
    is_so: bool = False
    meant: Meant | None = None
    ids: Collection[UUID] = ()
    touching: Collection[UUID] = ()
    within: Collection[UUID] = ()
    source: UUID | None = None
    target: UUID | None = None
    anchor_id: UUID | None = None
    said_by: Collection[UUID] = field(default=())
    """These memories' edges come first."""


# What has no beginning counts from when it was said; what was over by then began
# before anybody knows (ADR 0610).
_BEGAN = """coalesce(r.valid_from, CASE WHEN r.valid_to <= said.first
            THEN timestamptz '-infinity' ELSE said.first END)"""
# What all who say it tell of as an event is over with it.
_ENDED = f"""coalesce(r.valid_to, CASE WHEN said.passes
            THEN coalesce(r.valid_from, said.first) + {lasts("r")} END)"""
_FOUND = """
{places} said AS (
    SELECT r.id, {source} AS source_id, {target} AS target_id,
           min(m.created_at) AS first, count(DISTINCT m.id) AS memories,
           (array_agg(DISTINCT m.id))[1:%s] AS memory_ids,
           bool_or(m.id = ANY(%s::uuid[])) AS is_first,
           bool_and(coalesce({passes}, false)) AS passes,
           (array_agg(m.text ORDER BY m.created_at, m.id))[1] AS fact
    FROM {memories}
    JOIN memories_relationsupport s ON s.tenant_id = m.tenant_id AND s.memory_id = m.id
    JOIN memories_relation r ON r.tenant_id = s.tenant_id AND r.id = s.relation_id
    JOIN memories_memoryversion v ON v.tenant_id = s.tenant_id
        AND v.memory_id = s.memory_id AND v.number = s.number
    WHERE {readable} AND {believed} AND v.text = m.text AND r.state = ANY(%s)
      AND (r.state = m.state OR r.state = 'superseded' AND m.state = 'active'
           OR r.state = 'active' AND m.state = 'superseded' AND v.state = 'superseded')
      AND {edges}
    GROUP BY 1, 2, 3
)
SELECT r.id, o.id, o.name, o.type, r.type, t.id, t.name, t.type, said.fact, r.state,
       r.confidence, r.is_single, r.valid_from, r.valid_to, r.valid_precision,
       r.known_from, ({successor}), a.user_id, a.agent_id, a.app_id, said.memories,
       said.memory_ids, {score} AS score
FROM said
JOIN memories_relation r ON r.tenant_id = %s AND r.id = said.id
JOIN memories_entity o ON o.tenant_id = r.tenant_id AND o.id = said.source_id
JOIN memories_entity t ON t.tenant_id = r.tenant_id AND t.id = said.target_id
JOIN memories_anchor a ON a.tenant_id = r.tenant_id AND a.id = r.anchor_id
WHERE {wanted}
"""
# What ended it is named while it can be read.
_SUCCESSOR = """SELECT w.id FROM memories_relation w
    WHERE w.tenant_id = r.tenant_id AND w.id = r.replaced_by_id AND {believed}"""
NEWEST = "r.known_from DESC, r.id DESC"
LIKELIEST = f"score DESC, {NEWEST}"
SUREST = "said.memories DESC, r.known_from DESC, r.id"


def list_relations(
    sight: Sight, wanted: WantedRelations, *, page: int, page_size: int
) -> Page[RelationView]:
    """Believed last first; where something is looked for, the likeliest."""
    statement, params = _found(sight, wanted)
    order = NEWEST if wanted.meant is None else LIKELIEST
    start = (page - 1) * page_size
    items = _read(statement, params, order, page_size, start)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({statement}) AS every", params)
        (total,) = cursor.fetchone()
    return Page(tuple(items), total, page, page_size)


def get_relation(sight: Sight, relation_id: UUID) -> RelationView:
    """One edge in whatever state it is believed; raises NotFound."""
    found = read_relations(
        sight, WantedRelations(states=STATES, ids=[relation_id]), most=1
    )
    if not found:
        raise NotFound(NO_EDGE)
    return found[0]


def read_relations(
    sight: Sight, wanted: WantedRelations, *, most: int, order: str = SUREST
) -> list[RelationView]:
    """The first of them."""
    statement, params = _found(sight, wanted)
    return _read(statement, params, order, most, 0)


def relations_around(sight: Sight, memory_ids: Sequence[UUID]) -> list[RelationView]:
    """Edges that memories assert, then others between what they mention, then others
    of that: ``MOST_FOUND`` at most."""
    nodes = _mentioned(sight, memory_ids)
    if not nodes:
        return []
    wanted = WantedRelations(states=TRUE_ONCE, touching=nodes, said_by=memory_ids)
    statement, params = _found(sight, wanted)
    order = f"""said.is_first DESC,
        (said.source_id = ANY(%s) AND said.target_id = ANY(%s)) DESC,
        (r.state = 'active') DESC, {SUREST}"""
    return _read(statement, params, order, MOST_FOUND, 0, [nodes, nodes])


def _mentioned(sight: Sight, memory_ids: Sequence[UUID]) -> list[UUID]:
    places, params = sight.places()
    memories, memories_params = sight.memories()
    # A WITH wants something in it.
    statement = f"""{places} told AS (
        SELECT n.entity_id, n.said FROM {memories}
        JOIN memories_mention n ON n.tenant_id = m.tenant_id AND n.memory_id = m.id
             AND {sight.mentioned}
        WHERE m.tenant_id = %s AND m.id = ANY(%s)
    ) SELECT DISTINCT {sight.node("told.entity_id", "told.said")} FROM told"""
    with connection.cursor() as cursor:
        told = [*memories_params, current_tenant_id(), list(memory_ids)]
        cursor.execute(statement, [*params, *told])
        return [row[0] for row in cursor.fetchall()]


def _read(
    statement: str,
    params: Sequence[Any],
    order: str,
    most: int,
    start: int,
    order_params: Sequence[Any] = (),
) -> list[RelationView]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"{statement} ORDER BY {order} LIMIT %s OFFSET %s",
            [*params, *order_params, most, start],
        )
        return [_view(row) for row in cursor.fetchall()]


def _found(sight: Sight, wanted: WantedRelations) -> tuple[str, list[Any]]:
    places, params = sight.places()
    memories, memories_params = sight.memories()
    readable, readable_params = sight.readable()
    believed, believed_params = sight.believed()
    successor, successor_params = sight.believed("w")
    edges, edges_params = _edges(sight, wanted)
    conditions, wanted_params = _conditions(wanted, sight.as_of or clock.now())
    score, score_params = (
        ("NULL::float8", list[Any]())
        if wanted.meant is None
        else wanted.meant.likeness("r")
    )
    statement = _FOUND.format(
        passes=PASSES,
        places=places,
        source=sight.node("r.source_id", "r.source_said"),
        target=sight.node("r.target_id", "r.target_said"),
        memories=memories,
        readable=readable,
        believed=believed,
        edges=edges,
        successor=_SUCCESSOR.format(believed=successor),
        score=score,
        wanted=conditions,
    )
    return statement, [
        *params,
        MOST_NAMED,
        list(wanted.said_by),
        *memories_params,
        *readable_params,
        *believed_params,
        [str(state) for state in wanted.states],
        *edges_params,
        *successor_params,
        *score_params,
        current_tenant_id(),
        *wanted_params,
    ]


def _edges(sight: Sight, wanted: WantedRelations) -> tuple[str, list[Any]]:
    """Conditions on ``r``, which pick rows by index."""
    conditions, params = ["true"], list[Any]()
    ends = (("r.source_id", "r.source_said"), ("r.target_id", "r.target_said"))

    def add(sql: str, values: Sequence[Any]) -> None:
        conditions.append(sql)
        params.extend(values)

    if wanted.ids:
        add("r.id = ANY(%s)", [list(wanted.ids)])
    if wanted.anchor_id:
        add("r.anchor_id = %s", [wanted.anchor_id])
    if wanted.type:
        add("r.type = %s", [wanted.type])
    if wanted.touching:
        out, into = (sight.is_node(*end, list(wanted.touching)) for end in ends)
        add(f"({out[0]} OR {into[0]})", [*out[1], *into[1]])
    if wanted.within:
        for end in ends:
            add(*sight.is_node(*end, list(wanted.within)))
    for end, node in zip(ends, (wanted.source, wanted.target), strict=True):
        if node:
            add(*sight.is_node(*end, [node]))
    return " AND ".join(conditions), params


def _conditions(wanted: WantedRelations, at: datetime) -> tuple[str, list[Any]]:
    conditions, params = ["true"], list[Any]()
    if wanted.is_so:
        conditions.append("(r.valid_to IS NULL OR r.valid_to > %s)")
        params.append(at)
    if wanted.name:
        part = "strpos(lower({}.name), lower(%s)) > 0"
        conditions.append(f"({part.format('o')} OR {part.format('t')})")
        params += [wanted.name, wanted.name]
    if wanted.valid:
        start, end = wanted.valid
        begins = "<=" if start == end else "<"
        conditions.append(f"""({_BEGAN} {begins} %s AND ({_ENDED} IS NULL
            OR {_ENDED} > %s OR r.valid_from >= %s))""")
        params += [end, start, start]
    return " AND ".join(conditions), params


def _view(row: Sequence[Any]) -> RelationView:
    return RelationView(
        id=row[0],
        source=End(*row[1:4]),
        type=row[4],
        target=End(*row[5:8]),
        fact=row[8],
        state=State(row[9]),
        confidence=row[10],
        is_single=row[11],
        valid_from=row[12],
        valid_to=row[13],
        valid_precision=row[14],
        known_from=row[15],
        replaced_by=row[16],
        whose=whose(tuple(row[17:20])),
        memories=row[20],
        memory_ids=tuple(row[21]),
        score=row[22],
    )
