"""How often a key may knock, and how much it did; operation names are opaque here.

Rates are counted in Valkey, in fixed windows of a minute, one round trip a request;
without Valkey every request passes, for a refusal would be our fault. Usage is counted
in the process and written to ``Usage`` in batches, by whichever request finds the last
batch ``FLUSH_EVERY_S`` old: a process that ends loses its last counts, never an effect.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Sum

from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest, QuotaExceeded
from memplatform.lib.ids import new_id
from tenants.models import Project, Usage
from tenants.scopes import current_tenant_id, tenant_scope
from tenants.selectors import Access

log = logging.getLogger(__name__)

WINDOW_S = 60
FLUSH_EVERY_S = 10.0
VALKEY_TIMEOUT_S = 0.25
VALKEY_PAUSE_S = 5.0
"""How long Valkey is left alone after it failed, so that requests do not wait."""
PER_MINUTE = "requests_per_minute"
PER_MONTH = "per_month"


# --- Rates ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a key's window; ``resets_at`` in Unix seconds."""

    limit: int
    used: int
    resets_at: int

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def is_exceeded(self) -> bool:
        return self.used > self.limit

    @property
    def retry_after_s(self) -> int:
        return max(1, self.resets_at - int(clock.now().timestamp()))

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.resets_at),
        }


def limit_per_minute(access: Access) -> int:
    """Requests a minute of one key: the tenant's limit, else ours; 0 = any number."""
    return int(access.limits.get(PER_MINUTE, settings.RATE_LIMIT_PER_MINUTE))


def take_request(access: Access) -> Allowance | None:
    """Count one request of a key; None when it is not limited or Valkey is away."""
    limit = limit_per_minute(access)
    if not limit:
        return None
    window = int(clock.now().timestamp()) // WINDOW_S
    used = _valkey.increment(f"rate:{access.key_id}:{window}", WINDOW_S)
    return None if used is None else Allowance(limit, used, (window + 1) * WINDOW_S)


class _Valkey:
    """A counter that gives up at once and for a while when Valkey is away."""

    def __init__(self) -> None:
        self._away_until = 0.0

    def increment(self, key: str, ttl_s: int) -> int | None:
        """The counter after this increment, or None; expires with its window."""
        if time.monotonic() < self._away_until:
            return None
        try:
            pipeline = _client(settings.BROKER_URL).pipeline(transaction=False)
            pipeline.incr(key)
            pipeline.expire(key, ttl_s * 2)
            used, _ = pipeline.execute()
        except (redis.RedisError, ValueError) as exc:
            self._rest(exc)
            return None
        self._away_until = 0.0
        return int(used)

    def _rest(self, exc: Exception) -> None:
        if not self._away_until:  # once an outage, not once a request
            log.warning("Rate limits are off: Valkey is away (%s)", exc)
        self._away_until = time.monotonic() + VALKEY_PAUSE_S


@cache
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_timeout=VALKEY_TIMEOUT_S,
        socket_connect_timeout=VALKEY_TIMEOUT_S,
    )


_valkey = _Valkey()


# --- Usage ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counted:
    """Which ``Usage`` row a count belongs to."""

    tenant_id: UUID
    project_id: UUID
    key_id: UUID | None
    operation: str
    day: date


Amounts = Counter[str]
_AMOUNTS = ("requests", "prompt_tokens", "completion_tokens")


