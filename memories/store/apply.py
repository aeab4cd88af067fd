"""Make an engine's decisions true, in one transaction, or not at all.

Order of checks (decision 19): the lock of deletes and the anchor's, then the lease,
then the barriers of deletes, then the heads the engine looked at. Whatever the engine
asks for, a new fact is never lost to a contradiction; nothing unknown or immutable is
touched (invariant 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from memories.models import (
    Ingestion,
    LlmCall,
    Memory,
    MemoryEvent,
    Operation,
    Topic,
)
from memories.providers.vectors import SpaceVectors
from memories.selectors.bursts import is_parted
from memories.selectors.review import Held
from memories.store import barriers, operations
from memories.store.batch import Batch, Cause, NewMemory, Revision
from memories.store.evidence import write_confirmations
from memories.store.graph import link_facts
from memories.store.heads import Heads
from memories.store.ledger import Ledger, MessageOutcome, Outcome, imbalance
from memories.store.outbox import wake_if_told
from memories.store.positions import over_after, speak_apart
from memories.store.script import Rows, Script
from memories.store.sequence import began_after, was_over
from memories.store.succession import (
    Turn,
    categories_of,
    end_of,
    may_change,
    ordered,
    turn_of,
    updated_valid,
    why_untouched,
)
from memories.store.suspects import (
    lift_returned,
    suspect_dependants,
    suspect_losers,
)
from memories.store.windows import Heard, write_heard
from memories.types import (
    UNSET,
    Decision,
    Dropped,
    Fact,
    KnownMemory,
    Links,
    ModelCall,
    OperationResult,
    Scope,
    State,
    Verdict,
)
from memplatform.lib.errors import PlatformError

DELETED_FIRST = "deleted before applied"
TRUE_EARLIER = "it was true before its target"
NO_LINKS = Links()
ANOTHERS_WORDS = "its target is another's words"
OVER_BY_THEN = "its target was over by then"
ANOTHER_POSITION = "its target is about another subject or relation"
WAITS_ALREADY = "it waits for review already"
UPDATED_ALREADY = "its target was updated in the same add"


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

    Where adds are decided together, positions and ``message_ids`` are those of all of
    them; ``mine`` are the positions of this add, ``together`` the other operations.
    ``heard`` is by message id, and all of theirs as well; so are ``links``, by text.
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
    mine: range | None = None
    together: tuple[UUID, ...] = ()
    heard: Mapping[UUID, Heard] = field(default_factory=dict)
    links: Links = NO_LINKS

    @property
    def facts(self) -> int:
        """How many were proposed; each must have its outcome in the ledger."""
        spoken = [dropped for dropped in self.dropped if not dropped.is_silent]
        return len(self.decisions) + len(spoken)


class Parted(PlatformError):
    """Adds that were decided together cannot be applied together; each goes alone."""

    code = "parted"
    retryable = True


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
    plans = {lease.operation_id: plan}
    return apply_together(lease, plans, accept_stale=accept_stale)[0]


def apply_together(
    lease: operations.Lease, plans: Mapping[UUID, Plan], *, accept_stale: bool
) -> list[Applied]:
    """As :func:`apply`, for adds that were decided together, in their order.

    The lease is that of the first; the others wait for it untouched. Raises Parted when
    one of them does so no longer, or something was deleted between them.
    """
    ingestions = _read_in_order(plans)
    first = ingestions[0]
    barriers.pass_barriers(first.project_id)
    batch = Batch.open(first.project_id, [first.anchor_id])
    batch.is_applied = True
    held = [operations.hold(lease), *operations.hold_waiting(list(plans)[1:])]
    if len(held) < len(plans) or is_parted(ingestions):
        raise Parted
    ground = _Ground.prepare(batch, first, plans.values(), accept_stale=accept_stale)
    applications = [
        _Application(ground, ingestion, operation, plans[operation.id])
        for ingestion, operation in zip(ingestions, held, strict=True)
    ]
    for application in applications:
        application.run()
    batch.flush()
    _settle(applications)
    return [Applied(a.operation, a.results) for a in applications]


def _read_in_order(plans: Mapping[UUID, Plan]) -> list[Ingestion]:
    rows = {i.operation_id: i for i in Ingestion.objects.filter(operation_id__in=plans)}
    return [rows[operation_id] for operation_id in plans]


def _settle(applications: Sequence[_Application]) -> None:
    """Everything beside the memories, in one message; the first one wakes the next."""
    first, *others = applications
    script = Script()
    plan, linked = first.plan, first.ground.linked
    changed = first.batch.changed
    lost = link_facts(script, linked, plan.links, plan.vectors, changed)
    _suspect(script, first, lost)
    write_heard(script, first.plan.heard, first.plan.language)
    for application in applications:
        mine = application.ledger
        mine.others = [a.ledger for a in applications if a is not application]
        operation, plan = application.operation, application.plan
        script.insert(_call_rows(operation.project_id, operation.id, plan.calls))
        _write_ledger(script, application.ingestion, plan, mine)
        write_confirmations(script, operation, mine.confirmed)
    told = [other.succeed_with(first, script) for other in others]
    operations.succeed(first.operation, first.results, script, first.topic)
    wake_if_told(first.operation.project_id, [row for rows in told for row in rows])


def _suspect(script: Script, first: _Application, lost: Mapping[UUID, UUID]) -> None:
    """Mark what hung on what is over by now, and what lost to what was said."""
    batch, anchor_id = first.batch, first.ingestion.anchor_id
    ended = batch.ended
    if not ended and not lost:
        return
    at = batch.next_instant(anchor_id)
    fresh = [memory.id for memory, _ in first.ground.linked]
    suspect_losers(script, first.operation, lost, at)
    suspect_dependants(script, ended, at, first.operation, besides=fresh, lost=lost)
    lift_returned(script, anchor_id, at)
    script.update(batch.anchors[anchor_id], ["last_known_at"])


@dataclass(slots=True)
class _Ground:
    """What adds that are applied together stand on: each sees what the last one did."""

    batch: Batch
    heads: Heads
    is_barred: bool
    linked: list[tuple[Memory, Fact]] = field(default_factory=list)
    updated: set[UUID] = field(default_factory=set)

    @classmethod
    def prepare(
        cls,
        batch: Batch,
        first: Ingestion,
        plans: Iterable[Plan],
        *,
        accept_stale: bool,
    ) -> _Ground:
        """Nothing was deleted between them: what holds for the first holds for all."""
        plans = list(plans)
        decisions = [decision for plan in plans for decision in plan.decisions]
        heads = Heads.read(first, plans[0].scope, decisions)
        barred = barriers.is_barred(first.project_id, first.accepted_at, plans[0].scope)
        ground = cls(batch, heads, barred)
        buried = ground.bury_doomed(first.accepted_at)
        if not accept_stale and not barred:
            ground.refuse_stale(decisions, plans[0].known, buried)
        return ground

    def bury_doomed(self, accepted_at: datetime) -> set[UUID]:
        """Delete what an older scope delete has yet to come to.

        Else these adds, which are newer, would join a fact to a memory that dies.
        """
        doomed = barriers.doomed_by(self.batch.project_id, self.heads, accepted_at)
        for head in list(self.heads):
            if delete := doomed.get(head.id):
                cause = Cause(
                    actor_kind=delete.asked_by.kind,
                    actor_id=delete.asked_by.id,
                    operation_id=delete.id,
                )
                gone = Revision(state=State.DELETED)
                self.batch.revise(head, MemoryEvent.Kind.DELETE, gone, cause)
                self.heads.forget(head.id)
        self.batch.results.clear()  # they are the delete's, not these adds'
        return set(doomed)

    def refuse_stale(
        self,
        decisions: Iterable[Decision],
        known: Mapping[UUID, KnownMemory],
        buried: set[UUID],
    ) -> None:
        for decision in decisions:
            head = self.heads.target_of(decision)
            seen = known.get(decision.target) if decision.target else None
            if seen is None or seen.id in buried or decision.problem:
                continue
            if self.heads.was_deleted(head):
                continue
            if head is None or head.number != seen.number:
                raise StaleContext


class _Application:
    """One run over the decisions of a plan, under the locks."""

    def __init__(
        self, ground: _Ground, ingestion: Ingestion, operation: Operation, plan: Plan
    ) -> None:
        self.ground = ground
        self.ingestion = ingestion
        self.operation = operation
        self.plan = plan
        self.results: tuple[OperationResult, ...] = ()
        self.ledger = Ledger(
            plan.message_ids,
            plan.engine,
            plan.mine,
            plan.together,
            left_out=plan.links.left_out,
        )
        self.batch = ground.batch
        self._heads = ground.heads
        self._cause = Cause(
            actor_kind=(
                MemoryEvent.ActorKind.ENGINE
                if ingestion.infer
                else operation.asked_by.kind
            ),
            actor_id=operation.asked_by.id,
            operation_id=operation.id,
            prompt_version_id=plan.prompt_version_id,
            engine=plan.engine,
            model=plan.model,
        )

    def run(self) -> None:
        """Apply every decision in order, then settle messages without a fact."""
        before = len(self.batch.results)
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
        self.results = tuple(self.batch.results[before:])

    def succeed_with(self, first: _Application, script: Script) -> Rows:
        """Settle an add that was decided with an older one; what webhooks are told."""
        return operations.succeed_with(
            first.operation, self.operation, self.results, script, self.topic
        )

    @property
    def topic(self) -> Topic:
        """What webhooks call this end: whether all that was said was taken in."""
        if self.ground.is_barred:
            return Topic.JOB_CANCELLED
        if self.ledger.is_partial:
            return Topic.JOB_PARTIALLY_COMPLETED
        return Topic.JOB_COMPLETED

    def _apply(self, decision: Decision) -> None:
        if self.ground.is_barred:
            self.ledger.decided(decision, Outcome.DROPPED, note=DELETED_FIRST)
        elif decision.fact is None:
            self._retire(decision)
        else:
            self._settle_fact(decision, decision.fact)

    def _settle_fact(self, decision: Decision, fact: Fact) -> None:
        target = self._heads.target_of(decision, self.plan.scope.run_id)
        beside = self._why_beside(decision, fact, target)
        is_update = decision.verdict == Verdict.UPDATE and target and not beside
        run_id = target.run_id if target and is_update else self.plan.scope.run_id
        said = self._heads.saying(fact.text, run_id)
        if said is not None:
            self._settle_repeat(decision, fact, said, target, beside)
        elif self._heads.was_deleted(target) and decision.verdict != Verdict.DELETE:
            self.ledger.decided(decision, Outcome.DROPPED, note=DELETED_FIRST)
        elif decision.verdict == Verdict.NONE and not beside:
            self._confirm(decision, target)
        elif decision.concerns:
            self._hold(decision, fact, None if beside else target, note=beside)
        elif target is None or beside:
            self._add(decision, fact, note=beside)
        else:
            self._change(decision, fact, target)

    def _why_beside(self, decision: Decision, fact: Fact, target: Memory | None) -> str:
        """Why a decision about a memory is a plain ADD instead; blank if it is not."""
        is_about_none = decision.verdict == Verdict.NONE and decision.target is None
        if decision.problem or decision.verdict == Verdict.ADD or is_about_none:
            return decision.problem or ""
        if decision.verdict in (Verdict.NONE, Verdict.MERGE):
            is_there = target is not None and target.state == State.ACTIVE
            return "" if is_there else why_untouched(target)
        if target is None or not may_change(target):
            return why_untouched(target)
        if decision.verdict == Verdict.DELETE:
            if _is_over_by(target, fact):
                return OVER_BY_THEN
            return ANOTHER_POSITION if self._is_apart(fact, target) else ""
        if decision.verdict == Verdict.UPDATE:
            if target.attributed_to != fact.attributed_to:
                return ANOTHERS_WORDS
            return UPDATED_ALREADY if target.id in self.ground.updated else ""
        return ""

    def _is_apart(self, fact: Fact, target: Memory) -> bool:
        return speak_apart(self.plan.links, fact, target)

    def _change(self, decision: Decision, fact: Fact, target: Memory) -> None:
        match decision.verdict:
            case Verdict.UPDATE:
                self._update(decision, fact, target)
            case Verdict.MERGE:
                self._merge(decision, fact, target)
            case Verdict.DELETE:
                self._take_turn(decision, fact, target)
            case _:
                self._add(decision, fact)

    def _take_turn(self, decision: Decision, fact: Fact, target: Memory) -> None:
        """True until what it contradicts began, or from then on instead of it. What was
        replaced before is looked at where the fact may have come in between."""
        began = self._began(fact, target)
        between = Turn(began)
        if began or target.valid_to:
            between = self._turn(fact, target, began)
        fact = between.bounded(fact)
        if began:
            memory = self._add(decision, fact, note=TRUE_EARLIER)
        else:
            memory = self._supersede(decision, fact, target)
        for head in between.ended:
            self._end(decision, fact, head, memory)

    def _turn(self, fact: Fact, target: Memory, began: datetime | None) -> Turn:
        said_at = self.plan.created_at
        since = fact.valid.start or said_at
        found = over_after(self.plan.links, fact, since, self.ground.linked)
        others = self._heads.with_successors(m for m in found if m.id != target.id)
        return turn_of(fact, said_at, others, began)

    def _add(self, decision: Decision, fact: Fact, *, note: str = "") -> Memory:
        memory = self.batch.add(self._new(fact), self._because(decision))
        self.ledger.decided(decision, Outcome.STORED, memory_id=memory.id, note=note)
        self._remember(memory, fact)
        return memory

    def _hold(
        self, decision: Decision, fact: Fact, target: Memory | None, *, note: str = ""
    ) -> None:
        """Stored out of force; what it would change stays until it is approved."""
        change = Held(
            decision.verdict if target else Verdict.ADD,
            decision.concerns,
            target.id if target else None,
            target.vector_number if target else None,
        )
        held = self._heads.waiting(fact.text, self.plan.scope.run_id, change)
        if held is not None:
            note = WAITS_ALREADY
        else:
            held = self.batch.add(
                replace(self._new(fact), state=State.QUARANTINED),
                self._because(decision),
                kind=MemoryEvent.Kind.QUARANTINE,
                related=change.target_id,
                review=change.as_json(),
            )
            self._heads.remember(held, change)
            self.ground.linked.append((held, fact))
        self.ledger.decided(decision, Outcome.QUARANTINED, memory_id=held.id, note=note)

    def _update(self, decision: Decision, fact: Fact, target: Memory) -> None:
        given, options = self.ingestion.metadata, self.ingestion.options
        valid = updated_valid(fact.valid, target)
        revision = Revision(
            text=fact.text,
            metadata=UNSET if given is None else (target.metadata or {}) | given,
            categories=fact.categories or categories_of(target),
            speaker=fact.speaker or target.speaker,
            valid_from=valid.start,
            valid_to=valid.end,
            valid_precision=valid.precision or target.valid_precision,
            recurs=valid.recurs,
            aspect=fact.aspect or target.aspect,
            expires_on=_day(options.get("expires_on")) or target.expires_on,
            is_immutable=bool(options.get("is_immutable")),
            confidence=fact.confidence,
            vectors=self.plan.vectors[fact.text],
        )
        kind = MemoryEvent.Kind.UPDATE
        self.batch.revise(target, kind, revision, self._because(decision))
        self.ground.updated.add(target.id)
        self.ledger.decided(decision, Outcome.UPDATED, memory_id=target.id)
        self._remember(target, fact)

    def _supersede(self, decision: Decision, fact: Fact, target: Memory) -> Memory:
        """The new fact is stored first, then the old one points at it."""
        successor = self.batch.add(self._new(fact), self._because(decision))
        self._close(decision, fact, target, successor)
        self._remember(successor, fact)
        return successor

    def _close(
        self, decision: Decision, fact: Fact, target: Memory, successor: Memory
    ) -> None:
        """The target was true until what replaces it began to be."""
        self._end(decision, fact, target, successor)
        self.ledger.decided(decision, Outcome.SUPERSEDED, memory_id=successor.id)

    def _end(
        self, decision: Decision, fact: Fact, head: Memory, successor: Memory
    ) -> None:
        closing = Revision(
            state=State.SUPERSEDED,
            valid_to=end_of(head, fact.valid.start or self.plan.created_at),
            replaced_by_id=successor.id,
        )
        kind = MemoryEvent.Kind.SUPERSEDE
        cause = self._because(decision)
        self.batch.revise(head, kind, closing, cause, related=successor.id)
        self._heads.remember(head)

    def _began(self, fact: Fact, target: Memory) -> datetime | None:
        said_at = self.plan.created_at
        return began_after(fact.valid.start, said_at, target, fact.aspect)

    def _merge(self, decision: Decision, fact: Fact, target: Memory) -> None:
        """Stored, but hidden behind the memory that already says it."""
        new = replace(self._new(fact), state=State.MERGED, replaced_by_id=target.id)
        kind = MemoryEvent.Kind.MERGE
        cause = self._because(decision)
        memory = self.batch.add(new, cause, kind=kind, related=target.id)
        self.ledger.decided(decision, Outcome.MERGED, memory_id=memory.id)

    def _retire(self, decision: Decision) -> None:
        """A DELETE that stands alone: a sentence of a message took the fact back."""
        target = self._heads.target_of(decision)
        refusal = _why_refused(decision, target)
        if target is None or refusal:
            self.ledger.decided(decision, Outcome.REFUSED, note=refusal)
            return
        end = end_of(target, self.plan.created_at)
        closing = Revision(state=State.RETIRED, valid_to=end)
        cause = self._because(decision)
        self.batch.revise(target, MemoryEvent.Kind.RETIRE, closing, cause)
        self.ledger.decided(decision, Outcome.RETIRED, memory_id=target.id)

    def _confirm(self, decision: Decision, target: Memory | None) -> None:
        memory_id = target.id if target else None
        if target and target.is_stale_suspect and target.state == State.ACTIVE:
            self.batch.confirm(target, self._because(decision))
        self.ledger.decided(decision, Outcome.CONFIRMED, memory_id=memory_id)

    def _settle_repeat(
        self,
        decision: Decision,
        fact: Fact,
        said: Memory,
        target: Memory | None,
        beside: str,
    ) -> None:
        """The very words are stored already, or were deleted after this add came in."""
        if said.state != State.ACTIVE:
            self.ledger.decided(decision, Outcome.DROPPED, note=DELETED_FIRST)
        elif (
            decision.verdict == Verdict.DELETE
            and target
            and target is not said
            and not beside
            and not self._began(fact, target)
        ):
            if decision.concerns:
                self._hold(decision, fact, target)
            else:
                self._close(decision, fact, target, said)
        else:
            self._confirm(decision, said)

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
            categories=fact.categories,
            attributed_to=fact.attributed_to,
            speaker=fact.speaker,
            kind=fact.kind,
            valid=ordered(fact.valid),
            aspect=fact.aspect,
            expires_on=_day(options.get("expires_on")),
            is_immutable=bool(options.get("is_immutable")),
            confidence=fact.confidence,
            language=self.plan.language,
        )

    def _remember(self, memory: Memory, fact: Fact) -> None:
        self._heads.remember(memory)
        self.ground.linked.append((memory, fact))

    def _because(self, decision: Decision) -> Cause:
        reason = decision.evidence or decision.reason
        return self._cause.because(reason, self.ledger.ids_at(decision.cited))


def record_calls(
    project_id: UUID, operation_id: UUID | None, calls: Sequence[ModelCall]
) -> None:
    """Keep what models were asked and said, for the trace."""
    script = Script()
    script.insert(_call_rows(project_id, operation_id, calls))
    script.run()


def _call_rows(
    project_id: UUID, operation_id: UUID | None, calls: Sequence[ModelCall]
) -> list[LlmCall]:
    """Texts are kept only beside an operation, whose subjects an erasure can find."""
    return [
        LlmCall(
            project_id=project_id,
            operation_id=operation_id,
            purpose=call.purpose,
            provider=call.provider,
            model=call.model,
            prompt_version_id=call.prompt_version_id,
            prompt_tokens=call.prompt_tokens,
            completion_tokens=call.completion_tokens,
            cost=call.cost,
            latency_ms=call.latency_ms,
            outcome=call.outcome,
            error=call.error,
            request=[dict(m) for m in call.request] or None if operation_id else None,
            reply=(call.reply or None) if operation_id else None,
        )
        for call in calls
    ]


def _write_ledger(
    script: Script, ingestion: Ingestion, plan: Plan, ledger: Ledger
) -> None:
    ingestion.ledger = ledger.as_json()
    if problem := imbalance(ingestion.ledger, ledger.own_ids, facts=plan.facts):
        raise LedgerImbalance(problem)
    ingestion.engine = plan.engine
    count_calls(ingestion, plan.calls)
    script.update(ingestion, ["ledger", "engine", *USAGE])


USAGE = ("prompt_tokens", "completion_tokens", "model_calls")


def count_calls(ingestion: Ingestion, calls: Sequence[ModelCall]) -> None:
    """Add what models were asked to an add's use; the caller saves ``USAGE``."""
    ingestion.prompt_tokens += sum(call.prompt_tokens for call in calls)
    ingestion.completion_tokens += sum(call.completion_tokens for call in calls)
    ingestion.model_calls += len(calls)


def _why_refused(decision: Decision, target: Memory | None) -> str:
    """Why nothing may be retired; blank when a sentence takes the target back."""
    if decision.problem:
        return decision.problem
    if decision.evidence and target and may_change(target):
        return ""
    is_there = target is not None and may_change(target)
    return "no sentence takes it back" if is_there else why_untouched(target)


def _is_over_by(target: Memory, fact: Fact) -> bool:
    """Whether a memory's truth had ended when something else began: both are so."""
    start = fact.valid.start
    return start is not None and was_over(start, target, fact.aspect)


def _day(raw: str | None) -> date | None:
    return date.fromisoformat(raw) if raw else None
