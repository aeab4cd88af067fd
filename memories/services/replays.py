"""Replay: a prompt version over the last adds of a project, in a shadow.

An operation in the background. Its trials are on disk from the start, waiting: each is
settled on its own, so that a run that dies is taken up where it stood. Cancelled, it
has FAILED with that reason, and may be tried again, which goes on with it. Nothing is
written to memories.

No transaction is open while a model is asked; what is kept of a trial is kept only
while its row still waits: an erasure that came first has settled it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from uuid import UUID

from django.conf import settings

from memories import wake
from memories.models import Operation, PromptTrial, PromptVersion, Subject
from memories.models.ingestion import CANCELLED, UNFINISHED
from memories.pipeline.compare import compare, difference_of
from memories.prompts.purposes import PURPOSES
from memories.selectors.trials import (
    PastBurst,
    all_replays,
    get_past_burst,
    newest_recorded,
    settled_then,
)
from memories.services.prompts import lock_template, version_to_speak
from memories.services.setup import ready_setup
from memories.services.trials import (
    NOT_TRIED,
    Shadow,
    cost_of,
    require_tokens,
    shadow_setup,
)
from memories.services.usage import count_tokens_of
from memories.store import operations
from memories.store.apply import record_calls
from memories.store.operations import Lease
from memories.types import PromptText, Settled
from memplatform.lib import clock, logs
from memplatform.lib.errors import (
    InvalidRequest,
    NotFound,
    ProviderError,
    ProviderReplyInvalid,
    QuotaExceeded,
)
from memplatform.lib.meter import metered
from tenants.audit import Actor, record_audit
from tenants.scopes import OpenScope, tenant_scope
from tenants.selectors import Access

MOST_ADDS = 200
ADDS_A_RUN = 10
"""Then others may have the worker, and the worker may stop."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What to replay: a version's number, or the draft (None), over the last adds.

    ``subject_id`` narrows to one subject's.
    """

    purpose: str
    number: int | None = None
    most: int = 50
    subject_id: UUID | None = None


def start_replay(access: Access, wanted: Replay) -> UUID:
    """Accept a replay; the operation that does it. Opens its own scopes.

    A draft gets its number. Raises NotFound, QuotaExceeded, and InvalidRequest while
    another replay of the project runs or when there is nothing to replay.
    """
    if not 1 <= wanted.most <= MOST_ADDS:
        _refuse("most", f"From 1 to {MOST_ADDS} adds.")
    ready_setup(access.tenant_id, access.project_id)
    require_tokens(access)
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        template = lock_template(wanted.purpose)
        if not PURPOSES[wanted.purpose].is_decisive:
            _refuse("purpose", NOT_TRIED)
        if all_replays().filter(status__in=UNFINISHED).exists():
            _refuse("most", "A replay is running; wait for its end, or cancel it.")
        ingestions = _chosen(wanted)
        if not ingestions:
            _refuse("most", "There is no recorded add that this prompt is spoken for.")
        version = version_to_speak(access, template, wanted.number)
        operation = _accept(access, wanted, version)
        PromptTrial.objects.bulk_create(
            PromptTrial(
                project_id=access.project_id,
                operation_id=operation.id,
                ingestion_id=ingestion_id,
                prompt_version_id=version.id,
                position=position,
                created_at=operation.created_at,
            )
            for position, ingestion_id in enumerate(ingestions)
        )
        changes = {
            "purpose": [None, wanted.purpose],
            "version": [None, version.number],
            "adds": [None, len(ingestions)],
        }
        record_audit(
            "prompt.replay", operation, actor=Actor.of(access), changes=changes
        )
        wake.after_commit(wake.RUN_OPERATION, access.tenant_id, operation.id)
        return operation.id


def cancel_replay(access: Access, operation_id: UUID) -> None:
    """Stop a replay before its next model call; raises NotFound, InvalidRequest."""
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        replays = Operation.objects.select_for_update().filter(
            kind=Operation.Kind.REPLAY
        )
        operation = replays.filter(id=operation_id).first()
        if operation is None:
            raise NotFound("There is no such replay.")
        if operation.status not in UNFINISHED:
            _refuse("status", "This replay has ended already.")
        operations.fail(operation, CANCELLED, "Cancelled before its end.")
        record_audit(
            "prompt.replay_cancel",
            operation,
            actor=Actor.of(access),
            changes={"status": [None, CANCELLED]},
        )


def run_replay(operation: Operation, lease: Lease) -> None:
    """Decide what waits, and settle; hands the rest to the next run after some.

    Raises ProviderError to be tried again, leaving what is done in place.
    """
    run = _Run.open(operation, lease)
    for _ in range(ADDS_A_RUN):
        trials = run.next_trials()
        if not trials:
            with run.scope():
                operations.succeed(operations.hold(lease), [])
            return
        try:
            require_tokens(run.payer)
        except QuotaExceeded as exc:
            with run.scope():
                operations.fail(operations.hold(lease), exc.code, exc.message)
            return
        run.settle(trials)
    with run.scope():
        operations.pause(operations.hold(lease))


@dataclass(frozen=True, slots=True)
class _Run:
    """A replay that runs under its lease."""

    operation: Operation
    lease: Lease
    shadow: Shadow

    @classmethod
    def open(cls, operation: Operation, lease: Lease) -> _Run:
        setup = ready_setup(operation.tenant_id, operation.project_id)
        purpose = PURPOSES[operation.payload["purpose"]]
        with tenant_scope(operation.tenant_id, project_id=operation.project_id):
            version = PromptVersion.objects.get(id=operation.payload["version_id"])
        prompt = PromptText(purpose.name, version.text, version.id)
        shadow = Shadow(shadow_setup(setup, purpose, prompt), purpose)
        run = cls(operation, lease, shadow)
        shadow.heartbeat = run.renew
        return run

    @property
    def payer(self) -> Access:
        asked = self.operation
        return Access(
            tenant_id=asked.tenant_id,
            project_id=asked.project_id,
            key_id=asked.api_key_id,
            operator_id=asked.operator_id or asked.id,
            operator_email="",
        )

    def scope(self) -> AbstractContextManager[OpenScope]:
        asked = self.operation
        return tenant_scope(asked.tenant_id, project_id=asked.project_id)

    def renew(self) -> None:
        """Before every request; raises LeaseLost once the replay is cancelled."""
        with self.scope():
            operations.renew(operations.hold(self.lease), lease_s=settings.LEASE_S)

    def next_trials(self) -> list[PromptTrial]:
        """The next one that waits, with those that were decided with it."""
        with self.scope():
            waiting = PromptTrial.objects.filter(
                operation_id=self.operation.id, outcome=PromptTrial.Outcome.WAITING
            ).select_related("ingestion")
            first = waiting.order_by("position").first()
            if first is None:
                return []
            together = [UUID(i) for i in first.ingestion.ledger.get("together", ())]
            others = waiting.filter(ingestion__operation_id__in=together)
            return [first, *others.order_by("position")]

    def settle(self, trials: Sequence[PromptTrial]) -> None:
        """Decide adds that belong together, and keep how each came out."""
        with self.scope():
            burst = get_past_burst(trials[0].ingestion_id)
        if burst is None:
            self._keep(trials, PromptTrial.Outcome.UNREAD)
            return
        self.shadow.calls = []
        began = clock.now()
        try:
            with metered() as meter:
                try:
                    now = self.shadow.decide_past(burst)
                finally:
                    self._account(meter.tokens)
        except ProviderError as exc:
            if self._may_pass(exc):
                raise
            self._keep(trials, PromptTrial.Outcome.FAILED, error_code=exc.code)
            return
        latency_ms = (clock.now() - began).total_seconds() * 1000
        self._compare(trials, burst, now, latency_ms)

    def _compare(
        self,
        trials: Sequence[PromptTrial],
        burst: PastBurst,
        now: dict[UUID, tuple[Settled, ...]],
        latency_ms: float,
    ) -> None:
        with self.scope():
            then = settled_then(burst.ingestions)
        keeps_texts = self.shadow.setup.settings.keep_model_texts
        for number, trial in enumerate(trials):
            mine = now[trial.ingestion_id]
            pairs = compare(then[trial.ingestion_id], mine)
            counts: dict[str, int] = {}
            for pair in pairs:
                counts[pair.difference] = counts.get(pair.difference, 0) + 1
            self._keep(
                [trial],
                difference_of(pairs),
                is_first=number == 0,
                decisions=[_stored(one) for one in mine] if keeps_texts else None,
                counts=counts,
                latency_ms=latency_ms,
            )

    def _keep(
        self,
        trials: Sequence[PromptTrial],
        outcome: str,
        *,
        is_first: bool = True,
        **details: object,
    ) -> None:
        """What a burst took is kept with its first add."""
        cost = cost_of(self.shadow.calls)
        with self.scope():
            operation = operations.hold(self.lease)
            operation.attempts = 1  # who gets on has all attempts again
            operation.updated_at = clock.now()
            operation.save(update_fields=["attempts", "updated_at"])
            operations.renew(operation, lease_s=settings.LEASE_S)
            for number, trial in enumerate(trials):
                took = (
                    {
                        "prompt_tokens": cost.prompt_tokens,
                        "completion_tokens": cost.completion_tokens,
                        "cost": cost.money,
                    }
                    if is_first and number == 0
                    else {}
                )
                PromptTrial.objects.filter(
                    id=trial.id, outcome=PromptTrial.Outcome.WAITING
                ).update(outcome=outcome, **took, **details)

    def _account(self, embedded: int) -> None:
        """Without texts: an erasure would not find them beside a replay."""
        asked = self.operation
        with self.scope():
            record_calls(asked.project_id, None, self.shadow.calls)
        payer = (asked.tenant_id, asked.project_id, asked.api_key_id)
        count_tokens_of(payer, asked.kind, self.shadow.calls, embedding_tokens=embedded)

    def _may_pass(self, error: ProviderError) -> bool:
        """A reply that cannot be read is what the prompt leads to: an outcome."""
        if isinstance(error, ProviderReplyInvalid):
            return False
        return error.retryable and self.operation.attempts < settings.MAX_ATTEMPTS


def _chosen(wanted: Replay) -> list[UUID]:
    subject = None
    if wanted.subject_id is not None:
        subject = Subject.objects.filter(id=wanted.subject_id).first()
        if subject is None:
            raise NotFound("There is no such subject.")
    adds = newest_recorded(PURPOSES[wanted.purpose], wanted.most, subject)
    return [add.id for add in adds]


def _accept(access: Access, wanted: Replay, version: PromptVersion) -> Operation:
    now = clock.now()
    subject = {"subject_id": str(wanted.subject_id)} if wanted.subject_id else {}
    return Operation.objects.create(
        project_id=access.project_id,
        kind=Operation.Kind.REPLAY,
        payload={
            "purpose": wanted.purpose,
            "number": version.number,
            "version_id": str(version.id),
            **subject,
        },
        request_id=logs.request_id.get(),
        **access.asker,
        woken_at=now,
        created_at=now,
        updated_at=now,
    )


def _stored(settled: Settled) -> dict[str, object]:
    return {**asdict(settled), "about": str(settled.about) if settled.about else None}


def _refuse(field: str, message: str) -> None:
    raise InvalidRequest(message, fields={field: [message]})
