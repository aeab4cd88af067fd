"""What a project's retention policies would take, now or with other days.

The conditions are those of the policies themselves: ``store.retention`` empties,
``services.archiving`` and ``store.compaction`` archive what is found here. Call inside
a tenant scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest
from django.utils.dateparse import parse_datetime

from memories.models import (
    Confirmation,
    LlmCall,
    Memory,
    MemoryEvent,
    MemoryUse,
    Message,
    Operation,
    Relation,
)
from memories.models.ingestion import UNFINISHED
from memories.models.settings import USES_COUNTED_FROM, ProjectSettings
from memories.types import JsonDict, State
from memplatform.lib import clock

MOST_COUNTED = 10_000
"""Counting stops there: a preview is asked for while somebody waits."""


class Policy(StrEnum):
    """What may go when its days are over; the value is the setting that says when."""

    MESSAGES = "message_days"
    MODEL_TEXTS = "model_text_days"
    SEARCHES = "search_days"
    UNUSED = "archive_unused_days"
    EDGES = "graph_days"


EFFECTS: Mapping[Policy, str] = {
    Policy.MESSAGES: "emptied",
    Policy.MODEL_TEXTS: "emptied",
    Policy.SEARCHES: "emptied",
    Policy.UNUSED: "archived",
    Policy.EDGES: "archived",
}
"""What is emptied is gone for good; a memory that is archived can be brought back, an
edge is read as of an instant and in its memories' words."""


@dataclass(frozen=True, slots=True)
class Going:
    """A row that would go: since when it is there, and what it says, if a reader may
    see that; ``memory_id`` where it is a memory."""

    id: UUID
    at: datetime
    text: str
    user_id: str | None = None
    is_memory: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What a policy would take; ``days`` 0 takes nothing, and ``before`` is None.

    ``count`` stops at ``MOST_COUNTED``; ``items`` are the oldest. ``starts_at`` is set
    where nothing goes before that instant, whatever the list says.
    """

    policy: Policy
    days: int
    before: datetime | None
    count: int = 0
    items: tuple[Going, ...] = ()
    starts_at: datetime | None = None

    @property
    def effect(self) -> str:
        return EFFECTS[self.policy]

    @property
    def is_more(self) -> bool:
        return self.count >= MOST_COUNTED

    @property
    def left_out(self) -> int:
        return self.count - len(self.items)


def old_messages(before: datetime) -> QuerySet[Message]:
    """What was said before an instant, unless its add has yet to run."""
    said = Message.objects.filter(created_at__lt=before, content__isnull=False)
    return said.exclude(ingestion__operation__status__in=UNFINISHED)


def old_model_texts(before: datetime) -> QuerySet[LlmCall]:
    """Requests of which what models were asked or said is kept still."""
    has_text = Q(request__isnull=False) | Q(reply__isnull=False)
    return LlmCall.objects.filter(has_text, created_at__lt=before)


def old_searches(before: datetime) -> QuerySet[Operation]:
    """Searches whose query is kept still."""
    searches = Operation.objects.filter(
        kind=Operation.Kind.SEARCH, created_at__lt=before
    )
    return searches.exclude(payload={})


def unused_memories(before: datetime) -> QuerySet[Memory]:
    """Current memories that nobody has found, said again or changed since (ADR 620).

    Immutable ones never count, nor those that have a day of their own to expire on, or
    that begin to be true later.
    """
    mine = {"memory_id": OuterRef("id")}
    merged = {"related_memory_id": OuterRef("id"), "kind": MemoryEvent.Kind.MERGE}
    return Memory.objects.filter(
        Q(valid_from=None) | Q(valid_from__lt=before),
        ~Exists(MemoryUse.objects.filter(**mine, last_used_at__gte=before)),
        ~Exists(Confirmation.objects.filter(**mine, at__gte=before)),
        ~Exists(MemoryEvent.objects.filter(**merged, at__gte=before)),
        state=State.ACTIVE,
        is_immutable=False,
        text__isnull=False,
        expires_on=None,
        accepted_at__lt=before,
        updated_at__lt=before,
    )


def over_edges(before: datetime) -> QuerySet[Relation]:
    """Edges of the graph that were over by an instant and stand where reads pass."""
    over_at = Coalesce("known_to", Greatest("known_from", "valid_to"))
    rows = Relation.objects.annotate(over_at=over_at)
    rows = rows.exclude(state=State.ACTIVE, known_to=None)
    rows = rows.exclude(state=State.QUARANTINED)
    return rows.filter(archived_at=None, over_at__lt=before).defer("embedding")


def may_archive(stored: Mapping[str, Any], now: datetime) -> datetime | None:
    """The instant since which a memory must have been used; None: nothing goes now.

    ``stored`` are a project's settings. Uses must have been counted for all that time:
    else whatever was found before would look as if nobody had wanted it.
    """
    days = ProjectSettings.of(stored).archive_unused_days
    before = now - timedelta(days=days)
    since = uses_counted_from(stored)
    return before if days and since and since <= before else None


def uses_counted_from(stored: Mapping[str, Any]) -> datetime | None:
    """Since when searches have counted what they find, if they do."""
    raw = stored.get(USES_COUNTED_FROM)
    return parse_datetime(raw) if raw else None


def preview(
    stored: Mapping[str, Any], days: Mapping[str, int], *, most: int
) -> list[Preview]:
    """What each policy would take with these days, by setting; absent, the project's.

    ``most`` items of each are listed, the oldest first.
    """
    kept = ProjectSettings.of(stored)
    return [
        _preview_of(policy, days.get(policy, getattr(kept, policy)), stored, most)
        for policy in Policy
    ]


def _preview_of(
    policy: Policy, days: int, stored: Mapping[str, Any], most: int
) -> Preview:
    if not days:
        return Preview(policy, 0, None)
    now = clock.now()
    before = now - timedelta(days=days)
    rows, order = _FOUND[policy](before), _ORDERS[policy]
    items = tuple(_going(policy, row) for row in rows.order_by(order, "id")[:most])
    count = rows.order_by().values("id")[:MOST_COUNTED].count()
    starts_at = None
    if policy == Policy.UNUSED:
        counted_for = (uses_counted_from(stored) or now) + timedelta(days=days)
        starts_at = counted_for if counted_for > now else None
    return Preview(policy, days, before, count, items, starts_at)


_FOUND: Mapping[Policy, Any] = {
    Policy.MESSAGES: old_messages,
    Policy.MODEL_TEXTS: old_model_texts,
    Policy.SEARCHES: old_searches,
    Policy.UNUSED: unused_memories,
    Policy.EDGES: lambda before: over_edges(before).select_related(
        "source", "target", "anchor"
    ),
}
_ORDERS = dict.fromkeys(Policy, "created_at") | {
    Policy.UNUSED: "updated_at",
    Policy.EDGES: "over_at",
}


def _going(policy: Policy, row: Any) -> Going:
    match policy:
        case Policy.MESSAGES:
            return Going(row.id, row.created_at, row.content)
        case Policy.MODEL_TEXTS:
            return Going(row.id, row.created_at, f"{row.purpose}, {row.model}")
        case Policy.SEARCHES:
            query: JsonDict = row.payload
            return Going(row.id, row.created_at, query.get("query", ""), row.user_id)
        case Policy.UNUSED:
            return Going(row.id, row.updated_at, row.text, row.user_id, is_memory=True)
        case Policy.EDGES:
            words = f"{row.source.name} {row.type} {row.target.name}"
            return Going(row.id, row.over_at, words, row.anchor.user_id)
