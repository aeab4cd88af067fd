"""Make an engine's decisions true, in one transaction, or not at all.

Order of checks (decision 19): the anchor's lock, then the lease, then the barriers of
deletes, then the heads the engine looked at. Whatever the engine asks for, a new fact
is never lost to a contradiction; nothing unknown or immutable is touched (invariant 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from memories.models import (
    DeleteBarrier,
    Ingestion,
    LlmCall,
    Memory,
    MemoryEvent,
    Operation,
)
from memories.providers.vectors import SpaceVectors
from memories.store import operations
from memories.store.batch import Batch, Cause, NewMemory, Revision, hash_text
from memories.store.graph import link_fact
from memories.store.ledger import Ledger, MessageOutcome, Outcome, imbalance
from memories.types import (
    Decision,
    Dropped,
    Fact,
    KnownMemory,
    ModelCall,
    OperationResult,
    Scope,
    State,
    Verdict,
)
from memplatform.lib.errors import PlatformError

DELETED_FIRST = "deleted before applied"


class StaleContext(PlatformError):
    """A memory the engine decided on has changed meanwhile; decide again."""

    code = "stale_context"


class LedgerImbalance(PlatformError):
    """The ledger does not give every message and fact exactly one outcome."""

    code = "ledger_imbalance"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to apply: decisions with the vectors of their facts, and who decided.

    ``known`` are the memories as the engine saw them; ``vectors`` is by fact text.
    ``recalled`` are positions of messages that only repeated our own answers.
    """

    scope: Scope
    message_ids: tuple[UUID, ...]
    decisions: tuple[Decision, ...]
    dropped: tuple[Dropped, ...]
    known: Mapping[UUID, KnownMemory]
    vectors: Mapping[str, SpaceVectors]
    engine: str
    model: str | None
    prompt_version_id: UUID | None
    language: str
    created_at: datetime
    calls: tuple[ModelCall, ...] = ()
    recalled: tuple[int, ...] = ()
    unread: Mapping[int, str] = field(default_factory=dict)
    origin: str = Memory.Origin.INFERRED


@dataclass(frozen=True, slots=True)
class Applied:
    """The effect of an apply, and the operation it settled."""

    operation: Operation
    results: tuple[OperationResult, ...]


def apply(lease: operations.Lease, plan: Plan, *, accept_stale: bool) -> Applied:
    """Write the plan's effect, its ledger and the operation's success.

    Call inside the tenant's scope. Raises LeaseLost, or StaleContext unless
    ``accept_stale``: then what is safe is done and the rest recorded.
    """
    ingestion = Ingestion.objects.get(operation_id=lease.operation_id)
    batch = Batch.open(ingestion.project_id, [ingestion.anchor_id])
    operation = operations.hold(lease)
    application = _Application(batch, ingestion, operation, plan, accept_stale)
    application.run()
    results = batch.flush()
    application.link()
    record_calls(operation.project_id, operation.id, plan.calls)
    _write_ledger(ingestion, plan, application.ledger)
    operations.succeed(operation, results)
    return Applied(operation, results)


