"""What a month may hold: adds and searches that are served, and tokens of models.

Quotas stand in the limits of a tenant, and of a project within it. Each is counted in
Valkey from the moment it exists, by every process at once; a counter that is not there
begins with what ``Usage`` says. Without Valkey that sum judges, some seconds behind. A
hard quota refuses what would exceed it; a soft one (``"soft": ["add"]``) only says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Sum

from memplatform.lib import clock
from memplatform.lib.errors import QuotaExceeded
from tenants import counters, usage
from tenants.limits import PER_MONTH, QUOTAS, SOFT
from tenants.models import Usage
from tenants.scopes import tenant_scope
from tenants.selectors import Access

TOKENS = "tokens"
KEPT_AFTERWARDS = timedelta(days=2)

# KEYS: counters; ARGV: for each what is to be counted, and the most there may be (-1:
# any number). Counts all of them or none. Answers -1 when a counter is missing; else
# the number of the first that refuses, or 0, and then what each held before.
_SPEND = """
local answer, refused = {0}, 0
for i, key in ipairs(KEYS) do
  local used = redis.call('GET', key)
  if not used then return {-1} end
  answer[i + 1] = tonumber(used)
  local most = tonumber(ARGV[2 * i])
  local asked = math.max(tonumber(ARGV[2 * i - 1]), 1)
  if refused == 0 and most >= 0 and tonumber(used) + asked > most then refused = i end
end
for i, key in ipairs(KEYS) do
  if refused == 0 then redis.call('INCRBY', key, ARGV[2 * i - 1]) end
end
answer[1] = refused
return answer
"""
_BEGIN = """
for i, key in ipairs(KEYS) do
  redis.call('SET', key, ARGV[i + 1], 'NX', 'EX', ARGV[1])
end
return {0}
"""
_ADD = """
for i, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then redis.call('INCRBY', key, ARGV[i]) end
end
return {0}
"""


@dataclass(frozen=True, slots=True)
class Quota:
    """``project_id`` None is the tenant's; a soft one is never refused."""

    name: str
    limit: int
    is_soft: bool
    tenant_id: UUID
    project_id: UUID | None

    @property
    def owner(self) -> str:
        return "organization" if self.project_id is None else "project"

    @property
    def key(self) -> str:
        return _key(self.tenant_id, self.project_id, self.name)


@dataclass(frozen=True, slots=True)
class QuotaState:
    """A quota, and how much of it this month has used."""

    quota: Quota
    used: int

    @property
    def is_used_up(self) -> bool:
        return self.used >= self.quota.limit

    def __str__(self) -> str:
        quota = self.quota
        return f"{self.used} of {quota.limit} {quota.name} a month, {quota.owner}"


@dataclass(frozen=True, slots=True)
class Spent:
    """What a request took of counters, to be given back when it is not served.

    ``exceeded`` are the soft quotas that were used up before it.
    """

    keys: tuple[str, ...] = ()
    exceeded: tuple[QuotaState, ...] = ()

    def give_back(self) -> None:
        if self.keys:
            counters.shared.run(_ADD, self.keys, [-1] * len(self.keys))


def quotas_of(access: Access) -> list[Quota]:
    """Every quota that a key's requests are under, its tenant's first.

    Names from before there were only these are not counted any more.
    """
    own = _quotas(access.tenant_id, access.project_id, access.project_limits)
    return [*_quotas(access.tenant_id, None, access.limits), *own]


def _quotas(
    tenant_id: UUID, project_id: UUID | None, limits: Mapping[str, Any]
) -> list[Quota]:
    return [
        Quota(name, limit, name in limits.get(SOFT, ()), tenant_id, project_id)
        for name, limit in limits.get(PER_MONTH, {}).items()
        if name in QUOTAS
    ]


def spend(access: Access, operation: str) -> Spent:
    """Count one request of an operation; raises QuotaExceeded when a month is used up.

    Tokens are counted when models have taken them: here they only have to be left.
    Costs nothing without quotas. Outside a scope.
    """
    named = (operation, TOKENS)
    quotas = [quota for quota in quotas_of(access) if quota.name in named]
    if not quotas:
        return Spent()
    amounts = [0 if quota.name == TOKENS else 1 for quota in quotas]
    most = [-1 if quota.is_soft else quota.limit for quota in quotas]
    answer = _spend(quotas, amounts, most)
    if answer is None:
        states = _written(quotas)
        _refuse([state for state in states if not state.quota.is_soft])
        return Spent(exceeded=_exceeded(states))
    refused, *used = answer
    states = [QuotaState(q, n) for q, n in zip(quotas, used, strict=True)]
    if refused:
        raise _exceeded_error(states[refused - 1])
    counted = (q.key for q, amount in zip(quotas, amounts, strict=True) if amount)
    return Spent(tuple(counted), _exceeded(states))


