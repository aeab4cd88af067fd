"""Searches as operations, written after the answer (decision 18), in batches.

The request that searched does not wait for its record: a thread of the process writes
what has gathered every ``WRITE_EVERY_S``. A killed process loses at most that much of
its searches' records, never an answer. Inside somebody's open transaction the record is
written at once and belongs to it.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection

from memories.selectors.search_traces import TRACE
from memories.types import Hit, JsonDict, SearchRequest
from memplatform.lib import clock, logs
from memplatform.lib.ids import new_id
from tenants.scopes import tenant_scope
from tenants.selectors import Access

log = logs.get(__name__)

WRITE_EVERY_S = 0.5
MAX_WAITING = 10_000
"""Records kept while the database is away; later ones are dropped, and counted."""

_INSERT = """
INSERT INTO memories_operation
    (id, tenant_id, project_id, kind, status, user_id, agent_id, app_id, run_id,
     payload, results, attempts, lease_token, request_id, api_key_id, operator_id,
     created_at, updated_at, started_at, completed_at, latency_ms)
SELECT s.id, p.tenant_id, p.id, 'SEARCH', 'SUCCEEDED', s.user_id, s.agent_id, s.app_id,
       s.run_id, s.payload, s.results, 1, 0, s.request_id, s.api_key_id, s.operator_id,
       s.started_at, s.completed_at, s.started_at, s.completed_at, s.latency_ms
  FROM jsonb_to_recordset(%s::jsonb) AS s (
       id uuid, project_id uuid, user_id text, agent_id text, app_id text, run_id text,
       payload jsonb, results jsonb, request_id text, api_key_id uuid,
       operator_id uuid, started_at timestamptz, completed_at timestamptz,
       latency_ms float8)
  JOIN tenants_project p ON p.tenant_id = %s AND p.id = s.project_id
"""


_USE = """
INSERT INTO memories_memoryuse AS u
    (id, tenant_id, project_id, memory_id, uses, last_used_at)
SELECT gen_random_uuid(), m.tenant_id, m.project_id, m.id, s.uses, s.at
  FROM jsonb_to_recordset(%s::jsonb) AS s (memory_id uuid, uses bigint, at timestamptz)
  JOIN memories_memory m ON m.tenant_id = %s AND m.id = s.memory_id
 ORDER BY m.id
ON CONFLICT (tenant_id, memory_id) DO UPDATE SET
    uses = u.uses + EXCLUDED.uses,
    last_used_at = greatest(u.last_used_at, EXCLUDED.last_used_at)
"""
# Sorted, so that two processes that count the same memories cannot deadlock.


@dataclass(frozen=True, slots=True)
class Searched:
    """One search that was answered; the row holds its query, and ids found.

    A row None: only that these memories were found is to be kept.
    """

    tenant_id: UUID
    row: dict[str, Any] | None = None
    used: tuple[UUID, ...] = ()
    at: datetime | None = None


def note(
    access: Access,
    request: SearchRequest,
    hits: Sequence[Hit],
    started: datetime,
    trace: JsonDict | None = None,
) -> None:
    """Keep a search for the record, with what led to its answer where that is wanted.

    Call outside the search's own scope.
    """
    _keep(Searched(access.tenant_id, _row(access, request, hits, started, trace)))


def keep(
    access: Access,
    request: SearchRequest,
    hits: Sequence[Hit],
    started: datetime,
    trace: JsonDict,
) -> UUID:
    """The same at once, for who wants to look at it; the operation's id."""
    row = _row(access, request, hits, started, trace)
    row["operator_id"] = access.operator_id and str(access.operator_id)
    _write([Searched(access.tenant_id, row)])
    return UUID(row["id"])


def note_uses(access: Access, hits: Sequence[Hit]) -> None:
    """Count that these were found; see ``note``."""
    used = tuple(hit.memory.id for hit in hits)
    if used:
        _keep(Searched(access.tenant_id, used=used, at=clock.now()))


def _keep(searched: Searched) -> None:
    if connection.in_atomic_block:
        _write([searched])
    else:
        _journal.add(searched)


def flush() -> None:
    """Write what has gathered; opens its own scopes. Outside a scope only."""
    _write(_journal.take())


def _row(
    access: Access,
    request: SearchRequest,
    hits: Sequence[Hit],
    started: datetime,
    trace: JsonDict | None,
) -> dict[str, Any]:
    now = clock.now()
    payload: JsonDict = {"query": request.query, "top_k": request.top_k}
    return {
        "id": str(new_id()),
        "project_id": str(access.project_id),
        **request.filters.scope.as_dict(),
        "payload": payload if trace is None else {**payload, TRACE: trace},
        "results": [
            {"id": str(h.memory.id), "event": "SEARCH", "number": h.memory.number}
            for h in hits
        ],
        "request_id": logs.request_id.get(),
        "api_key_id": access.key_id and str(access.key_id),
        "operator_id": None,
        "started_at": started.isoformat(),
        "completed_at": now.isoformat(),
        "latency_ms": (now - started).total_seconds() * 1000,
    }


def _write(searches: Sequence[Searched]) -> None:
    """Two statements a tenant; searches of a project that is gone are forgotten."""
    by_tenant: dict[UUID, list[Searched]] = defaultdict(list)
    for searched in searches:
        by_tenant[searched.tenant_id].append(searched)
    for tenant_id, mine in by_tenant.items():
        rows = [searched.row for searched in mine if searched.row is not None]
        uses = _uses_of(mine)
        with tenant_scope(tenant_id), connection.cursor() as cursor:
            if rows:
                cursor.execute(_INSERT, [json.dumps(rows), tenant_id])
            if uses:
                cursor.execute(_USE, [json.dumps(uses), tenant_id])


def _uses_of(searches: Sequence[Searched]) -> list[dict[str, Any]]:
    """A row for each memory that was found, however often."""
    counts = Counter(memory_id for one in searches for memory_id in one.used)
    last_at = {m: one.at for one in searches for m in one.used if one.at is not None}
    return [
        {
            "memory_id": str(memory_id),
            "uses": uses,
            "at": last_at[memory_id].isoformat(),
        }
        for memory_id, uses in counts.items()
    ]


class _Journal:
    """What waits to be written, and the thread that writes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Searched] = []
        self._dropped = 0
        self._writer: threading.Thread | None = None
        self._came = threading.Event()

    def add(self, searched: Searched) -> None:
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                self._dropped += 1
                return
            self._waiting.append(searched)
            if self._writer is None:
                self._writer = threading.Thread(
                    target=self._write_for_ever, name="search-journal", daemon=True
                )
                self._writer.start()
        self._came.set()

    def take(self) -> list[Searched]:
        with self._lock:
            waiting, self._waiting = self._waiting, []
            dropped, self._dropped = self._dropped, 0
        if dropped:
            log.warning("searches not recorded", extra={"count": dropped})
        return waiting

    def _write_for_ever(self) -> None:
        pause = threading.Event()
        while True:
            self._came.wait()
            pause.wait(WRITE_EVERY_S)
            self._came.clear()
            self._write_what_waits()

    def _write_what_waits(self) -> None:
        waiting = self.take()
        try:
            _write(waiting)
        except DatabaseError as exc:
            reason = type(exc).__name__
            log.warning(
                "searches not recorded",
                extra={"count": len(waiting), "reason": reason},
            )
        finally:
            connection.close()


_journal = _Journal()


def _start_anew() -> None:
    """A forked child has no writer, and its parent's records are its parent's."""
    global _journal
    _journal = _Journal()


os.register_at_fork(after_in_child=_start_anew)
atexit.register(lambda: _journal._write_what_waits())