class _Application:
    """One run over the decisions of a plan, under the locks."""

    def __init__(
        self,
        batch: Batch,
        ingestion: Ingestion,
        operation: Operation,
        plan: Plan,
        accept_stale: bool,  # noqa: FBT001
    ) -> None:
        self.batch = batch
        self.ingestion = ingestion
        self.plan = plan
        self.ledger = Ledger(plan.message_ids, plan.engine)
        self._accept_stale = accept_stale
        self._heads = _lock_targets(plan.decisions)
        self._said = _already_said(plan, ingestion.accepted_at)
        self._is_barred = _is_barred(ingestion, plan.scope)
        self._linked: list[tuple[Memory, Fact]] = []
        self._cause = Cause(
            actor_kind=(
                MemoryEvent.ActorKind.ENGINE
                if ingestion.infer
                else MemoryEvent.ActorKind.API_KEY
            ),
            actor_id=operation.api_key_id,
            operation_id=operation.id,
            prompt_version_id=plan.prompt_version_id,
            engine=plan.engine,
            model=plan.model,
        )

    def run(self) -> None:
        """Apply every decision in order, then settle messages without a fact."""
        if not self._accept_stale and not self._is_barred:
            self._refuse_stale()
        for position in self.plan.recalled:
            message_id = self.plan.message_ids[position]
            self.ledger.give(message_id, MessageOutcome.RECALLED, "our own words")
        for position, reason in self.plan.unread.items():
            message_id = self.plan.message_ids[position]
            self.ledger.give(message_id, MessageOutcome.DROPPED, reason)
        for decision in self.plan.decisions:
            self._apply(decision)
        for dropped in self.plan.dropped:
            self.ledger.dropped(dropped)

    def link(self) -> None:
        """Entities and relations of what was stored, once the heads are written."""
        for memory, fact in self._linked:
            link_fact(memory, fact)

    def _refuse_stale(self) -> None:
        for decision in self.plan.decisions:
            head = self._heads.get(decision.target) if decision.target else None
            seen = self.plan.known.get(decision.target) if decision.target else None
            if seen is None or decision.problem or self._was_deleted(head):
                continue
            if head is None or head.number != seen.number:
                raise StaleContext

    def _apply(self, decision: Decision) -> None:
        if decision.problem:
            self.ledger.decided(decision, Outcome.REFUSED, note=decision.problem)
        elif self._is_barred:
            self.ledger.decided(decision, Outcome.DROPPED, note=DELETED_FIRST)
        elif decision.fact is None:
            self._retire(decision)
        else:
            self._settle_fact(decision, decision.fact)

    def _settle_fact(self, decision: Decision, fact: Fact) -> None:
        said = self._said.get(hash_text(fact.text))
        if said is not None and said.id != decision.target:
            self._settle_repeat(decision, fact, said)
            return
        target = self._heads.get(decision.target) if decision.target else None
        if self._was_deleted(target) and decision.verdict != Verdict.DELETE:
            self.ledger.decided(decision, Outcome.DROPPED, note=DELETED_FIRST)
            return
        match decision.verdict:
            case Verdict.NONE:
                self._confirm(decision, target)
            case Verdict.UPDATE if target and _may_change(target):
                self._update(decision, fact, target)
            case Verdict.DELETE if target and _may_change(target):
                self._supersede(decision, fact, target)
            case Verdict.MERGE if target is not None:
                self._merge(decision, fact, target)
            case _:
                self._add(decision, fact, note=_why_beside(decision, target))

    def _add(self, decision: Decision, fact: Fact, *, note: str = "") -> Memory:
        memory = self.batch.add(self._new(fact), self._because(decision))
        self.ledger.decided(decision, Outcome.STORED, memory_id=memory.id, note=note)
        self._remember(memory, fact)
        return memory

    def _update(self, decision: Decision, fact: Fact, target: Memory) -> None:
        revision = Revision(
            text=fact.text,
            categories=fact.categories or _categories(target),
            valid_from=fact.valid.start or target.valid_from,
            valid_to=fact.valid.end or target.valid_to,
            valid_precision=fact.valid.precision or target.valid_precision,
            confidence=fact.confidence,
            vectors=self.plan.vectors[fact.text],
        )
        kind = MemoryEvent.Kind.UPDATE
        self.batch.revise(target, kind, revision, self._because(decision))
        self.ledger.decided(decision, Outcome.UPDATED, memory_id=target.id)
        self._remember(target, fact)

    def _supersede(self, decision: Decision, fact: Fact, target: Memory) -> None:
        """The new fact is stored first, then the old one points at it."""
        cause = self._because(decision)
        successor = self.batch.add(self._new(fact), cause)
        closing = Revision(
            state=State.SUPERSEDED,
            valid_to=fact.valid.start or self.plan.created_at,
            replaced_by_id=successor.id,
        )
        kind = MemoryEvent.Kind.SUPERSEDE
        self.batch.revise(target, kind, closing, cause, related=successor.id)
        self.ledger.decided(decision, Outcome.SUPERSEDED, memory_id=successor.id)
        self._remember(successor, fact)

    def _merge(self, decision: Decision, fact: Fact, target: Memory) -> None:
        """Stored, but hidden behind the memory that already says it."""
        new = replace(self._new(fact), state=State.MERGED, replaced_by_id=target.id)
        kind = MemoryEvent.Kind.MERGE
        cause = self._because(decision)
        memory = self.batch.add(new, cause, kind=kind, related=target.id)
        self.ledger.decided(decision, Outcome.MERGED, memory_id=memory.id)

    def _retire(self, decision: Decision) -> None:
        """A DELETE that stands alone: a sentence of a message took the fact back."""
        target = self._heads.get(decision.target) if decision.target else None
        if not decision.evidence or target is None or not _may_change(target):
            note = _why_beside(decision, target) or "no sentence takes it back"
            self.ledger.decided(decision, Outcome.REFUSED, note=note)
            return
        closing = Revision(state=State.RETIRED, valid_to=self.plan.created_at)
        cause = self._because(decision)
        self.batch.revise(target, MemoryEvent.Kind.RETIRE, closing, cause)
        self.ledger.decided(decision, Outcome.RETIRED, memory_id=target.id)

    def _confirm(self, decision: Decision, target: Memory | None) -> None:
        memory_id = target.id if target else None
        self.ledger.decided(decision, Outcome.CONFIRMED, memory_id=memory_id)

    def _settle_repeat(self, decision: Decision, fact: Fact, said: Memory) -> None:
        """The very words are stored already, or were deleted after this add came in."""
        if said.state != State.ACTIVE:
            self.ledger.decided(decision, Outcome.DROPPED, note=DELETED_FIRST)
            return
        target = self._heads.get(decision.target) if decision.target else None
        if decision.verdict == Verdict.DELETE and target and _may_change(target):
            closing = Revision(state=State.SUPERSEDED, replaced_by_id=said.id)
            self.batch.revise(
                target,
                MemoryEvent.Kind.SUPERSEDE,
                closing,
                self._because(decision),
                related=said.id,
            )
            self.ledger.decided(decision, Outcome.SUPERSEDED, memory_id=said.id)
            return
        self.ledger.decided(decision, Outcome.CONFIRMED, memory_id=said.id)

    def _new(self, fact: Fact) -> NewMemory:
        options = self.ingestion.options
        return NewMemory(
            anchor_id=self.ingestion.anchor_id,
            scope=self.plan.scope,
            text=fact.text,
            origin=self.plan.origin,
            created_at=self.plan.created_at,
            accepted_at=self.ingestion.accepted_at,
            vectors=self.plan.vectors[fact.text],
            metadata=self.ingestion.metadata,
            categories=fact.categories or None,
            attributed_to=fact.attributed_to,
            speaker=fact.speaker,
            kind=fact.kind,
            valid=fact.valid,
            expires_on=_day(options.get("expires_on")),
            is_immutable=bool(options.get("is_immutable")),
            confidence=fact.confidence,
            language=self.plan.language,
        )

    def _remember(self, memory: Memory, fact: Fact) -> None:
        self._said[hash_text(fact.text)] = memory
        self._linked.append((memory, fact))

    def _because(self, decision: Decision) -> Cause:
        positions = decision.fact.messages if decision.fact else ()
        reason = decision.evidence or decision.reason
        return self._cause.because(reason, self.ledger.ids_at(positions))

    def _was_deleted(self, head: Memory | None) -> bool:
        """Deleted by somebody after this add was accepted: it stays deleted."""
        return (
            head is not None
            and head.state == State.DELETED
            and head.known_from >= self.ingestion.accepted_at
        )


