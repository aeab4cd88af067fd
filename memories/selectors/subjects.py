"""Reads of subjects: who there is, and how much is known of each.

Call inside a tenant scope. A subject is there while it has a living memory, or when
somebody created it by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from memories.models import Memory, MemoryEvent, Message, Subject
from memories.models.subjects import SubjectKind
from memories.selectors.recall import as_chat
from memories.types import EVENT_RULES, STATE_RULES, ChatMessage, Page
from memplatform.lib.errors import NotFound

KINDS: tuple[str, ...] = tuple(SubjectKind.values)
_THERE = Q(memory_count__gt=0) | Q(declared_at__isnull=False)
_LISTED = [state for state, rule in STATE_RULES.items() if rule.listed]


@dataclass(frozen=True, slots=True)
class SubjectView:
    """A subject as a reader sees it; ``name`` is the id its callers gave it."""

    id: UUID
    kind: str
    name: str
    display_name: str | None
    metadata: dict[str, Any] | None
    memory_count: int
    created_at: datetime
    last_active_at: datetime

    @property
    def title(self) -> str:
        """What a person would call it."""
        return self.display_name or self.name


@dataclass(frozen=True, slots=True)
class Origin:
    """The messages that a memory was first learned from, and whether it changed."""

    messages: tuple[ChatMessage, ...] = ()
    is_updated: bool = False


def list_subjects(
    only: Mapping[str, str], *, page: int, page_size: int
) -> tuple[Page[SubjectView], dict[str, int]]:
    """The last active first, and how many there are of each kind.

    ``only`` holds the ids a key is narrowed to: it sees these subjects and no others.
    """
    rows = _visible_to(only)
    counted = dict(rows.order_by().values_list("kind").annotate(Count("id")))
    totals = {kind: counted.get(kind, 0) for kind in KINDS}
    start = (page - 1) * page_size
    found = rows.order_by("-last_active_at", "-id")[start : start + page_size]
    items = tuple(_seen_by(only, view_of(row)) for row in found)
    return Page(items, sum(totals.values()), page, page_size), totals


def find_subject(only: Mapping[str, str], kind: str, name: str) -> SubjectView | None:
    """One subject, or None when it is not there for a key narrowed to ``only``."""
    row = _visible_to(only).filter(kind=kind, external_id=name).first()
    return None if row is None else _seen_by(only, view_of(row))


def get_subject(subject_id: UUID) -> SubjectView:
    """One subject by its row, also one that has no living memory; raises NotFound."""
    row = Subject.objects.filter(id=subject_id).first()
    if row is None:
        raise NotFound("There is no such subject.")
    return view_of(row)


def list_names(only: Mapping[str, str], kind: str, *, most: int) -> list[str]:
    """Names of one kind, the last active first."""
    rows = _visible_to(only).filter(kind=kind).order_by("-last_active_at", "-id")
    return list(rows.values_list("external_id", flat=True)[:most])


def origins_of(memory_ids: Sequence[UUID]) -> dict[UUID, Origin]:
    """Where each memory came from; a memory without an event is left out."""
    events = MemoryEvent.objects.filter(memory_id__in=memory_ids).order_by("at", "id")
    histories: dict[UUID, list[MemoryEvent]] = {}
    for event in events:
        histories.setdefault(event.memory_id, []).append(event)
    first_ids = {i for history in histories.values() for i in history[0].message_ids}
    messages = {row.id: row for row in Message.objects.filter(id__in=first_ids)}
    return {
        memory_id: Origin(
            tuple(
                as_chat(messages[i]) for i in history[0].message_ids if i in messages
            ),
            is_updated=any(EVENT_RULES[e.kind].history == "UPDATE" for e in history),
        )
        for memory_id, history in histories.items()
    }


def view_of(row: Subject) -> SubjectView:
    return SubjectView(
        id=row.id,
        kind=row.kind,
        name=row.external_id,
        display_name=row.display_name,
        metadata=row.metadata,
        memory_count=max(row.memory_count, 0),
        created_at=row.created_at,
        last_active_at=row.last_active_at,
    )


def _visible_to(only: Mapping[str, str]) -> QuerySet[Subject]:
    rows = Subject.objects.filter(_THERE)
    if not only:
        return rows
    own = Q()
    for key, name in only.items():
        own |= Q(kind=key.removesuffix("_id"), external_id=name)
    return rows.filter(own)


def _seen_by(only: Mapping[str, str], subject: SubjectView) -> SubjectView:
    """A key narrowed to a user with an agent does not count what others told either."""
    if len(only) < 2:
        return subject
    own = Memory.objects.filter(state__in=_LISTED, **only).count()
    return replace(subject, memory_count=own)