def states_of(access: Access) -> list[QuotaState]:
    """What this month has used of every quota of a key. Outside a scope."""
    return _states(quotas_of(access))


def states_of_owner(
    tenant_id: UUID, project_id: UUID | None, limits: Mapping[str, Any]
) -> list[QuotaState]:
    """The same of a tenant's own quotas (``project_id`` None), or of a project's."""
    return _states(_quotas(tenant_id, project_id, limits))


def _states(quotas: Sequence[Quota]) -> list[QuotaState]:
    nothing, any_number = [0] * len(quotas), [-1] * len(quotas)
    answer = _spend(quotas, nothing, any_number) if quotas else None
    if answer is None:
        return _written(quotas)
    return [QuotaState(q, n) for q, n in zip(quotas, answer[1:], strict=True)]


def count_tokens(tenant_id: UUID, project_id: UUID, tokens: int) -> None:
    """Add tokens that models took to the counters there are; they may exceed them."""
    if tokens:
        keys = [_key(tenant_id, owner, TOKENS) for owner in (None, project_id)]
        counters.shared.run(_ADD, keys, [tokens] * len(keys))


def month_ends() -> datetime:
    """The first instant of the next month, UTC."""
    later = _first_day() + timedelta(days=31)
    return datetime(later.year, later.month, 1, tzinfo=UTC)


def _spend(
    quotas: Sequence[Quota], amounts: Sequence[int], most: Sequence[int]
) -> list[int] | None:
    """The script's answer, after making the counters it misses; None without Valkey."""
    keys = [quota.key for quota in quotas]
    args = [number for pair in zip(amounts, most, strict=True) for number in pair]
    answer = counters.shared.run(_SPEND, keys, args)
    if answer == [-1]:
        used = [state.used for state in _written(quotas)]
        kept = month_ends() - clock.now() + KEPT_AFTERWARDS
        counters.shared.run(_BEGIN, keys, [int(kept.total_seconds()), *used])
        answer = counters.shared.run(_SPEND, keys, args)
    return None if answer == [-1] else answer


def _written(quotas: Sequence[Quota]) -> list[QuotaState]:
    """What usage says of each: of all processes what is written, of this one all."""
    return [QuotaState(quota, _used(quota)) for quota in quotas]


_REQUESTS = Sum(F("requests"))
_TOKENS = F("prompt_tokens") + F("completion_tokens") + F("embedding_tokens")
_TOTALS = {"add": _REQUESTS, "search": _REQUESTS, TOKENS: Sum(_TOKENS)}


def _used(quota: Quota) -> int:
    first = _first_day()
    with tenant_scope(quota.tenant_id, project_id=quota.project_id):
        rows = Usage.objects.filter(day__gte=first)
        if quota.name != TOKENS:
            rows = rows.filter(operation=quota.name)
        written = int(rows.aggregate(total=_TOTALS[quota.name])["total"] or 0)
    waiting = usage.waiting(quota.tenant_id, quota.project_id, first)
    return written + sum(
        amounts.total_tokens if quota.name == TOKENS else amounts.requests
        for operation, amounts in waiting
        if quota.name in (TOKENS, operation)
    )


def _refuse(states: Sequence[QuotaState]) -> None:
    for state in states:
        if state.is_used_up:
            raise _exceeded_error(state)


def _exceeded(states: Sequence[QuotaState]) -> tuple[QuotaState, ...]:
    return tuple(state for state in states if state.is_used_up)


def _exceeded_error(state: QuotaState) -> QuotaExceeded:
    quota = state.quota
    return QuotaExceeded(
        f"The {quota.owner}'s quota of {quota.limit} {quota.name} a month is used up;"
        f" the next month begins on {month_ends().date().isoformat()}."
    )


def _first_day() -> date:
    return clock.now().date().replace(day=1)


def _key(tenant_id: UUID, project_id: UUID | None, name: str) -> str:
    """The braces keep the counters of a tenant on one node of a cluster."""
    return f"quota:{{{tenant_id}}}:{project_id or ''}:{_first_day():%Y-%m}:{name}"
