"""What in a project may need somebody; inside its scope. Counts stop at ``MOST``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from memories.models import GoldenSet, Memory, Operation, PromptVersion, Webhook
from memories.models.ingestion import UNFINISHED
from memories.prompts import content_hash, shipped_prompts
from memories.selectors.golden import failing_golden_sets
from memories.types import State
from memplatform.lib import clock
from tenants.models import ApiKey

MOST = 100
LATE = timedelta(minutes=5)
"""An add that waits for longer is stuck, and those behind it wait as well."""
RECENTLY = timedelta(days=7)
SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Attention:
    """``late`` are adds that wait for longer than ``LATE``, ``late_since`` the oldest;
    ``failed`` those of the last week; ``doubted`` memories may be stale. Prompts are
    named by their purpose.
    """

    failed: int
    late: int
    late_since: datetime | None
    in_review: int
    doubted: int
    doubted_first: UUID | None
    failing_webhooks: Sequence[Webhook]
    expiring_keys: Sequence[ApiKey]
    changed_prompts: Sequence[str]
    failing_golden_sets: Sequence[GoldenSet] = ()


def find_attention() -> Attention:
    """All of it, in a query or two each."""
    late, doubted = _late(), _doubted()
    return Attention(
        failed=_count(_failed()),
        late=_count(late),
        late_since=late.values_list("created_at", flat=True).first(),
        doubted=_count(doubted),
        doubted_first=doubted.values_list("id", flat=True).first(),
        in_review=_count(Memory.objects.filter(state=State.QUARANTINED)),
        failing_webhooks=list(_failing_webhooks()[:MOST]),
        expiring_keys=list(_expiring_keys()[:MOST]),
        changed_prompts=_changed_prompts(),
        failing_golden_sets=failing_golden_sets(),
    )


def _failed() -> QuerySet[Operation]:
    since = clock.now() - RECENTLY
    return Operation.objects.filter(
        kind=Operation.Kind.ADD,
        status=Operation.Status.FAILED,
        created_at__gte=since,
    )


def _late() -> QuerySet[Operation]:
    waiting = Operation.objects.filter(status__in=UNFINISHED)
    late = waiting.filter(created_at__lt=clock.now() - LATE)
    return late.order_by("created_at")


def _doubted() -> QuerySet[Memory]:
    """What may be stale, the longest so first."""
    marked = Memory.objects.filter(is_stale_suspect=True, state=State.ACTIVE)
    return marked.exclude(text=None).order_by("updated_at", "id")


def _failing_webhooks() -> QuerySet[Webhook]:
    """Those that are switched off for their failures, or fail since a while."""
    is_off = Q(disabled_at__isnull=False) & ~Q(disabled_reason="")
    return Webhook.objects.filter(is_off | Q(failures__gt=0)).order_by("name", "id")


def _expiring_keys() -> QuerySet[ApiKey]:
    now = clock.now()
    return ApiKey.objects.filter(
        revoked_at=None, expires_at__gt=now - SOON, expires_at__lt=now + SOON
    ).order_by("expires_at")


def _changed_prompts() -> list[str]:
    """Published as they were shipped once; a newer text is shipped by now."""
    published = PromptVersion.objects.filter(is_published=True, is_shipped=True)
    shipped = shipped_prompts()
    return [
        purpose
        for purpose, text_hash in published.values_list(
            "template__purpose", "text_hash"
        )
        if purpose in shipped and text_hash != content_hash(shipped[purpose].text)
    ]


def _count(rows: QuerySet[Operation] | QuerySet[Memory]) -> int:
    return rows.order_by().values("id")[:MOST].count()
