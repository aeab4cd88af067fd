"""The picture of a subject: what is held true of it, by category, at any instant.

Nothing is generated and no model is asked: it is a reading of memories, each with when
it was last borne out and by which memories. Two queries. Call inside a tenant scope.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection

from memories.models import MemoryEvent
from memories.selectors.memories import (
    VIEW_COLUMNS,
    owned,
    source,
    view_of,
    visible,
)
from memories.selectors.truth import ENDED, true_between
from memories.types import Filters, MemoryView, Page, State, Visibility
from memplatform.lib import clock
from tenants.scopes import current_tenant_id

OTHER = "Other"
"""What facts of no category stand under; the last of the categories."""
BEARS_OUT = (
    MemoryEvent.Kind.ADD,
    MemoryEvent.Kind.UPDATE,
    MemoryEvent.Kind.APPROVE,
    MemoryEvent.Kind.CONFIRM,
    MemoryEvent.Kind.RESTORE,
)
"""Kinds of event that say a memory, beside those that merge another into it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Which picture: as it was believed ``as_of``, None for now.

    With ``valid`` also what has been superseded since counts, and only what is true at
    some time from the one instant to the other (the same twice: at that one); without,
    all that is not over: a plan is a part of the picture.
    """

    as_of: datetime | None = None
    valid: tuple[datetime, datetime] | None = None

    @property
    def valid_at(self) -> datetime | None:
        """The instant, or the beginning of the day, that is asked about."""
        return self.valid[0] if self.valid else None


@dataclass(frozen=True, slots=True)
class Line:
    """A fact; ``memory_ids`` are those it rests on, itself the first of them."""

    memory: MemoryView
    category: str | None
    confirmed_at: datetime
    memory_ids: tuple[UUID, ...]

    @property
    def others(self) -> tuple[UUID, ...]:
        """What it rests on beside itself."""
        return self.memory_ids[1:]


@dataclass(frozen=True, slots=True)
class Section:
    """Lines of one category on a page; ``count`` is how many it has in all."""

    category: str
    count: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """One page of lines, and how many there are in each category of it."""

    page: Page[Line]
    counts: dict[str | None, int]

    @property
    def sections(self) -> Iterator[Section]:
        for category, lines in groupby(self.page.items, lambda line: line.category):
            count = self.counts[category]
            yield Section(category or OTHER, count, tuple(lines))


# A fact stands under the first of its categories, once.
_LINES = """
SELECT {columns}, m.categories[1] AS category, count(*) OVER () AS lines,
       count(*) OVER (PARTITION BY m.categories[1]) AS in_category
  FROM {relation}
 WHERE {own} AND {where} AND m.state = ANY(%s) AND {true}
 ORDER BY category NULLS LAST, m.created_at DESC, m.id DESC
 LIMIT %s OFFSET %s
"""
# (fact, when it was borne out, which other memory it rests on): one of the last two.
_EVIDENCE = """
WITH shown AS (
    SELECT * FROM unnest(%s::uuid[], %s::integer[]) AS s (id, number)
), told AS (
    SELECT s.id, e.at, NULL::uuid AS other
      FROM shown s
      JOIN memories_memoryevent e ON e.tenant_id = %s AND e.memory_id = s.id
     WHERE e.kind = ANY(%s)
    UNION ALL
    SELECT s.id, e.at, e.memory_id
      FROM shown s
      JOIN memories_memoryevent e ON e.tenant_id = %s AND e.related_memory_id = s.id
     WHERE e.kind = 'MERGE'
    UNION ALL
    SELECT s.id, c.at, NULL
      FROM shown s
      JOIN memories_confirmation c ON c.tenant_id = %s AND c.memory_id = s.id
)
SELECT id, at, other FROM told WHERE %s::timestamptz IS NULL OR at <= %s
UNION ALL
SELECT s.id, NULL, p.source_id
  FROM shown s
  JOIN memories_patternsource p ON p.tenant_id = %s AND p.pattern_id = s.id
 WHERE p.number = (SELECT max(l.number) FROM memories_patternsource l
                    WHERE l.tenant_id = p.tenant_id AND l.pattern_id = s.id
                      AND l.number <= s.number)
 ORDER BY 1, 2, 3
"""


def picture_of(
    filters: Filters, moment: Moment, *, page: int, page_size: int
) -> Picture:
    """Facts by category, the newest first in each; those of no category come last."""
    rows = _lines(filters, moment, [page_size, (page - 1) * page_size])
    memories = [view_of(row) for row in rows]
    evidence = _evidence(memories, moment.as_of)
    lines = tuple(
        Line(memory, row[-3], *evidence[memory.id])
        for memory, row in zip(memories, rows, strict=True)
    )
    total = rows[0][-2] if rows else 0
    counts = {row[-3]: row[-1] for row in rows}
    return Picture(Page(lines, total, page, page_size), counts)


def _lines(filters: Filters, moment: Moment, place: list[int]) -> list[Sequence[Any]]:
    relation, relation_params = source(moment.as_of, current_tenant_id())
    own, own_params = owned()
    where, params = visible(filters, Visibility(as_of=moment.as_of))
    states = [State.ACTIVE, *([State.SUPERSEDED] if moment.valid else [])]
    true, times = _true(moment)
    statement = _LINES.format(
        columns=VIEW_COLUMNS, relation=relation, own=own, where=where, true=true
    )
    asked = [*relation_params, *own_params, *params, states, *times, *place]
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        return list(cursor.fetchall())


def _true(moment: Moment) -> tuple[str, tuple[datetime, ...]]:
    """As a search by ``valid_at`` has it; without, only what is not over."""
    if moment.valid:
        return true_between(*moment.valid)
    sql = f"({ENDED} IS NULL OR {ENDED} > %s)"
    return sql, (moment.as_of or clock.now(),)


def _evidence(
    memories: Sequence[MemoryView], until: datetime | None
) -> dict[UUID, tuple[datetime, tuple[UUID, ...]]]:
    """For each when it was last said, and all that it rests on."""
    if not memories:
        return {}
    tenant_id = current_tenant_id()
    shown = [[m.id for m in memories], [m.number for m in memories]]
    kinds = [str(kind) for kind in BEARS_OUT]
    params: list[Any] = [
        *shown,
        tenant_id,
        kinds,
        tenant_id,
        tenant_id,
        until,
        until,
        tenant_id,
    ]
    instants: dict[UUID, list[datetime]] = defaultdict(list)
    others: dict[UUID, dict[UUID, None]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_EVIDENCE, params)
        for memory_id, at, other in cursor.fetchall():
            if at is not None:
                instants[memory_id].append(at)
            if other is not None:
                others[memory_id][other] = None
    return {
        memory.id: (
            max(instants[memory.id], default=memory.created_at),
            (memory.id, *others[memory.id]),
        )
        for memory in memories
    }
