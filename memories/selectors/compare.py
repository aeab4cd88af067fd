"""What the platform knew of a subject at two instants, and what became of it between.

A memory that nothing happened to since the first instant is only counted: its head
says so by itself. Of the others the version at each instant is looked up. Erased
content is absent at every instant (decision 11). Call inside a tenant scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber

from memories.models import Memory, MemoryEvent, MemoryVersion, Operation
from memories.selectors.causes import EventView, explain
from memories.selectors.changes import Change, change_between
from memories.types import State
from tenants.scopes import require_tenant

CAUSES_SHOWN = 5
"""Of one memory; a memory that was changed more often has a page of its own."""


class Fate(StrEnum):
    """What became of a memory between two instants; the order is the page's.

    ``BETWEEN`` is what is current at neither: it came after the first instant and was
    superseded, merged, retired, deleted or held for review before the second.
    """

    CHANGED = "changed"
    SUPERSEDED = "superseded"
    GONE = "gone"
    ADDED = "added"
    RESTORED = "restored"
    BETWEEN = "between"


@dataclass(frozen=True, slots=True)
class About:
    """Whose memories: a subject of the open scope's project."""

    kind: str
    name: str

    @property
    def key(self) -> str:
        return f"{self.kind}_id"

    def condition(self) -> Q:
        return Q(**{self.key: self.name})

    def sql(self, alias: str = "m") -> tuple[str, list[Any]]:
        """Tenant, project and id as literal conditions on a memory's columns."""
        scope = require_tenant()
        owned = f"{alias}.tenant_id = %s AND {alias}.project_id = %s"
        named = f"{alias}.{self.key} = %s"
        return f"{owned} AND {named}", [scope.tenant_id, scope.project_id, self.name]


@dataclass(frozen=True, slots=True)
class Compared:
    """One memory then and now, and why it is not the same.

    ``events`` are the last of those between the instants, newest first; ``more`` how
    many there are beside. ``successor`` says what replaced it, if that is known still.
    """

    memory_id: UUID
    fate: Fate
    then: MemoryVersion | None
    now: MemoryVersion | None
    change: Change
    events: tuple[EventView, ...]
    more: int
    successor: str | None

    @property
    def changed_at(self) -> datetime | None:
        return self.now.known_from if self.now else None


@dataclass(frozen=True, slots=True)
class Group:
    """Memories of one fate, the last changed first; ``total`` on all pages."""

    fate: Fate
    total: int
    items: tuple[Compared, ...]

    @property
    def rest(self) -> int:
        return self.total - len(self.items)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``known_then`` and ``known_now`` count current memories at the two instants.

    ``erased`` are memories of which nothing is left, so that nobody can say more.
    """

    then: datetime
    now: datetime
    known_then: int
    known_now: int
    unchanged: int
    erased: int
    groups: tuple[Group, ...]

    @property
    def is_same(self) -> bool:
        return not self.groups


# The version that was believed at an instant, of a memory ``m``. What came in later is
# not looked for: nothing is known before it is accepted.
VERSION_AT = """
SELECT v.* FROM memories_memoryversion v
WHERE v.tenant_id = m.tenant_id AND v.memory_id = m.id AND m.accepted_at <= %s
  AND v.known_from <= %s AND (v.known_to IS NULL OR v.known_to > %s)