def record_calls(
    project_id: UUID, operation_id: UUID | None, calls: Sequence[ModelCall]
) -> None:
    """Keep what models were asked and said, for the trace."""
    LlmCall.objects.bulk_create(
        LlmCall(
            project_id=project_id,
            operation_id=operation_id,
            purpose=call.purpose,
            provider=call.provider,
            model=call.model,
            prompt_version_id=call.prompt_version_id,
            prompt_tokens=call.prompt_tokens,
            completion_tokens=call.completion_tokens,
            latency_ms=call.latency_ms,
            outcome=call.outcome,
            error=call.error,
            request=[dict(message) for message in call.request] or None,
            reply=call.reply or None,
        )
        for call in calls
    )


def _write_ledger(ingestion: Ingestion, plan: Plan, ledger: Ledger) -> None:
    ingestion.ledger = ledger.as_json()
    if problem := imbalance(ingestion.ledger, plan.message_ids):
        raise LedgerImbalance(problem)
    ingestion.engine = plan.engine
    ingestion.prompt_tokens += sum(call.prompt_tokens for call in plan.calls)
    ingestion.completion_tokens += sum(call.completion_tokens for call in plan.calls)
    ingestion.model_calls += len(plan.calls)
    ingestion.save(
        update_fields=[
            "ledger",
            "engine",
            "prompt_tokens",
            "completion_tokens",
            "model_calls",
        ]
    )


