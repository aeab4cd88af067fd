"""What stands beside found memories in a context block: where they came from, what was
said last, and the rolling summaries.

Never tells more than the filter asks for, nor what was deleted since. Call inside a
tenant scope.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from memories.models import DeleteBarrier, Message
from memories.retrieval.context import ContextSummary, Turn
from memories.selectors.summaries import MOST, rolling_summaries
from memories.store.barriers import covers
from memories.types import SCOPE_KEYS, Filters, MemoryView, Scope, State
from tenants.scopes import require_tenant

SPOKEN = ("user", "assistant")
HIDDEN = (State.DELETED, State.QUARANTINED)
"""Of what a message led to: then nobody is shown the message either."""

_SOURCES = """
SELECT e.memory_id, e.message_ids
  FROM memories_memoryevent e
  JOIN unnest(%s::uuid[], %s::int[]) AS shown (id, number) ON shown.id = e.memory_id
 WHERE e.tenant_id = %s AND e.new_number <= shown.number
   AND e.kind IN ('ADD', 'UPDATE', 'MERGE', 'QUARANTINE', 'APPROVE')
 ORDER BY e.at, e.id
"""
_RECENT = """
WITH place AS MATERIALIZED (
    SELECT a.id, a.user_id, a.agent_id, a.app_id FROM memories_anchor a
     WHERE a.tenant_id = %s AND a.project_id = %s AND {places} LIMIT %s)
SELECT g.id, g.role, g.name, g.content, g.sent_at, g.created_at, place.user_id,
       place.agent_id, place.app_id, g.run_id, place.id
  FROM place CROSS JOIN LATERAL (
       SELECT * FROM memories_message g
        WHERE g.tenant_id = %s AND g.anchor_id = place.id AND g.content IS NOT NULL
          AND g.role = ANY(%s) {said}
        ORDER BY g.position DESC LIMIT %s) AS g
 WHERE (SELECT count(*) FROM place) <= %s
 ORDER BY g.created_at DESC, g.position DESC, g.id
 LIMIT %s
"""
_PLACES_OF_RUN = """
a.id = ANY(ARRAY(SELECT DISTINCT o.anchor_id FROM memories_operation o
  WHERE o.tenant_id = a.tenant_id AND o.project_id = a.project_id AND o.run_id = %s
    AND o.kind = 'ADD'))
"""
_LED_TO_HIDDEN = """
SELECT DISTINCT said.id
  FROM memories_memory m
  JOIN memories_memoryevent e ON e.tenant_id = m.tenant_id AND e.memory_id = m.id
 CROSS JOIN LATERAL unnest(e.message_ids) AS said (id)
 WHERE m.tenant_id = %s AND m.anchor_id = ANY(%s) AND m.state = ANY(%s)
   AND said.id = ANY(%s)
"""


def read_sources(memories: Iterable[MemoryView]) -> dict[UUID, tuple[UUID, ...]]:
    """The messages that each came from, up to the version that is shown; oldest first.

    What was written by hand came from none.
    """
    shown = {memory.id: memory.number for memory in memories}
    if not shown:
        return {}
    found: dict[UUID, dict[UUID, None]] = defaultdict(dict)
    params = [list(shown), list(shown.values()), require_tenant().tenant_id]
    for memory_id, message_ids in _rows(_SOURCES, params):
        found[memory_id].update(dict.fromkeys(message_ids))
    return {memory_id: tuple(ids) for memory_id, ids in found.items()}


def read_excerpts(sources: Mapping[UUID, Sequence[UUID]]) -> list[Turn]:
    """Those of these messages whose words are still kept."""
    ids = {message_id for ids in sources.values() for message_id in ids}
    kept = Message.objects.filter(id__in=ids, content__isnull=False)
    return [
        Turn(row.id, row.role, row.name, row.content or "", row.sent_at)
        for row in kept.order_by("sent_at", "id")
    ]


def read_recent(
    filters: Filters, most: int, *, as_of: datetime | None = None
) -> list[Turn]:
    """What was said last where a filter asks for ids and nothing else; oldest first.

    Of more than ``MOST`` conversations nothing is told, as of their summaries. A
    message is not told once a memory that came of it was deleted or waits for review,
    or its whole scope was deleted.
    """
    if not most or not filters.is_only_scope:
        return []
    rows = _recent_rows(filters.scope, most, as_of)
    barred = _barred(rows)
    hidden = _led_to_hidden(rows)
    return [Turn(*row[:5]) for row in reversed(rows) if row[0] not in hidden | barred]


def read_summaries(
    filters: Filters, *, as_of: datetime | None = None
) -> list[ContextSummary]:
    """The rolling summaries of the same; none that is younger than ``as_of``."""
    return [
        ContextSummary(summary.text, summary.updated_at)
        for summary in rolling_summaries(filters)
        if as_of is None or summary.updated_at <= as_of
    ]


def _recent_rows(
    scope: Scope, most: int, as_of: datetime | None
) -> list[tuple[Any, ...]]:
    """The newest first, as ``_RECENT`` has them."""
    here = require_tenant()
    named = {key: name for key, name in scope.as_dict().items() if name is not None}
    run = named.pop("run_id", None)
    places = {f"a.{key} = %s": name for key, name in named.items()}
    said: dict[str, Any] = {"AND g.run_id = %s": run} if run else {}
    if run and not named:
        places = {_PLACES_OF_RUN: run}
    if as_of is not None:
        said["AND g.created_at <= %s"] = as_of
    return _rows(
        _RECENT.format(places=" AND ".join(places), said=" ".join(said)),
        [
            *(here.tenant_id, here.project_id, *places.values(), MOST + 1),
            *(here.tenant_id, list(SPOKEN), *said.values(), most, MOST, most),
        ],
    )


def _barred(rows: Sequence[tuple[Any, ...]]) -> set[UUID]:
    """Messages that a delete of their whole scope was accepted after (decision 13)."""
    project_id = require_tenant().project_id
    if not rows or project_id is None:
        return set()
    barriers = DeleteBarrier.objects.filter(
        project_id=project_id,
        accepted_at__gte=min(row[5] for row in rows),
    )
    return {
        row[0]
        for barrier in barriers
        for row in rows
        if row[5] <= barrier.accepted_at and covers(barrier.pattern, _scope_of(row))
    }


def _scope_of(row: tuple[Any, ...]) -> Scope:
    return Scope(**dict(zip(SCOPE_KEYS, row[6:10], strict=True)))


def _led_to_hidden(rows: Sequence[tuple[Any, ...]]) -> set[UUID]:
    if not rows:
        return set()
    anchors = list({row[10] for row in rows})
    params = [require_tenant().tenant_id, anchors, list(HIDDEN), [r[0] for r in rows]]
    return {message_id for (message_id,) in _rows(_LED_TO_HIDDEN, params)}


def _rows(statement: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())