ORDER BY v.number DESC LIMIT 1
"""
ANY_STATE = "ARRAY[" + ", ".join(f"'{state}'" for state in State) + "]"
"""Says to an index of which the state is a part that all of them are meant."""
SAID = (
    *("text", "metadata", "categories", "valid_from", "valid_to", "valid_precision"),
    *("recurs", "aspect", "expires_on", "is_immutable", "confidence", "created_at"),
)
"""What a memory says, beside its state: two versions that agree in it are the same."""


def differs(left: str, right: str) -> str:
    """The SQL condition that two aliases of versions or heads say different things."""
    columns = [f"{left}.{name}" for name in SAID], [f"{right}.{name}" for name in SAID]
    return f"({', '.join(columns[0])}) IS DISTINCT FROM ({', '.join(columns[1])})"


# What came since and is its head stands in the index ``memory_moved_…``; what was there
# before, or has moved on since the later instant, is looked up. Only what is deleted
# may have been erased.
_COMPARE = """
WITH moved AS MATERIALIZED (
    SELECT m.id FROM memories_memory m
    WHERE {mine} AND m.state = ANY({states}) AND m.known_from > %(then)s
      AND m.accepted_at <= %(now)s
      AND (m.accepted_at <= %(then)s OR m.known_from > %(now)s)
), sides AS (
    SELECT m.id, NULL::integer AS then_number, NULL::text AS then_state,
           m.number AS now_number, m.state AS now_state, m.known_from AS changed_at,
           false AS is_changed
    FROM memories_memory m
    WHERE {mine} AND m.state = ANY({states}) AND m.state <> 'deleted'
      AND m.known_from > %(then)s AND m.known_from <= %(now)s
      AND m.accepted_at > %(then)s
    UNION ALL
    SELECT m.id, NULL, NULL, m.number, m.state, m.known_from, false
    FROM memories_memory m
    WHERE {mine} AND m.state = 'deleted' AND m.text IS NOT NULL
      AND m.known_from > %(then)s AND m.known_from <= %(now)s
      AND m.accepted_at > %(then)s
    UNION ALL
    SELECT m.id, a.number, a.state, b.number, b.state, b.known_from, {differs}
    FROM moved
    JOIN memories_memory m ON m.tenant_id = %(tenant)s AND m.id = moved.id
    LEFT JOIN LATERAL ({version_then}) AS a ON true
    JOIN LATERAL (
        SELECT m.number, m.state, m.known_from, {head} WHERE m.known_from <= %(now)s
        UNION ALL
        SELECT v.number, v.state, v.known_from, {version}
        FROM ({version_now}) AS v WHERE m.known_from > %(now)s
    ) AS b ON true
    WHERE m.text IS NOT NULL
), fates AS (
    SELECT id, then_number, now_number, changed_at,
           coalesce(then_state = 'active', false) AS was_known,
           now_state = 'active' AS is_known,
           CASE
               WHEN then_number IS NULL OR then_state = 'quarantined' THEN
                   CASE WHEN now_state = 'active' THEN 'added'
                        WHEN then_number IS NULL THEN 'between' END
               WHEN then_state = now_state AND now_state IN ('active', 'superseded')
                   THEN CASE WHEN is_changed THEN 'changed'
                             WHEN now_state = 'active' THEN 'same' END
               WHEN now_state = 'active' THEN 'restored'
               WHEN then_state = 'active' AND now_state = 'superseded'
                   THEN 'superseded'
               WHEN then_state IN ('active', 'superseded') THEN 'gone'
               WHEN now_state = 'superseded' THEN 'restored'
           END AS fate
    FROM sides
), counted AS (
    SELECT fate, sum(total)::bigint AS total, sum(known_then)::bigint AS known_then,
           sum(known_now)::bigint AS known_now
    FROM (SELECT coalesce(fate, 'hidden') AS fate, count(*) AS total,
                 count(*) FILTER (WHERE was_known) AS known_then,
                 count(*) FILTER (WHERE is_known) AS known_now
          FROM fates GROUP BY 1
          UNION ALL
          SELECT 'same', count(*), count(*), count(*) FROM memories_memory m
          WHERE {mine} AND m.number > 0 AND m.state = 'active'
            AND m.known_from <= %(then)s
          UNION ALL
          SELECT 'erased', count(*), 0, 0 FROM memories_memory m
          WHERE {mine} AND m.number > 0 AND m.state = 'deleted' AND m.text IS NULL
          ) AS moved_and_still
    GROUP BY 1
)
SELECT c.fate, c.total, c.known_then, c.known_now, f.id, f.then_number, f.now_number
FROM counted c
LEFT JOIN LATERAL (
    SELECT * FROM fates WHERE fates.fate = c.fate AND c.fate = ANY(%(fates)s)
    ORDER BY changed_at DESC, id LIMIT %(most)s OFFSET %(start)s
) AS f ON true
"""


def compare(
    about: About,
    then: datetime,
    now: datetime,
    *,
    only: Fate | None = None,
    page: int = 1,
    page_size: int = 10,
) -> Comparison:
    """What was known then against what was known now; ``then`` is the earlier.

    Every group with its first memories, or a page of one of them.
    """
    start = (page - 1) * page_size
    rows = _read(about, then, now, [only] if only else list(Fate), page_size, start)
    totals = {row[0]: row[1:4] for row in rows}
    found = [row for row in rows if row[4] is not None]
    items = _compared(found, then, now)
    return Comparison(
        then=then,
        now=now,
        known_then=sum(known for _, known, _ in totals.values()),
        known_now=sum(known for *_, known in totals.values()),
        unchanged=totals.get("same", (0,))[0],
        erased=totals.get("erased", (0,))[0],
        groups=tuple(
            Group(fate, totals[fate][0], tuple(i for i in items if i.fate == fate))
            for fate in Fate
            if fate in totals and only in (None, fate)
        ),
    )


def _read(
    about: About,
    then: datetime,
    now: datetime,
    fates: Sequence[Fate],
    most: int,
    start: int,
) -> list[tuple[Any, ...]]:
    mine, ids = about.sql()
    tenant_id, project_id, name = ids
    statement = _COMPARE.format(
        differs=differs("a", "b"),
        version_then=VERSION_AT.replace("%s", "%(then)s"),
        version_now=VERSION_AT.replace("%s", "%(now)s"),
        mine=mine % ("%(tenant)s", "%(project)s", "%(name)s"),
        head=", ".join(f"m.{name}" for name in SAID),
        version=", ".join(f"v.{name}" for name in SAID),
        states=ANY_STATE,
    )
    params: dict[str, Any] = {
        "tenant": tenant_id,
        "project": project_id,
        "name": name,
        "then": then,
        "now": now,
        "fates": [str(fate) for fate in fates],
        "most": most,
        "start": start,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def _compared(
    rows: Sequence[Sequence[Any]], then: datetime, now: datetime
) -> list[Compared]:
    ids = [row[4] for row in rows]
    versions = versions_of({(row[4], n) for row in rows for n in row[5:7] if n})
    events, counts = _events_between(ids, then, now)
    told = explain([event for mine in events.values() for event in mine])
    successors = _texts_of(
        {v.replaced_by_id for v in versions.values() if v.replaced_by_id}
    )
    return [
        _one(
            row,
            versions,
            [told[event.id] for event in events.get(row[4], [])],
            counts.get(row[4], 0),
            successors,
        )
        for row in rows
    ]


def _one(
    row: Sequence[Any],
    versions: Mapping[tuple[UUID, int], MemoryVersion],
    events: Sequence[EventView],
    count: int,
    successors: Mapping[UUID, str],
) -> Compared:
    fate, memory_id = row[0], row[4]
    then, now = versions.get((memory_id, row[5])), versions.get((memory_id, row[6]))
    replaced_by = now.replaced_by_id if now else None
    return Compared(
        memory_id=memory_id,
        fate=Fate(fate),
        then=then,
        now=now,
        change=change_between(then, now),
        events=tuple(events),
        more=count - len(events),
        successor=successors.get(replaced_by) if replaced_by else None,
    )


def versions_of(
    wanted: Iterable[tuple[UUID, int]],
) -> dict[tuple[UUID, int], MemoryVersion]:
    """Versions by memory and number."""
    wanted = set(wanted)
    rows = MemoryVersion.objects.filter(
        memory_id__in={memory_id for memory_id, _ in wanted},
        number__in={number for _, number in wanted},
    )
    return {
        (row.memory_id, row.number): row
        for row in (rows if wanted else ())
        if (row.memory_id, row.number) in wanted
    }


def _events_between(
    ids: Sequence[UUID], then: datetime, now: datetime
) -> tuple[dict[UUID, list[MemoryEvent]], dict[UUID, int]]:
    """The newest events of each memory, and how many there are of it."""
    if not ids:
        return {}, {}
    newest = Window(
        RowNumber(),
        partition_by=F("memory_id"),
        order_by=[F("at").desc(), F("id").desc()],
    )
    oldest = Window(
        RowNumber(), partition_by=F("memory_id"), order_by=[F("at"), F("id")]
    )
    rows = MemoryEvent.objects.filter(memory_id__in=ids, at__gt=then, at__lte=now)
    found: dict[UUID, list[MemoryEvent]] = {}
    counts: dict[UUID, int] = {}
    ranked = rows.annotate(place=newest, from_start=oldest)
    for event in ranked.filter(place__lte=CAUSES_SHOWN).order_by("-at", "-id"):
        found.setdefault(event.memory_id, []).append(event)
        counts.setdefault(event.memory_id, event.from_start)
    return found, counts


def _texts_of(ids: Iterable[UUID]) -> dict[UUID, str]:
    rows = Memory.objects.filter(id__in=set(ids), text__isnull=False)
    return {id_: text or "" for id_, text in rows.values_list("id", "text")}


@dataclass(frozen=True, slots=True)
class Moment:
    """A day on which something was learned or last changed; ``last_at`` ends it."""

    day: date
    changes: int
    last_at: datetime


_DAYS = """
SELECT (at AT TIME ZONE %s)::date AS day, count(*), max(at)
FROM (SELECT m.known_from AS at FROM memories_memory m WHERE {mine} AND m.number > 0
      UNION ALL
      SELECT m.accepted_at FROM memories_memory m WHERE {mine} AND m.number > 1
     ) AS known
GROUP BY day ORDER BY day DESC LIMIT %s
"""


def list_days(about: About, timezone: str, *, most: int = 400) -> list[Moment]:
    """The days of a subject's history in a time zone, the last one first.

    Read off the heads alone: when each was taken in and when it last changed. What
    happened to it between these shows once one of the days is compared.
    """
    mine, ids = about.sql()
    with connection.cursor() as cursor:
        cursor.execute(_DAYS.format(mine=mine), [timezone, *ids, *ids, most])
        return [Moment(*row) for row in cursor.fetchall()]


def last_restore(about: About) -> datetime | None:
    """The instant before anything of this subject was last restored."""
    restores = Operation.objects.filter(
        about.condition(),
        kind=Operation.Kind.RESTORE,
        status=Operation.Status.SUCCEEDED,
    )
    last = restores.order_by("-created_at", "-id").first()
    return last.created_at if last else None
