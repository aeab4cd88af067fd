"""Nodes of the graph as readers see them: a page of them, one, and what was merged.

Call inside a tenant scope. A node that no memory of the sight mentions is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from memories.language.names import normalise
from memories.models import EntityMerge
from memories.selectors.sight import Meant, Sight, whose
from memories.types import JsonDict, Page
from memplatform.lib.errors import NotFound
from tenants.scopes import current_tenant_id

NO_NODE = "There is no such entity."
NO_MERGE = "There is no such merge."
ACTIVE, MERGED = "active", "merged"
STATES = (ACTIVE, MERGED)
MOST_NAMED = 100
"""How many memories one node names; the lists of memories have the rest."""


@dataclass(frozen=True, slots=True)
class EntityView:
    """A node; ``memories`` counts those that mention it.

    ``whose`` are its anchor's ids; ``qualifier`` is what it is to the user ("sister").
    ``score`` (0..1) is there where something was looked for.
    """

    id: UUID
    name: str
    type: str
    qualifier: str
    aliases: tuple[str, ...]
    anchor_id: UUID
    whose: Mapping[str, str | None]
    merged_into: UUID | None
    created_at: datetime
    memories: int
    last_mentioned_at: datetime
    memory_ids: tuple[UUID, ...] = ()
    score: float | None = None

    @property
    def state(self) -> str:
        return MERGED if self.merged_into else ACTIVE


@dataclass(frozen=True, slots=True)
class WantedEntities:
    """Which nodes; None and blank do not restrict. ``name`` is a part of one, or of an
    alias, in any case."""

    state: str = ACTIVE
    type: str = ""
    name: str = ""
    meant: Meant | None = None
    anchor_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class MergeEnd:
    """One of the two nodes of a merge."""

    id: UUID
    name: str
    type: str


@dataclass(frozen=True, slots=True)
class MergeView:
    """That two were said to be one, by whom, on which evidence; until when."""

    id: UUID
    kept: MergeEnd
    absorbed: MergeEnd
    decided_by: str
    score: float
    evidence: JsonDict
    at: datetime
    undone_at: datetime | None


_LIST = """
{places} counted AS (
    SELECT {node} AS id, count(DISTINCT m.id) AS memories, max(m.created_at) AS last_at
    FROM {memories}
    JOIN memories_mention n ON n.tenant_id = m.tenant_id AND n.memory_id = m.id
         AND {mentioned}
    WHERE {listed} GROUP BY 1
)
SELECT {columns}, counted.memories, counted.last_at, NULL::uuid[], {score} AS score
FROM counted
JOIN memories_entity e ON e.tenant_id = %s AND e.id = counted.id
JOIN memories_anchor a ON a.tenant_id = e.tenant_id AND a.id = e.anchor_id
WHERE {wanted}
"""
_ONE = """
{places} mentioning AS (
    SELECT DISTINCT m.id, m.created_at FROM {memories}
    JOIN memories_mention n ON n.tenant_id = m.tenant_id AND n.memory_id = m.id
         AND {mentioned}
    WHERE {listed} AND ({node} = %s OR n.said = %s)
), counted AS (
    SELECT count(*) AS memories, max(created_at) AS last_at,
           (array_agg(id ORDER BY created_at DESC, id DESC))[1:%s] AS ids
    FROM mentioning
)
SELECT {columns}, counted.memories, counted.last_at, counted.ids, NULL::float8 AS score
FROM memories_entity e
JOIN memories_anchor a ON a.tenant_id = e.tenant_id AND a.id = e.anchor_id
CROSS JOIN counted
WHERE e.tenant_id = %s AND e.id = %s AND counted.memories > 0
"""


def list_entities(
    sight: Sight, wanted: WantedEntities, *, page: int, page_size: int
) -> Page[EntityView]:
    """The most mentioned first; where something is looked for, the likeliest."""
    statement, params = _list(sight, wanted)
    order = "score DESC, counted.memories DESC, e.id"
    if wanted.meant is None:
        order = "counted.memories DESC, e.id"
    start = (page - 1) * page_size
    with connection.cursor() as cursor:
        cursor.execute(
            f"{statement} ORDER BY {order} LIMIT %s OFFSET %s",
            [*params, page_size, start],
        )
        items = tuple(_view(row) for row in cursor.fetchall())
        cursor.execute(f"SELECT count(*) FROM ({statement}) AS every", params)
        (total,) = cursor.fetchone()
    return Page(items, total, page, page_size)


def get_entity(sight: Sight, entity_id: UUID) -> EntityView:
    """One node, also one that was merged into another; raises NotFound."""
    places, params = sight.places()
    memories, memories_params = sight.memories()
    listed, listed_params = sight.listed()
    statement = _ONE.format(
        places=places,
        memories=memories,
        listed=listed,
        mentioned=sight.mentioned,
        node=sight.node("n.entity_id", "n.said"),
        columns=_columns(sight),
    )
    params += [*memories_params, *listed_params, entity_id, entity_id]
    params += [MOST_NAMED, current_tenant_id(), entity_id]
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        row = cursor.fetchone()
    if row is None:
        raise NotFound(NO_NODE)
    return _view(row)


def list_merges(
    entity_id: UUID, *, as_of: datetime | None = None
) -> tuple[MergeView, ...]:
    """What was merged into a node, or it into another, newest first; taken back too."""
    about = (
        Q(kept=entity_id) | Q(absorbed=entity_id) | Q(absorbed__merged_into=entity_id)
    )
    rows = EntityMerge.objects.filter(about).select_related("kept", "absorbed")
    if as_of is not None:
        rows = rows.filter(at__lte=as_of)
    return tuple(_merge(row, as_of) for row in rows.order_by("-at", "-id"))


def get_merge(sight: Sight, merge_id: UUID) -> MergeView:
    """A merge of nodes that are there; raises NotFound."""
    row = (
        EntityMerge.objects.filter(id=merge_id)
        .select_related("kept", "absorbed")
        .first()
    )
    if row is None or not _is_there(sight, row):
        raise NotFound(NO_MERGE)
    return _merge(row, None)


def _is_there(sight: Sight, row: EntityMerge) -> bool:
    try:
        get_entity(sight, row.kept_id)
    except NotFound:
        return False
    return True


def _list(sight: Sight, wanted: WantedEntities) -> tuple[str, list[Any]]:
    places, params = sight.places()
    memories, memories_params = sight.memories()
    listed, listed_params = sight.listed()
    score, score_params = _score(wanted.meant)
    conditions, wanted_params = _conditions(sight, wanted)
    # What was merged is listed by its own name, the rest by what it counts as.
    is_merged = wanted.state == MERGED
    node = "n.said" if is_merged else sight.node("n.entity_id", "n.said")
    statement = _LIST.format(
        places=places,
        memories=memories,
        listed=listed,
        mentioned=sight.mentioned,
        node=node,
        columns=_columns(sight),
        score=score,
        wanted=conditions,
    )
    return statement, [
        *params,
        *memories_params,
        *listed_params,
        *score_params,
        current_tenant_id(),
        *wanted_params,
    ]


def _columns(sight: Sight) -> str:
    return f"""e.id, e.name, e.type, e.qualifier, {sight.aliases("e")}, e.anchor_id,
        a.user_id, a.agent_id, a.app_id, {sight.merged_into("e")}, e.created_at"""


def _score(meant: Meant | None) -> tuple[str, list[Any]]:
    """1 for the very name, else how like it is."""
    if meant is None:
        return "NULL::float8", []
    likeness, params = meant.likeness("e")
    name = normalise(meant.words)
    sql = f"""CASE WHEN e.normalized = %s OR %s = ANY(
        SELECT lower(alias) FROM unnest(e.aliases) AS alias) THEN 1.0
        ELSE {likeness} END"""
    return sql, [name, name, *params]


def _conditions(sight: Sight, wanted: WantedEntities) -> tuple[str, list[Any]]:
    is_merged = "IS NOT NULL" if wanted.state == MERGED else "IS NULL"
    conditions, params = [f"{sight.merged_into('e')} {is_merged}"], list[Any]()
    if wanted.type:
        conditions.append("e.type = %s")
        params.append(wanted.type)
    if wanted.name:
        conditions.append(f"""(strpos(lower(e.name), lower(%s)) > 0 OR EXISTS (
            SELECT 1 FROM unnest({sight.aliases("e")}) AS alias
            WHERE strpos(lower(alias), lower(%s)) > 0))""")
        params += [wanted.name, wanted.name]
    if wanted.anchor_id:
        conditions.append("e.anchor_id = %s")
        params.append(wanted.anchor_id)
    return " AND ".join(conditions), params


def _view(row: Sequence[Any]) -> EntityView:
    return EntityView(
        id=row[0],
        name=row[1],
        type=row[2],
        qualifier=row[3],
        aliases=tuple(row[4]),
        anchor_id=row[5],
        whose=whose(tuple(row[6:9])),
        merged_into=row[9],
        created_at=row[10],
        memories=row[11],
        last_mentioned_at=row[12],
        memory_ids=tuple(row[13] or ()),
        score=row[14],
    )


def _merge(row: EntityMerge, as_of: datetime | None) -> MergeView:
    undone_at = row.undone_at
    if as_of is not None and undone_at is not None and undone_at > as_of:
        undone_at = None
    return MergeView(
        id=row.id,
        kept=MergeEnd(row.kept.id, row.kept.name, row.kept.type),
        absorbed=MergeEnd(row.absorbed.id, row.absorbed.name, row.absorbed.type),
        decided_by=row.decided_by,
        score=row.score,
        evidence=row.evidence,
        at=row.at,
        undone_at=undone_at,
    )
