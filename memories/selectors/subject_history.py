"""Everything that happened to the memories of a subject, newest first, and why.

Call inside a tenant scope.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from memories.models import MemoryEvent, MemoryVersion
from memories.selectors.causes import EventView, explain
from memories.selectors.changes import Change, change_between
from memories.selectors.compare import About, versions_of
from memories.types import Page

MOST_COUNTED = 10_000
"""Beyond this a page says "more than": to count on costs more than to read a page."""


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which events; None and empty are any. ``before`` is exclusive."""

    kinds: Sequence[str] = ()
    actor_kind: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    operation_id: UUID | None = None

    def sql(self) -> tuple[str, list[Any]]:
        given = {
            "e.kind = ANY(%s)": list(self.kinds),
            "e.actor_kind = %s": self.actor_kind,
            "e.at >= %s": self.since,
            "e.at < %s": self.before,
            "e.operation_id = %s": self.operation_id,
        }
        asked = {sql: value for sql, value in given.items() if value}
        return "".join(f" AND {sql}" for sql in asked), list(asked.values())


@dataclass(frozen=True, slots=True)
class Happening:
    """One event, and what it changed; both versions None: erased since."""

    event: EventView
    old: MemoryVersion | None
    new: MemoryVersion | None
    change: Change

    @property
    def is_erased(self) -> bool:
        return all(version is None or version.text is None for version in self._both)

    @property
    def _both(self) -> tuple[MemoryVersion | None, MemoryVersion | None]:
        return self.old, self.new


_FOUND = """
FROM memories_memoryevent e
JOIN memories_memory m ON m.tenant_id = e.tenant_id AND m.id = e.memory_id
WHERE {mine} AND e.project_id = m.project_id{asked}
"""


def list_happenings(
    about: About, wanted: HistoryFilter, *, page: int, page_size: int
) -> Page[Happening]:
    """A page of a subject's history; its count stops at ``MOST_COUNTED`` + 1."""
    mine, ids = about.sql()
    asked, values = wanted.sql()
    found = _FOUND.format(mine=mine, asked=asked)
    newest = f"SELECT e.id {found} ORDER BY e.at DESC, e.id DESC LIMIT %s OFFSET %s"
    counted = f"SELECT count(*) FROM (SELECT 1 {found} LIMIT %s) AS first_ones"
    with connection.cursor() as cursor:
        start = (page - 1) * page_size
        cursor.execute(newest, [*ids, *values, page_size, start])
        event_ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(counted, [*ids, *values, MOST_COUNTED + 1])
        (count,) = cursor.fetchone()
    return Page(tuple(_happenings(event_ids)), count, page, page_size)


def _happenings(event_ids: Sequence[UUID]) -> list[Happening]:
    rows = MemoryEvent.objects.in_bulk(event_ids)
    events = [rows[id_] for id_ in event_ids if id_ in rows]
    numbers = {
        (event.memory_id, number)
        for event in events
        for number in (event.old_number, event.new_number)
        if number
    }
    versions = versions_of(numbers)
    told = explain(events)
    return [_happening(told[event.id], versions) for event in events]


def _happening(
    event: EventView, versions: Mapping[tuple[UUID, int], MemoryVersion]
) -> Happening:
    old = versions.get((event.memory_id, event.old_number or 0))
    new = versions.get((event.memory_id, event.new_number or 0))
    return Happening(event, old, new, change_between(old, new))
