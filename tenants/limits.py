"""How often a key and its tenant may ask.

A bucket in Valkey for each (the generic cell rate algorithm, docs/adr/0101): it holds
a minute's requests and fills evenly, so that no minute's end is a cliff. Both are
judged and charged in one round trip. Without Valkey every request passes: a refusal
would be our fault. What limits there are stands in ``Tenant.limits``,
``Project.limits`` and the key's own row; see :func:`check_limits`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest
from tenants import counters
from tenants.selectors import Access

WINDOW_S = 60
MICROSECONDS = 1_000_000
KEY, TENANT = "key", "tenant"
PER_MINUTE = "requests_per_minute"
TENANT_PER_MINUTE = "tenant_requests_per_minute"
PER_MONTH = "per_month"
SOFT = "soft"
QUOTAS = ("add", "search", "tokens")
"""What a month may hold: adds and searches that were served, and tokens of models."""

# One bucket per key of KEYS; ARGV: now, then how long one request fills it and how
# long the full bucket is, all in microseconds. A bucket is the instant at which it is
# empty again; one beyond reach (a clock was wrong) counts as full. Refused requests
# fill nothing. Answers the longest wait, then when each bucket will be empty.
_TAKE = """
local now, wait, empty_at, answer = tonumber(ARGV[1]), 0, {}, {}
for i, key in ipairs(KEYS) do
  local filled, size = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local at = math.max(tonumber(redis.call('GET', key) or now), now)
  empty_at[i] = math.min(at, now + size)
  wait = math.max(wait, empty_at[i] + filled - now - size)
end
for i, key in ipairs(KEYS) do
  if wait <= 0 then
    empty_at[i] = empty_at[i] + tonumber(ARGV[2 * i])
    local ttl_ms = math.ceil((empty_at[i] - now) / 1000) + 1000
    redis.call('SET', key, string.format('%.0f', empty_at[i]), 'PX', ttl_ms)
  end
  answer[i + 1] = string.format('%.0f', empty_at[i])
end
answer[1] = string.format('%.0f', math.max(wait, 0))
return answer
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit; ``resets_at``, in Unix seconds, when all of it is.

    ``owner`` is ``key`` or ``tenant``.
    """

    owner: str
    limit: int
    remaining: int
    resets_at: int
    wait_s: float = 0.0

    @property
    def whose(self) -> str:
        """In words, for whom it refuses."""
        return "This API key" if self.owner == KEY else "This organization"

    @property
    def is_exceeded(self) -> bool:
        return self.wait_s > 0

    @property
    def retry_after_s(self) -> int:
        return max(1, math.ceil(self.wait_s))

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.resets_at),
        }


@dataclass(frozen=True, slots=True)
class _Bucket:
    """A limit of requests a minute; times in microseconds."""

    owner: str
    key: str
    limit: int

    size = WINDOW_S * MICROSECONDS

    @property
    def filled(self) -> int:
        """How long one request fills the bucket."""
        return max(1, self.size // self.limit)

    def allowance(self, now: int, wait: int, empty_at: int) -> Allowance:
        left = 0 if wait > 0 else (now + self.size - empty_at) // self.filled
        return Allowance(
            owner=self.owner,
            limit=self.limit,
            remaining=max(0, min(left, self.limit)),
            resets_at=-(-empty_at // MICROSECONDS),
            wait_s=max(0, wait) / MICROSECONDS,
        )


def limit_per_minute(access: Access) -> int:
    """Requests a minute of one key: its own limit, its tenant's, ours; 0 = any."""
    if access.requests_per_minute is not None:
        return access.requests_per_minute
    return int(access.limits.get(PER_MINUTE, settings.RATE_LIMIT_PER_MINUTE))


def tenant_limit_per_minute(access: Access) -> int:
    """Requests a minute of all keys of the tenant together; 0 = any number."""
    ours = settings.TENANT_RATE_LIMIT_PER_MINUTE
    return int(access.limits.get(TENANT_PER_MINUTE, ours))


def take_request(access: Access) -> Allowance | None:
    """Count one request; the limit that leaves least, which may be exceeded.

    None when nothing is limited, or Valkey is away.
    """
    left = _ask(access, charge=1)
    return max(
        left,
        key=lambda allowance: (allowance.wait_s, -allowance.remaining),
        default=None,
    )


def allowances_of(access: Access) -> list[Allowance]:
    """What is left of every limit, without taking anything; empty without Valkey."""
    return _ask(access, charge=0)


def _ask(access: Access, *, charge: int) -> list[Allowance]:
    """Charge so many requests, 0 or 1, to every bucket, or to none if one is full."""
    buckets = _buckets(access)
    if not buckets:
        return []
    now = int(clock.now().timestamp() * MICROSECONDS)
    times = [number for b in buckets for number in (b.filled * charge, b.size)]
    answer = counters.shared.run(_TAKE, [b.key for b in buckets], [now, *times])
    if answer is None:
        return []
    wait, *empty_at = answer
    return [
        # Only a bucket without room for one more is to blame.
        bucket.allowance(now, at + bucket.filled - now - bucket.size if wait else 0, at)
        for bucket, at in zip(buckets, empty_at, strict=True)
    ]


def _buckets(access: Access) -> list[_Bucket]:
    """The braces keep both on one node of a cluster."""
    stem = f"rate:{{{access.tenant_id}}}"
    buckets = [
        _Bucket(KEY, f"{stem}:{access.key_id}", limit_per_minute(access)),
        _Bucket(TENANT, stem, tenant_limit_per_minute(access)),
    ]
    return [bucket for bucket in buckets if bucket.limit]


# --- What limits may be -----------------------------------------------------


def check_limits(limits: Mapping[str, Any]) -> None:
    """Raise InvalidRequest unless these are limits that every request can read.

    ``requests_per_minute`` (of each key) and ``tenant_requests_per_minute`` (of all);
    ``per_month`` counts of ``QUOTAS``; ``soft`` names those that only warn. 0 requests
    a minute are any number; 0 a month allows nothing.
    """
    per_month, soft = limits.get(PER_MONTH, {}), limits.get(SOFT, [])
    counts = [limits.get(PER_MINUTE, 0), limits.get(TENANT_PER_MINUTE, 0)]
    is_known = (
        set(limits) <= {PER_MINUTE, TENANT_PER_MINUTE, PER_MONTH, SOFT}
        and isinstance(per_month, Mapping)
        and set(per_month) <= set(QUOTAS)
        and isinstance(soft, list)
        and set(soft) <= set(QUOTAS)
    )
    if is_known:
        counts += per_month.values()
    if not is_known or not all(type(count) is int and count >= 0 for count in counts):
        message = (
            f'Use {{"{PER_MINUTE}": n, "{TENANT_PER_MINUTE}": n, "{PER_MONTH}": '
            f'{{name: n}}, "{SOFT}": [name]}}, n ≥ 0, names of {", ".join(QUOTAS)}.'
        )
        raise InvalidRequest(message, fields={"limits": [message]})
