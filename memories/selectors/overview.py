"""A project at a glance: what came in, how fast, what failed; call inside its scope.

Bounded, however much there is: requests by day come from usage, times from the newest
operations, memories by day from an index alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Sum

from memories.models import MemoryEvent, Operation, Subject
from memories.models.ingestion import UNFINISHED
from memplatform.lib import clock
from tenants.models import Usage
from tenants.scopes import require_tenant

KNOWN_S = 300
"""How long counts of days that are over are believed."""
NEWEST = 2_000
"""Operations whose times are looked at."""
MOST = 100
"""Failures that are counted; beyond, there are "more"."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of so many operations, from their request to their end."""

    count: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened on some days; ``learned`` by the day that a memory is of.

    ``failed`` counts adds, and stops at ``MOST``.
    """

    adds: Mapping[date, int]
    searches: Mapping[date, int]
    learned: Mapping[date, int]
    model_calls: int
    tokens: int
    cost: Decimal
    latencies: Mapping[str, Latency]
    failed: int


@dataclass(frozen=True, slots=True)
class Held:
    """Subjects of a kind that have memories, and these memories."""

    kind: str
    subjects: int
    memories: int


def figures(days: Sequence[date]) -> Figures:
    """Of these days, which follow one another; oldest first, UTC."""
    by_day: dict[str, dict[date, int]] = defaultdict(dict)
    usage = _usage(days[0])
    for row in usage:
        by_day[row["operation"]][row["day"]] = row["served"]
    return Figures(
        adds=by_day["add"],
        searches=by_day["search"],
        learned=_learned(days),
        model_calls=sum(row["calls"] for row in usage),
        tokens=sum(row["tokens"] for row in usage),
        cost=sum((row["cost"] for row in usage), Decimal()),
        latencies=_latencies(days[0]),
        failed=_failed(days[0]),
    )


def _usage(first: date) -> list[dict[str, Any]]:
    rows = Usage.objects.filter(day__gte=first).values("day", "operation")
    tokens = Sum("prompt_tokens") + Sum("completion_tokens") + Sum("embedding_tokens")
    summed = rows.annotate(
        served=Sum("requests"),
        calls=Sum("model_calls"),
        tokens=tokens,
        cost=Sum("cost"),
    )
    return [dict(row) for row in summed]


_LEARNED = """
SELECT (created_at AT TIME ZONE 'UTC')::date, count(*)
  FROM memories_memory
 WHERE tenant_id = %s AND project_id = %s AND created_at >= %s AND created_at < %s
 GROUP BY 1
"""
_LATENCIES = """
SELECT kind, count(*),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms)
  FROM (SELECT kind, latency_ms
          FROM memories_operation
         WHERE tenant_id = %s AND project_id = %s AND created_at >= %s
         ORDER BY created_at DESC, id DESC
         LIMIT %s) AS newest
 WHERE kind IN ('ADD', 'SEARCH') AND latency_ms IS NOT NULL
 GROUP BY kind
"""


def _learned(days: Sequence[date]) -> dict[date, int]:
    """Of the days before the last one what this process knows of since minutes: they
    change only when something is backdated or erased.
    """
    first, last = _start(days[0]), _start(days[-1])
    known = f"learned:{require_tenant().project_id}:{days[0]}:{days[-1]}"
    before: dict[date, int] | None = cache.get(known)
    if before is None:
        before = dict(_rows(_LEARNED, [first, last]))
        cache.set(known, before, KNOWN_S)
    return before | dict(_rows(_LEARNED, [last, last + timedelta(days=1)]))


def _latencies(first: date) -> dict[str, Latency]:
    rows = _rows(_LATENCIES, [_start(first), NEWEST])
    return {kind: Latency(*numbers) for kind, *numbers in rows}


def _failed(first: date) -> int:
    failed = Operation.objects.filter(
        kind=Operation.Kind.ADD,
        status=Operation.Status.FAILED,
        created_at__gte=_start(first),
    )
    return failed.values("id")[:MOST].count()


def held() -> list[Held]:
    """Who has memories, kind by kind; a memory of a user and an agent is in both."""
    rows = (
        Subject.objects.filter(memory_count__gt=0)
        .values("kind")
        .annotate(subjects=Count("id"), memories=Sum("memory_count"))
    )
    found = {row["kind"]: row for row in rows}
    return [
        Held(kind, found[kind]["subjects"], int(found[kind]["memories"]))
        for kind in ("user", "agent", "app", "run")
        if kind in found
    ]


def fingerprint(last: date) -> str:
    """Changes when something came in, changed or ended, and with every minute.

    Look-ups in indexes, so that a page may ask again every few seconds.
    """
    operations = Operation.objects.order_by("-created_at", "-id")
    events = MemoryEvent.objects.order_by("-at", "-id")
    unfinished = Operation.objects.filter(status__in=UNFINISHED).values("id")
    served = Usage.objects.filter(day=last).aggregate(total=Sum("requests"))
    parts = (
        operations.values_list("id", flat=True).first(),
        events.values_list("id", flat=True).first(),
        unfinished[:MOST].count(),
        served["total"],
        f"{clock.now():%H:%M}",
    )
    return " ".join(map(str, parts))


def _start(first: date) -> datetime:
    return datetime.combine(first, time(), tzinfo=UTC)


def _rows(statement: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Of the open scope's project; the statement names tenant and project first."""
    scope = require_tenant()
    with connection.cursor() as cursor:
        cursor.execute(statement, [scope.tenant_id, scope.project_id, *params])
        return list(cursor.fetchall())