class UsageBuffer:
    """Counts that are not written yet; shared by the threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[Counted, Amounts] = {}
        self._since = time.monotonic()

    def add(self, counted: Counted, amounts: Mapping[str, int]) -> None:
        with self._lock:
            self._counts.setdefault(counted, Counter()).update(amounts)

    def is_due(self) -> bool:
        return time.monotonic() - self._since >= FLUSH_EVERY_S

    def take(self) -> dict[Counted, Amounts]:
        """Everything counted so far; the buffer is empty afterwards."""
        with self._lock:
            counts, self._counts = self._counts, {}
            self._since = time.monotonic()
            return counts


_buffer = UsageBuffer()


def count_usage(access: Access, operation: str) -> None:
    """Count one request of a key; costs no query."""
    today = clock.now().date()
    ids = (access.tenant_id, access.project_id, access.key_id)
    _buffer.add(Counted(*ids, operation, today), {"requests": 1})


def count_tokens(
    ids: tuple[UUID, UUID, UUID | None],
    operation: str,
    *,
    prompt_tokens: int,
    completion_tokens: int,
) -> None:
    """Count what models took for an operation whose request was counted already.

    ``ids`` are those of the tenant, the project and the key, if one asked for it.
    """
    counted = Counted(*ids, operation, clock.now().date())
    amounts = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    _buffer.add(counted, amounts)


def flush_usage_if_due() -> None:
    """Write the counts when they are ``FLUSH_EVERY_S`` old. Outside a scope only."""
    if _buffer.is_due():
        flush_usage()


def flush_usage() -> int:
    """Write what this process counted; returns the rows written. Opens its own scopes.

    Counts of a project that is gone are dropped; a write that fails is logged and not
    tried again, for it must not fail the request that happens to flush.
    """
    by_tenant: dict[UUID, dict[Counted, Amounts]] = defaultdict(dict)
    counts = _buffer.take()
    for counted, amounts in counts.items():
        by_tenant[counted.tenant_id][counted] = amounts
    for tenant_id, rows in by_tenant.items():
        try:
            with tenant_scope(tenant_id):
                add_usage(rows)
        except DatabaseError as exc:
            log.warning("%d usage counts are lost: %s", len(rows), exc)
    return len(counts)


def check_limits(limits: Mapping[str, Any]) -> None:
    """Raise InvalidRequest unless these are limits that every request can read."""
    per_month = limits.get(PER_MONTH, {})
    counts = [limits.get(PER_MINUTE, 0)]
    counts += per_month.values() if isinstance(per_month, Mapping) else [None]
    is_known = set(limits) <= {PER_MINUTE, PER_MONTH}
    if not is_known or not all(type(count) is int and count >= 0 for count in counts):
        message = f'Use {{"{PER_MINUTE}": n, "{PER_MONTH}": {{operation: n}}}}, n ≥ 0.'
        raise InvalidRequest(message, fields={"limits": [message]})


def add_usage(counts: Mapping[Counted, Mapping[str, int]]) -> None:
    """Add counts to the ``Usage`` rows of the open tenant, in one statement."""
    present = set(Project.objects.values_list("id", flat=True))
    rows = [
        [c.project_id, c.day, c.key_id, c.operation, *(n[name] for name in _AMOUNTS)]
        for c, n in sorted(counts.items(), key=_in_lock_order)
        if c.project_id in present
    ]
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        ids = [new_id() for _ in rows]
        with connection.cursor() as cursor:
            cursor.execute(_ADD_USAGE, [current_tenant_id(), ids, *columns])


def _in_lock_order(item: tuple[Counted, Mapping[str, int]]) -> str:
    """The same order in every process, so that two flushes cannot deadlock."""
    counted, _ = item
    return f"{counted.project_id} {counted.day} {counted.key_id} {counted.operation}"


_ADD_USAGE = """
INSERT INTO tenants_usage AS u (tenant_id, id, project_id, day, api_key_id, operation,
                                requests, prompt_tokens, completion_tokens)
SELECT %s, added.* FROM unnest(
    %s::uuid[], %s::uuid[], %s::date[], %s::uuid[], %s::text[],
    %s::bigint[], %s::bigint[], %s::bigint[]
) AS added
ON CONFLICT (tenant_id, project_id, day, api_key_id, operation) DO UPDATE SET
    requests = u.requests + excluded.requests,
    prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
    completion_tokens = u.completion_tokens + excluded.completion_tokens
"""


def require_quota(access: Access, operation: str) -> None:
    """Raise QuotaExceeded when the tenant's month is used up; call inside its scope.

    Quotas stand in the tenant's limits as ``{"per_month": {operation: requests}}``;
    an operation without one costs no query. Counts still in buffers are not seen.
    """
    quota = access.limits.get(PER_MONTH, {}).get(operation)
    if quota is not None and _requests_this_month(operation) >= quota:
        raise QuotaExceeded(f"The tenant's {quota} {operation} a month are used up.")


def _requests_this_month(operation: str) -> int:
    first = clock.now().date().replace(day=1)
    rows = Usage.objects.filter(operation=operation, day__gte=first)
    return int(rows.aggregate(total=Sum("requests"))["total"] or 0)
