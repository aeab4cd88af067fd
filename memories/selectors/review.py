"""What waits for somebody's approval, oldest first, and why.

Call inside a tenant scope. A memory that waits is quarantined: nobody recalls, lists or
searches it. What it would do is on its QUARANTINE event (docs/adr/0430).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from memories.models import Memory, MemoryEvent, Message
from memories.selectors.recall import as_chat
from memories.types import (
    SCOPE_KEYS,
    ChatMessage,
    Concern,
    JsonDict,
    Page,
    Rule,
    State,
    Verdict,
)
from memplatform.lib.errors import NotFound

MOST_COUNTED = 1_000
"""A menu needs no exact number beyond this."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a memory would do once approved, and why it waits.

    ``target_id`` is the memory that UPDATE, DELETE (which supersedes) and MERGE name;
    ``target_number`` the version of its text that the decision was made on.
    """

    verdict: Verdict = Verdict.ADD
    concerns: tuple[Concern, ...] = ()
    target_id: UUID | None = None
    target_number: int | None = None

    def as_json(self) -> JsonDict:
        """As the event keeps it; which memory is the event's ``related_memory``."""
        return {
            "verdict": str(self.verdict),
            "target_number": self.target_number,
            "concerns": [
                {
                    "rule": str(concern.rule),
                    "detail": concern.detail,
                    "spans": [list(span) for span in concern.spans],
                }
                for concern in self.concerns
            ],
        }

    @classmethod
    def of(cls, event: MemoryEvent) -> Self:
        """What an event says; one that came in from a file may say anything."""
        kept = event.review if isinstance(event.review, dict) else {}
        verdict, number = kept.get("verdict"), kept.get("target_number")
        given = kept.get("concerns")
        return cls(
            Verdict(verdict) if verdict in list(Verdict) else Verdict.ADD,
            tuple(_concerns(given if isinstance(given, list) else ())),
            event.related_memory_id,
            number if isinstance(number, int) else None,
        )


def _concerns(given: Iterable[Any]) -> Iterable[Concern]:
    for one in given:
        if isinstance(one, dict) and one.get("rule") in list(Rule):
            spans = one.get("spans")
            found = [tuple(s) for s in spans] if isinstance(spans, list) else []
            whole = [s for s in found if len(s) == 2 and all(type(n) is int for n in s)]
            yield Concern(Rule(one["rule"]), str(one.get("detail", "")), tuple(whole))


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of the queue; ``messages`` are those it rests on, as far as kept."""

    memory: Memory
    held: Held
    event: MemoryEvent
    target: Memory | None
    messages: tuple[ChatMessage, ...]


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """``rule`` None is any; ``subject`` is an id of whatever kind, blank any."""

    rule: Rule | None = None
    subject: str = ""


def count_waiting(project_id: UUID) -> int:
    """How many wait, up to ``MOST_COUNTED``: one short read of a small index."""
    rows = _waiting().filter(project_id=project_id).order_by()
    return len(rows.values_list("id")[:MOST_COUNTED])


def list_waiting(
    wanted: QueueFilter, *, page: int, page_size: int = 25
) -> Page[Waiting]:
    """The oldest first; five queries, however many wait."""
    rows = _matching(wanted)
    count = rows.count()
    start = (page - 1) * page_size
    heads = list(rows.order_by("accepted_at", "id")[start : start + page_size])
    return Page(tuple(_read(heads)), count, page, page_size)


def get_waiting(memory_id: UUID) -> Waiting:
    """One memory that waits; raises NotFound when it does not any more."""
    for waiting in _read(list(_waiting().filter(id=memory_id))):
        return waiting
    raise NotFound("This memory does not wait for review any more.")


def held_events(memory_ids: Iterable[UUID]) -> Mapping[UUID, MemoryEvent]:
    """Why each of these waits: its last QUARANTINE event."""
    events = MemoryEvent.objects.filter(
        memory_id__in=list(memory_ids), kind=MemoryEvent.Kind.QUARANTINE
    )
    return {event.memory_id: event for event in events.order_by("at", "id")}


def _waiting() -> QuerySet[Memory]:
    return Memory.objects.filter(state=State.QUARANTINED, text__isnull=False)


def _matching(wanted: QueueFilter) -> QuerySet[Memory]:
    rows = _waiting()
    if wanted.subject:
        named = Q()
        for key in SCOPE_KEYS:
            named |= Q(**{key: wanted.subject})
        rows = rows.filter(named)
    if wanted.rule is not None:
        why = MemoryEvent.objects.filter(
            memory_id=OuterRef("id"),
            kind=MemoryEvent.Kind.QUARANTINE,
            review__concerns__contains=[{"rule": str(wanted.rule)}],
        )
        rows = rows.filter(Exists(why))
    return rows


def _read(heads: list[Memory]) -> Iterable[Waiting]:
    events = held_events(head.id for head in heads)
    targets = Memory.objects.in_bulk(
        {e.related_memory_id for e in events.values() if e.related_memory_id}
    )
    said = Message.objects.in_bulk(
        {message_id for event in events.values() for message_id in event.message_ids}
    )
    for head in heads:
        if (event := events.get(head.id)) is None:
            continue
        messages = [said[id_] for id_ in event.message_ids if id_ in said]
        yield Waiting(
            memory=head,
            held=Held.of(event),
            event=event,
            target=targets.get(event.related_memory_id or head.id),
            messages=tuple(as_chat(row) for row in messages if row.content),
        )
