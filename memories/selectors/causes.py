"""Why something happened to a memory: who did it, on whose words, by which prompt.

A constant number of queries, however many events are asked about. Call inside a
tenant scope.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from uuid import UUID

from memories.models import Memory, MemoryEvent, Message, PromptVersion
from tenants.models import ApiKey, Operator

ActorKind = MemoryEvent.ActorKind


@dataclass(frozen=True, slots=True)
class Quote:
    """A message that something was learned from; ``text`` None: kept no longer."""

    id: UUID
    ingestion_id: UUID
    role: str
    name: str | None
    text: str | None
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class PromptRef:
    """Which text of which prompt spoke."""

    id: UUID
    template_id: UUID
    purpose: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Related:
    """Another memory that it was about; ``text`` None: erased."""

    id: UUID
    text: str | None
    state: str


@dataclass(frozen=True, slots=True)
class EventView:
    """An event of a memory, with everything that explains it.

    ``actor`` is a name to show: an operator's, a key's; blank for the platform itself.
    """

    id: UUID
    memory_id: UUID
    kind: str
    at: datetime
    old_number: int | None
    new_number: int | None
    actor_kind: str
    actor: str
    reason: str
    quotes: tuple[Quote, ...]
    prompt: PromptRef | None
    engine: str | None
    model: str | None
    operation_id: UUID | None
    related: Related | None


def explain(events: Sequence[MemoryEvent]) -> dict[UUID, EventView]:
    """The cause of each event, by the event's id."""
    quotes = _quotes({id_ for event in events for id_ in event.message_ids})
    prompts = _prompts({e.prompt_version_id for e in events if e.prompt_version_id})
    related = _related({e.related_memory_id for e in events if e.related_memory_id})
    actors = _actors(events)
    return {
        event.id: EventView(
            id=event.id,
            memory_id=event.memory_id,
            kind=event.kind,
            at=event.at,
            old_number=event.old_number,
            new_number=event.new_number,
            actor_kind=event.actor_kind,
            actor=actors.get(event.actor_id, "") if event.actor_id else "",
            reason=event.reason,
            quotes=tuple(quotes[i] for i in event.message_ids if i in quotes),
            prompt=_found(prompts, event.prompt_version_id),
            engine=event.engine,
            model=event.model,
            operation_id=event.operation_id,
            related=_found(related, event.related_memory_id),
        )
        for event in events
    }


def name_operators(ids: Collection[UUID]) -> dict[UUID, str]:
    """What operators are called; who has no name, by e-mail."""
    rows = Operator.objects.in_bulk(ids) if ids else {}
    return {row.id: row.name or row.email for row in rows.values()}


def _found[Value](known: Mapping[UUID, Value], id_: UUID | None) -> Value | None:
    return known.get(id_) if id_ else None


def _quotes(ids: Collection[UUID]) -> dict[UUID, Quote]:
    rows = Message.objects.filter(id__in=ids) if ids else ()
    return {
        row.id: Quote(
            row.id, row.ingestion_id, row.role, row.name, row.content, row.sent_at
        )
        for row in rows
    }


def _prompts(ids: Collection[UUID]) -> dict[UUID, PromptRef]:
    rows = PromptVersion.objects.filter(id__in=ids).select_related("template")
    return {
        row.id: PromptRef(
            row.id,
            row.template_id,
            row.template.purpose,
            row.template.name,
            row.number,
        )
        for row in (rows.defer("text", "parts") if ids else ())
    }


def _related(ids: Collection[UUID]) -> dict[UUID, Related]:
    rows = Memory.objects.filter(id__in=ids).only("text", "state") if ids else ()
    return {row.id: Related(row.id, row.text, row.state) for row in rows}


def _actors(events: Sequence[MemoryEvent]) -> dict[UUID, str]:
    """An engine acts for the key, or the operator, that asked for the add."""
    ids = {event.actor_id for event in events if event.actor_id}
    people = {e.actor_id for e in events if e.actor_kind == ActorKind.OPERATOR}
    keys = ApiKey.objects.filter(id__in=ids - people) if ids - people else ()
    named = {key.id: f"{key.name} ({key.prefix}…)" for key in keys}
    operators = name_operators(ids - named.keys())
    return dict(chain(named.items(), operators.items()))
