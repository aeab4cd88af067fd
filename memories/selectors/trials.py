"""Reads for trials of prompts: recorded adds, what came of them, and replays.

Call inside the tenant's scope, for one project.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Sum

from memories.models import (
    Anchor,
    Ingestion,
    Memory,
    MemoryEvent,
    MemoryVersion,
    Message,
    Operation,
    PromptTrial,
    Subject,
)
from memories.models.ingestion import ERASED, UNFINISHED
from memories.prompts.purposes import PURPOSES, Purpose
from memories.selectors.bursts import Follower, said_for
from memories.types import Page, Settled
from memplatform.lib.errors import NotFound

ENDED = (Operation.Status.SUCCEEDED, Operation.Status.FAILED)
MOST_LOOKED_AT = 5_000
"""Of the newest adds, whoever they are of: a prompt that is spoken for few of them, an
agent's, may find fewer than it asks for."""
FIRST_LOOK = 250


# --- recorded adds ------------------------------------------------------------------


def recorded_adds(purpose: Purpose) -> QuerySet[Ingestion]:
    """Adds that this prompt would be spoken for, their messages kept."""
    emptied = Message.objects.filter(ingestion=OuterRef("id"), content__isnull=True)
    rows = Ingestion.objects.filter(
        _heard_by(purpose),
        infer=True,
        operation__kind=Operation.Kind.ADD,
        operation__status__in=ENDED,
        options__reprocess_of__isnull=True,  # their messages are an earlier add's
    )
    return rows.exclude(operation__error_code=ERASED).exclude(Exists(emptied))


def newest_recorded(
    purpose: Purpose, most: int, subject: Subject | None = None
) -> list[Ingestion]:
    """The newest of them, with their operations, among the last ``MOST_LOOKED_AT``.

    Read from the newest add on, by an index, and further back only where that was not
    enough: no statistics say how many of them would do, and to sort all 100,000 of a
    project took most of a second.
    """
    newest, rows = _newest_adds(subject).values("id"), recorded_adds(purpose)
    rows = rows.order_by("-operation__created_at", "-operation_id")
    found: list[Ingestion] = []
    for start, end in ((0, FIRST_LOOK), (FIRST_LOOK, MOST_LOOKED_AT)):
        step = rows.filter(operation_id__in=newest[start:end])
        found += step.select_related("operation")[: most - len(found)]
        if len(found) == most:
            break
    return found


def _newest_adds(subject: Subject | None) -> QuerySet[Operation]:
    """All of a project, or of a subject: by its anchors, which an index knows."""
    rows = Operation.objects.filter(kind=Operation.Kind.ADD)
    if subject:
        named = {f"{subject.kind}_id": subject.external_id}
        anchors = Anchor.objects.filter(**named).values_list("id", flat=True)
        rows = rows.filter(**named, anchor_id__in=list(anchors))
    return rows.order_by("-created_at", "-id")


def _heard_by(purpose: Purpose) -> Q:
    if purpose.hears == "procedure":
        return Q(memory_type="procedure")
    is_of_agent = Q(operation__agent_id__isnull=False, operation__user_id__isnull=True)
    facts = Q(memory_type="fact")
    match purpose.hears:
        case "user":
            return facts & ~is_of_agent
        case "agent":
            return facts & is_of_agent
    return facts


@dataclass(frozen=True, slots=True)
class RecordedAdd:
    """A recorded add to choose from: whose it is and how what was said begins."""

    id: UUID
    accepted_at: datetime
    who: str
    begins: str


def list_recorded_adds(
    purpose: Purpose, name: str = "", *, most: int = 20
) -> list[RecordedAdd]:
    """The newest that this prompt would be spoken for; with a name, of that subject."""
    if not purpose.is_decisive:
        return []
    subject = find_subject(purpose, name) if name else None
    if name and subject is None:
        return []
    rows = newest_recorded(purpose, most, subject)
    said = said_for(rows)
    return [
        RecordedAdd(
            id=row.id,
            accepted_at=row.accepted_at,
            who=row.operation.user_id or row.operation.agent_id or "",
            begins=" ".join(message.content for message in said[row.id]),
        )
        for row in rows
    ]