def _lock_targets(decisions: Sequence[Decision]) -> dict[UUID, Memory]:
    """The heads decisions name; the anchor lock already keeps others from them."""
    targets = {decision.target for decision in decisions if decision.target}
    if not targets:
        return {}
    return {memory.id: memory for memory in Memory.objects.filter(id__in=targets)}


def _already_said(plan: Plan, accepted_at: datetime) -> dict[str, Memory]:
    """Memories of the same four ids with the very text of a fact, by text hash.

    Active ones, and those deleted since: their words must not come back by an add that
    was accepted before the delete.
    """
    hashes = {hash_text(d.fact.text) for d in plan.decisions if d.fact}
    if not hashes:
        return {}
    rows = Memory.objects.filter(
        text_hash__in=hashes,
        state__in=[State.ACTIVE, State.DELETED],
        **plan.scope.as_dict(),
    )
    said = {
        row.text_hash: row
        for row in rows
        if row.state == State.DELETED and row.known_from >= accepted_at
    }
    said |= {row.text_hash: row for row in rows if row.state == State.ACTIVE}
    return {text_hash: row for text_hash, row in said.items() if text_hash}


def _is_barred(ingestion: Ingestion, scope: Scope) -> bool:
    """Whether a delete of this scope was accepted after this add (decision 13)."""
    barriers = DeleteBarrier.objects.filter(
        accepted_at__gte=ingestion.accepted_at
    ).values_list("pattern", flat=True)
    return any(covers(pattern, scope) for pattern in barriers)


def covers(pattern: Mapping[str, str], scope: Scope) -> bool:
    """Whether a delete pattern (ids, or ``*`` for any value) takes in a scope."""
    ids = scope.as_dict()
    return all(
        ids[key] is not None and value in ("*", ids[key])
        for key, value in pattern.items()
    )


def _may_change(target: Memory) -> bool:
    return target.state == State.ACTIVE and not target.is_immutable


def _why_beside(decision: Decision, target: Memory | None) -> str:
    """Why a changing decision became a plain ADD, or was refused."""
    if decision.verdict in (Verdict.ADD, Verdict.NONE):
        return ""
    if target is None:
        return "its target is unknown"
    if target.is_immutable:
        return "its target is immutable"
    return f"its target is {target.state}"


def _categories(memory: Memory) -> tuple[str, ...] | None:
    return tuple(memory.categories) if memory.categories is not None else None


def _day(raw: str | None) -> date | None:
    return date.fromisoformat(raw) if raw else None
