"""One ingestion, from what was said to what is remembered: every step as it was kept.

Call inside a tenant scope. What was long is cut at ``MOST_SHOWN`` of each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from memories.models import Ingestion, LlmCall, Memory, MemoryEvent, Message, Operation
from memories.models.ingestion import REPROCESS_OF
from memories.selectors.causes import EventView, explain, name_operators
from memories.selectors.ingestions import reprocess_problem, subject_of
from memplatform.lib.errors import NotFound
from tenants.models import ApiKey

MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class SaidView:
    """A message and what came of it; ``text`` None: it is kept no longer."""

    id: UUID
    number: int
    role: str
    name: str | None
    text: str | None
    sent_at: datetime
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class Linked:
    """A memory that a fact led to, or was held against; ``text`` None: erased."""

    id: UUID
    text: str | None
    state: str


@dataclass(frozen=True, slots=True)
class FactView:
    """A proposed fact: what the engine wanted, and what was done.

    ``verdict`` blank: it was dropped before it was decided on. ``messages`` are the
    numbers of those it rests on.
    """

    verdict: str
    outcome: str
    memory: Linked | None
    target: Linked | None
    reason: str
    note: str
    messages: tuple[int, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CallView:
    """A request to a model. ``request`` and ``reply`` None: not kept (any more)."""

    id: UUID
    purpose: str
    provider: str
    model: str
    prompt: str
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal | None
    latency_ms: float
    outcome: str
    error: str
    request: Sequence[Mapping[str, Any]] | None
    reply: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """A memory that was changed, and how."""

    memory: Linked
    event: EventView


@dataclass(frozen=True, slots=True)
class Trace:
    """``together`` and ``processed_again_by`` are other operations: decided with it,
    of the same messages later.

    ``again_of`` is the one whose messages it processes again. ``no_reprocessing`` says
    why it cannot be processed again itself; blank: it can.
    """

    operation: Operation
    ingestion: Ingestion
    subject: str
    asked_by: str
    messages: tuple[SaidView, ...]
    facts: tuple[FactView, ...]
    calls: tuple[CallView, ...]
    changes: tuple[Change, ...]
    together: tuple[UUID, ...]
    again_of: UUID | None
    processed_again_by: tuple[UUID, ...]
    no_reprocessing: str

    @property
    def is_kept(self) -> bool:
        """Whether everything that was said is still there."""
        return bool(self.messages) and all(m.text is not None for m in self.messages)

    @property
    def cost(self) -> Decimal | None:
        known = [call.cost for call in self.calls if call.cost is not None]
        return sum(known, Decimal()) if known else None


def trace_fingerprint(operation_id: UUID) -> str:
    """Changes when the operation does, or when a model was asked; two queries."""
    operations = Operation.objects.filter(id=operation_id)
    state = operations.values_list("status", "attempts", "updated_at").first()
    return f"{state} {LlmCall.objects.filter(operation_id=operation_id).count()}"


def get_trace(operation_id: UUID) -> Trace:
    """Everything that is kept of one ingestion; raises NotFound."""
    rows = Ingestion.objects.select_related("operation")
    ingestion = rows.filter(operation_id=operation_id).first()
    if ingestion is None:
        raise NotFound("There is no such ingestion.")
    operation, ledger = ingestion.operation, ingestion.ledger
    messages = _messages(ingestion)
    again_of = operation.payload.get(REPROCESS_OF)
    lost = any(message.text is None for message in messages) or not messages
    problem = reprocess_problem(operation, ingestion)
    return Trace(
        operation=operation,
        ingestion=ingestion,
        subject=subject_of(operation),
        asked_by=_asked_by(operation),
        messages=messages,
        facts=_facts(ledger, {m.id: m.number for m in messages}),
        calls=_calls(operation),
        changes=_changes(operation),
        together=tuple(UUID(i) for i in ledger.get("together", ())),
        again_of=UUID(again_of) if again_of else None,
        processed_again_by=_processed_again_by(operation),
        no_reprocessing=problem or ("What was said is no longer kept." if lost else ""),
    )


def _messages(ingestion: Ingestion) -> tuple[SaidView, ...]:
    fates = {entry["id"]: entry for entry in ingestion.ledger.get("messages", ())}
    rows = Message.objects.filter(ingestion_id=ingestion.said_in).order_by("position")
    return tuple(
        SaidView(
            id=row.id,
            number=number,
            role=row.role,
            name=row.name,
            text=row.content,
            sent_at=row.sent_at,
            outcome=fates.get(str(row.id), {}).get("outcome", ""),
            reason=fates.get(str(row.id), {}).get("reason", ""),
        )
        for number, row in enumerate(rows[:MOST_SHOWN], start=1)
    )


def _facts(
    ledger: Mapping[str, Any], numbers: Mapping[UUID, int]
) -> tuple[FactView, ...]:
    entries = list(ledger.get("facts", ()))[:MOST_SHOWN]
    ids = {entry[key] for entry in entries for key in ("memory_id", "target_id")}
    linked = {str(id_): memory for id_, memory in _linked(ids - {None}).items()}
    by_text = {str(message_id): number for message_id, number in numbers.items()}
    return tuple(
        FactView(
            verdict=entry["verdict"] or "",
            outcome=entry["outcome"],
            memory=linked.get(entry["memory_id"]),
            target=linked.get(entry["target_id"]),
            reason=entry["reason"],
            note=entry["note"],
            messages=tuple(by_text[i] for i in entry["messages"] if i in by_text),
            left_out=tuple(entry.get("left_out", ())),
        )
        for entry in entries
    )


def _linked(ids: Collection[Any]) -> dict[UUID, Linked]:
    heads = Memory.objects.filter(id__in=ids).only("text", "state")
    return {h.id: Linked(h.id, h.text, h.state) for h in (heads if ids else ())}


def _calls(operation: Operation) -> tuple[CallView, ...]:
    rows = LlmCall.objects.filter(operation=operation).order_by("created_at", "id")
    rows = rows.select_related("prompt_version__template").defer("prompt_version__text")
    return tuple(
        CallView(
            id=row.id,
            purpose=row.purpose,
            provider=row.provider,
            model=row.model,
            prompt=_prompt_of(row),
            prompt_tokens=row.prompt_tokens,
            completion_tokens=row.completion_tokens,
            cost=row.cost,
            latency_ms=row.latency_ms,
            outcome=row.outcome,
            error=row.error,
            request=row.request,
            reply=row.reply,
            created_at=row.created_at,
        )
        for row in rows[:MOST_SHOWN]
    )


def _prompt_of(call: LlmCall) -> str:
    version = call.prompt_version
    return f"{version.template.name}, version {version.number}" if version else ""


def _changes(operation: Operation) -> tuple[Change, ...]:
    rows = MemoryEvent.objects.filter(operation=operation).order_by("at", "id")
    events = list(rows[:MOST_SHOWN])
    views = explain(events)
    linked = _linked({event.memory_id for event in events})
    return tuple(Change(linked[e.memory_id], views[e.id]) for e in events)


def _processed_again_by(operation: Operation) -> tuple[UUID, ...]:
    if operation.anchor_id is None:
        return ()
    later = Operation.objects.filter(
        anchor_id=operation.anchor_id,
        kind=Operation.Kind.ADD,
        payload__has_key=REPROCESS_OF,
        created_at__gt=operation.created_at,
        **{f"payload__{REPROCESS_OF}": str(operation.id)},
    )
    newest = later.order_by("-created_at", "-id").values_list("id", flat=True)
    return tuple(newest[:MOST_SHOWN])


def _asked_by(operation: Operation) -> str:
    """An operator's name, a key's with its visible part; blank: the platform itself."""
    if operation.operator_id:
        named = name_operators([operation.operator_id])
        return named.get(operation.operator_id, "")
    if operation.api_key_id is None:
        return ""
    key = ApiKey.objects.filter(id=operation.api_key_id).first()
    return f"{key.name} ({key.prefix}…)" if key else ""