def find_subject(purpose: Purpose, name: str) -> Subject | None:
    """Of the kind that this prompt is about: an agent, else a user."""
    kind = "agent" if purpose.hears == "agent" else "user"
    return Subject.objects.filter(kind=kind, external_id=name).first()


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many recorded adds there are, at most so many, and what they took."""

    adds: int
    prompt_tokens: int
    completion_tokens: int

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


def sum_recorded(purpose: Purpose, most: int) -> Recorded:
    """What the last adds took when they ran: a replay takes about the same."""
    if not purpose.is_decisive:
        return Recorded(0, 0, 0)
    rows = newest_recorded(purpose, most)
    return Recorded(
        len(rows),
        sum(row.prompt_tokens for row in rows),
        sum(row.completion_tokens for row in rows),
    )


@dataclass(frozen=True, slots=True)
class PastBurst:
    """Adds that were decided together, the first of them the one that led.

    ``as_of`` is the last instant before they had any effect.
    """

    leader: Ingestion
    followers: tuple[Follower, ...]
    as_of: datetime

    @property
    def ingestions(self) -> tuple[Ingestion, ...]:
        return (self.leader, *(follower.ingestion for follower in self.followers))


def get_past_burst(ingestion_id: UUID) -> PastBurst | None:
    """An add that has ended, with those it was decided with; raises NotFound.

    None when what was said is no longer kept.
    """
    row = Ingestion.objects.filter(
        id=ingestion_id, operation__status__in=ENDED, infer=True
    ).first()
    if row is None:
        raise NotFound("There is no such recorded add.")
    together = [row.operation_id, *map(UUID, row.ledger.get("together", ()))]
    rows = Ingestion.objects.filter(operation_id__in=together)
    leader, *others = rows.select_related("operation").order_by("operation__seq")
    messages = Message.objects.filter(ingestion__in=[leader, *others])
    if not messages.exists() or messages.filter(content__isnull=True).exists():
        return None
    said = said_for(others)
    followers = tuple(Follower(other, tuple(said[other.id])) for other in others)
    return PastBurst(leader, followers, _before_effect([leader, *others]))


def _before_effect(ingestions: Sequence[Ingestion]) -> datetime:
    """Adds of an anchor run in order: just before its first event an add saw what it
    decided on, and so at its end when it had none.
    """
    operations = [ingestion.operation for ingestion in ingestions]
    events = MemoryEvent.objects.filter(operation__in=operations)
    first: datetime | None = events.aggregate(at=Min("at"))["at"]
    if first is not None:
        return first - timedelta(microseconds=1)
    ends: list[datetime] = [o.completed_at or o.updated_at for o in operations]
    return min(ends)


def settled_then(
    ingestions: Iterable[Ingestion],
) -> dict[UUID, tuple[Settled, ...]]:
    """What came of each add, by ingestion, as its ledger and events tell."""
    rows = list(ingestions)
    texts = _Texts.read(rows)
    return {
        row.id: tuple(
            _settled(fact, row.operation_id, texts)
            for fact in row.ledger.get("facts", ())
        )
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class _Texts:
    """What memories said, by (operation, memory) before and after it, and say now."""

    before: Mapping[tuple[UUID, UUID], str | None]
    after: Mapping[tuple[UUID, UUID], str | None]
    now: Mapping[UUID, str | None]

    @classmethod
    def read(cls, ingestions: Sequence[Ingestion]) -> _Texts:
        operations = [ingestion.operation_id for ingestion in ingestions]
        events = list(
            MemoryEvent.objects.filter(operation_id__in=operations).order_by("at", "id")
        )
        named = {
            UUID(memory_id)
            for ingestion in ingestions
            for fact in ingestion.ledger.get("facts", ())
            for memory_id in (fact["memory_id"], fact["target_id"])
            if memory_id
        }
        ids = named | {event.memory_id for event in events}
        versions = {
            (memory_id, number): text
            for memory_id, number, text in MemoryVersion.objects.filter(
                memory_id__in={event.memory_id for event in events}
            ).values_list("memory_id", "number", "text")
        }
        before: dict[tuple[UUID, UUID], str | None] = {}
        after: dict[tuple[UUID, UUID], str | None] = {}
        for event in events:
            key = (_id(event.operation_id), event.memory_id)
            old, new = event.old_number or 0, event.new_number or 0
            before.setdefault(key, versions.get((event.memory_id, old)))
            after[key] = versions.get((event.memory_id, new))
        now = dict(Memory.objects.filter(id__in=ids).values_list("id", "text"))
        return cls(before, after, now)


def _id(given: UUID | None) -> UUID:
    if given is None:
        raise AssertionError("an event found by its operation has one")
    return given


_CHANGES_TARGET = ("updated", "retired")
_NAMES_ANOTHER = ("superseded", "merged")
_SAYS = ("stored", "updated", "quarantined", *_NAMES_ANOTHER)


def _settled(fact: Mapping[str, Any], operation_id: UUID, texts: _Texts) -> Settled:
    outcome = fact["outcome"]
    memory_id = UUID(fact["memory_id"]) if fact["memory_id"] else None
    target_id = UUID(fact["target_id"]) if fact["target_id"] else None
    about = target_id if outcome in _NAMES_ANOTHER else memory_id
    if outcome not in (*_NAMES_ANOTHER, *_CHANGES_TARGET, "confirmed"):
        about = None
    says = outcome in _SAYS and memory_id is not None
    return Settled(
        outcome=outcome,
        text=texts.after.get((operation_id, memory_id)) if says and memory_id else None,
        about=about,
        before=_before(texts, operation_id, about),
        reason=fact["reason"],
        note=fact["note"],
    )


def _before(texts: _Texts, operation_id: UUID, about: UUID | None) -> str | None:
    if about is None:
        return None
    return texts.before.get((operation_id, about)) or texts.now.get(about)


# --- replays ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReplayView:
    """A replay: how far it is, what came out, and what it took.

    ``by_outcome`` counts adds; ``cost`` None: the provider has no price.
    """

    id: UUID
    status: str
    purpose: Purpose
    version: int
    subject: str | None
    by_outcome: Mapping[str, int]
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal | None
    error_code: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None

    @property
    def total(self) -> int:
        return sum(self.by_outcome.values())

    @property
    def done(self) -> int:
        return self.total - self.by_outcome.get(PromptTrial.Outcome.WAITING, 0)

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 100

    @property
    def is_running(self) -> bool:
        return self.status in UNFINISHED

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


def get_replay(operation_id: UUID) -> ReplayView:
    """One replay; raises NotFound."""
    rows = Operation.objects.filter(kind=Operation.Kind.REPLAY, id=operation_id)
    views = _replays(list(rows))
    if not views:
        raise NotFound("There is no such replay.")
    return views[0]


def list_replays(purpose: str, *, most: int = 20) -> list[ReplayView]:
    """The newest of a prompt; a constant number of queries."""
    rows = all_replays().filter(payload__purpose=purpose)
    return _replays(list(rows.order_by("-created_at", "-id")[:most]))


def all_replays() -> QuerySet[Operation]:
    """Found by their first trials: of all operations they are a handful."""
    firsts = PromptTrial.objects.filter(position=0).values("operation_id")
    return Operation.objects.filter(kind=Operation.Kind.REPLAY, id__in=firsts)


def _replays(operations: Sequence[Operation]) -> list[ReplayView]:
    trials = PromptTrial.objects.filter(operation__in=operations)
    sums = trials.values("operation_id", "outcome").annotate(
        adds=Count("id"),
        read=Sum("prompt_tokens"),
        written=Sum("completion_tokens"),
        paid=Sum("cost"),
    )
    found: dict[UUID, list[dict[str, Any]]] = {}
    rows: list[dict[str, Any]] = [dict(row) for row in sums.order_by()]
    for row in rows:
        found.setdefault(row["operation_id"], []).append(row)
    subjects = {o.payload.get("subject_id") for o in operations} - {None}
    names = {str(s.id): s.external_id for s in Subject.objects.filter(id__in=subjects)}
    return [_replay(o, found.get(o.id, []), names) for o in operations]


def _replay(
    operation: Operation, sums: Sequence[dict[str, Any]], names: Mapping[str, str]
) -> ReplayView:
    paid = [row["paid"] for row in sums if row["paid"] is not None]
    return ReplayView(
        id=operation.id,
        status=operation.status,
        purpose=PURPOSES[operation.payload["purpose"]],
        version=operation.payload["number"],
        subject=names.get(operation.payload.get("subject_id") or ""),
        by_outcome={row["outcome"]: row["adds"] for row in sums},
        prompt_tokens=sum(row["read"] for row in sums),
        completion_tokens=sum(row["written"] for row in sums),
        cost=sum(paid, Decimal()) if paid else None,
        error_code=operation.error_code,
        error=operation.error,
        created_at=operation.created_at,
        updated_at=operation.updated_at,
        completed_at=operation.completed_at,
    )


@dataclass(frozen=True, slots=True)
class TrialView:
    """One add of a replay on both sides; ``now`` None: not decided, or emptied."""

    id: UUID
    position: int
    operation_id: UUID
    outcome: str
    counts: Mapping[str, int]
    error_code: str | None
    accepted_at: datetime
    messages: tuple[str, ...]
    then: tuple[Settled, ...]
    now: tuple[Settled, ...] | None


def list_trials(
    operation_id: UUID, *, outcome: str = "", page: int = 1, page_size: int = 25
) -> Page[TrialView]:
    """The adds of a replay, in its order; a constant number of queries."""
    rows = PromptTrial.objects.filter(operation_id=operation_id)
    if outcome:
        rows = rows.filter(outcome=outcome)
    start = (page - 1) * page_size
    some = rows.select_related("ingestion").order_by("position")
    trials = list(some[start : start + page_size])
    ingestions = [trial.ingestion for trial in trials]
    then, said = settled_then(ingestions), said_for(ingestions)
    views = tuple(
        _trial(trial, then[trial.ingestion_id], said[trial.ingestion_id])
        for trial in trials
    )
    return Page(views, rows.count(), page, page_size)


def _trial(
    row: PromptTrial, then: tuple[Settled, ...], said: Sequence[Any]
) -> TrialView:
    return TrialView(
        id=row.id,
        position=row.position,
        operation_id=row.ingestion.operation_id,
        outcome=row.outcome,
        counts=row.counts,
        error_code=row.error_code,
        accepted_at=row.ingestion.accepted_at,
        messages=tuple(f"{m.name or m.role}: {m.content}" for m in said if m.content),
        then=then,
        now=None if row.decisions is None else tuple(map(_read, row.decisions)),
    )


def _read(stored: Mapping[str, Any]) -> Settled:
    about = stored["about"]
    return Settled(**{**stored, "about": UUID(about) if about else None})
