"""Browse the memories of one subject, whatever became of them.

Two queries for any page: one counts by state, the other reads the page by the
subject's index. Call inside a tenant scope.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection

from memories.selectors import conditions as filters
from memories.selectors.compare import About
from memories.selectors.conditions import Condition, all_of, any_of
from memories.selectors.memories import VIEW_COLUMNS, owned, view_of
from memories.selectors.truth import true_between
from memories.types import MemoryView, Page, State


class MemoryOrder(StrEnum):
    """How browsed memories are listed."""

    NEWEST = "newest"
    OLDEST = "oldest"
    CHANGED = "changed"


_ORDERS = {
    MemoryOrder.NEWEST: "m.created_at DESC, m.id DESC",
    MemoryOrder.OLDEST: "m.created_at, m.id",
    MemoryOrder.CHANGED: "m.updated_at DESC, m.id DESC",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which memories of a subject; what is None, blank or empty does not restrict.

    ``text`` is a part of the words in any case, ``category`` of a category's name;
    ``true_from`` to ``true_before`` is when it was true at some time; ``metadata`` are
    (key, value) as somebody typed them: ``7`` is the text and the number. ``entity_id``
    and ``relation_id`` are of the graph: what mentions a node, what asserts an edge.
    ``is_doubted``: only what may be stale.
    """

    state: State | None = State.ACTIVE
    kind: str = ""
    text: str = ""
    category: str = ""
    created_from: datetime | None = None
    created_before: datetime | None = None
    true_from: datetime | None = None
    true_before: datetime | None = None
    aspect: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    entity_id: UUID | None = None
    relation_id: UUID | None = None
    is_doubted: bool = False


@dataclass(frozen=True, slots=True)
class Browsed:
    """One page; ``by_state`` counts what else is as wanted, in any state."""

    page: Page[MemoryView]
    by_state: dict[State, int] = field(default_factory=dict)

    @property
    def all_states(self) -> int:
        return sum(self.by_state.values())


def browse(
    about: About,
    wanted: Wanted,
    *,
    order: MemoryOrder = MemoryOrder.NEWEST,
    page: int,
    page_size: int,
) -> Browsed:
    """One page of a subject's memories, but those that were erased."""
    own, own_params = owned()
    condition = all_of(_conditions(about, wanted))
    where = f"{own} AND m.text IS NOT NULL AND {condition.sql}"
    params = [*own_params, *condition.params]
    by_state = _count_by_state(where, params)
    if wanted.state is not None:
        where, params = f"{where} AND m.state = %s", [*params, str(wanted.state)]
        total = by_state.get(wanted.state, 0)
    else:
        total = sum(by_state.values())
    items = _read_page(where, params, order, page, page_size)
    return Browsed(Page(items, total, page, page_size), by_state)


def read_memories(ids: Sequence[UUID]) -> dict[UUID, MemoryView]:
    """Memories of the open scope in any state, erased ones aside."""
    own, own_params = owned()
    where = f"{own} AND m.text IS NOT NULL AND m.id = ANY(%s)"
    statement = f"SELECT {VIEW_COLUMNS} FROM memories_memory AS m WHERE {where}"
    return {view.id: view for view in _read(statement, [*own_params, list(ids)])}


def _count_by_state(where: str, params: Sequence[Any]) -> dict[State, int]:
    statement = f"SELECT m.state, count(*) FROM memories_memory AS m WHERE {where}"
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} GROUP BY 1", params)
        return {State(state): count for state, count in cursor.fetchall()}


def _read_page(
    where: str, params: Sequence[Any], order: MemoryOrder, page: int, page_size: int
) -> tuple[MemoryView, ...]:
    """Only the page's own rows are read whole, however far down it is."""
    statement = f"""
        WITH shown AS (
            SELECT m.id, row_number() OVER (ORDER BY {_ORDERS[order]}) AS place
            FROM memories_memory AS m WHERE {where}
            ORDER BY {_ORDERS[order]} LIMIT %s OFFSET %s
        )
        SELECT {VIEW_COLUMNS} FROM shown
        JOIN memories_memory AS m ON m.tenant_id = %s AND m.id = shown.id
        ORDER BY shown.place
    """
    start = (page - 1) * page_size
    return tuple(_read(statement, [*params, page_size, start, params[0]]))


def _read(statement: str, params: Sequence[Any]) -> list[MemoryView]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return [view_of(row) for row in cursor.fetchall()]


def _conditions(about: About, wanted: Wanted) -> list[Condition]:
    found = [filters.bound_to(about.key, about.name)]
    if wanted.kind:
        found.append(Condition("m.kind = %s", (wanted.kind,)))
    if wanted.text:
        found.append(filters.keywords_search("text", wanted.text))
    if wanted.category:
        found.append(filters.categories("category", {"contains": wanted.category}))
    if wanted.created_from:
        found.append(Condition("m.created_at >= %s", (wanted.created_from,)))
    if wanted.created_before:
        found.append(Condition("m.created_at < %s", (wanted.created_before,)))
    if wanted.true_from and wanted.true_before:
        meanwhile = true_between(wanted.true_from, wanted.true_before)
        found.append(Condition(*meanwhile))
    if wanted.aspect:
        found.append(Condition("m.aspect = %s", (wanted.aspect,)))
    if wanted.is_doubted:
        found.append(Condition("m.is_stale_suspect"))
    found += (_has_metadata(name, value) for name, value in wanted.metadata)
    if wanted.entity_id:
        found.append(_of_graph("memories_mention", "entity_id", wanted.entity_id))
    if wanted.relation_id:
        table = "memories_relationsupport"
        found.append(_of_graph(table, "relation_id", wanted.relation_id))
    return found


def _has_metadata(name: str, value: str) -> Condition:
    """As a text, and as whatever else it is in JSON: a number, true, null."""
    meant: list[Any] = [value]
    with suppress(ValueError):
        meant.append(json.loads(value))
    return any_of([filters.metadata("metadata", {name: {"eq": v}}) for v in meant])


def _of_graph(table: str, column: str, id_: UUID) -> Condition:
    sql = (
        f"m.id IN (SELECT g.memory_id FROM {table} AS g"
        f" WHERE g.tenant_id = m.tenant_id AND g.{column} = %s)"
    )
    return Condition(sql, (id_,))
