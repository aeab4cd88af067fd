"""The life of an operation: accepted, claimed under a lease, settled, retried.

The row is the truth: a broker message only says "look". Scenarios, each of which ends
with exactly one effect:

* worker dies while it runs: the lease passes, the sweep wakes another, whose claim
  raises the fencing token; what the first still tries to write is refused (LeaseLost).
* two workers are woken for one operation: the second claim finds it RUNNING and leaves.
* an older add of the same anchor is unfinished: the claim finds nothing; finishing
  the older one wakes this one. A verbatim add waits for nobody: nothing is decided.
* the model fails for now: back to PENDING with ``next_attempt_at``; it keeps its place.
* it fails for good, or too often: FAILED with the reason, and the next one may run.
* it is decided with those behind it: they stay PENDING, and are settled with it or not
  at all. When that fails, it is PENDING again and each of them goes alone.
* it is long: after a part of it, PENDING and woken again (a re-embedding).
* somebody tries a failed one again: PENDING, last in its anchor's queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Q

from memories import wake
from memories.models import Ingestion, Operation, Outbox, Topic
from memories.models.ingestion import UNFINISHED
from memories.selectors.operations import reopenable
from memories.store.accept import take_place
from memories.store.outbox import tell, wake_if_told
from memories.store.script import Rows, Script
from memories.types import SCOPE_KEYS, OperationResult, Scope
from memplatform.lib import clock
from memplatform.lib.errors import PlatformError


class LeaseLost(PlatformError):
    """Another runner took this operation over; nothing was written."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write one operation's outcome, until it is taken over."""

    operation_id: UUID
    token: int


def claim(operation_id: UUID, *, lease_s: float) -> Operation | None:
    """Take an operation to run it, or None when there is nothing to do now.

    Call inside the tenant's scope. The attempt is counted at once, so that an
    operation that kills its runner cannot run for ever.
    """
    now = clock.now()
    operation = Operation.objects.select_for_update().filter(id=operation_id).first()
    if operation is None or not _is_runnable(operation, now):
        return None
    operation.status = Operation.Status.RUNNING
    operation.attempts += 1
    operation.lease_token += 1
    operation.lease_until = now + timedelta(seconds=lease_s)
    operation.next_attempt_at = None
    operation.started_at = operation.started_at or now
    operation.updated_at = now
    script = Script()
    script.update(operation, _CLAIMED)
    script.run()
    return operation


_CLAIMED = (
    "status",
    "attempts",
    "lease_token",
    "lease_until",
    "next_attempt_at",
    "started_at",
    "updated_at",
)


def hold(lease: Lease) -> Operation:
    """Lock the operation for its final write; raises LeaseLost when taken over."""
    operation = (
        Operation.objects.select_for_update()
        .filter(
            id=lease.operation_id,
            lease_token=lease.token,
            status=Operation.Status.RUNNING,
        )
        .first()
    )
    if operation is None:
        raise LeaseLost
    return operation


def hold_waiting(operation_ids: Sequence[UUID]) -> list[Operation]:
    """Lock adds that wait behind a held one; those that do so no longer are left out.

    Nobody else can claim them as long as the older one is unfinished.
    """
    if not operation_ids:
        return []
    waiting = Operation.objects.select_for_update().filter(
        id__in=operation_ids, status=Operation.Status.PENDING, attempts=0
    )
    return list(waiting.order_by("seq"))


def renew(operation: Operation, *, lease_s: float) -> datetime:
    """A held operation that works in many transactions keeps its lease; until when."""
    operation.lease_until = until = clock.now() + timedelta(seconds=lease_s)
    operation.save(update_fields=["lease_until"])
    return until


def pause(operation: Operation) -> None:
    """Back to PENDING after a part of the work: a run goes on with it at once."""
    now = clock.now()
    operation.status = Operation.Status.PENDING
    operation.attempts, operation.lease_until = 0, None
    operation.woken_at = operation.updated_at = now
    operation.save(
        update_fields=["status", "attempts", "lease_until", "woken_at", "updated_at"]
    )
    wake.after_commit(wake.RUN_OPERATION, operation.tenant_id, operation.id)


def succeed(
    operation: Operation,
    results: Sequence[OperationResult],
    script: Script | None = None,
    topic: Topic = Topic.JOB_COMPLETED,
) -> None:
    """Settle a held operation and wake the next of its anchor after the commit.

    ``script`` is what is left to write with it, in the same message; it is run.
    ``topic`` is what webhooks call the end of this add.
    """
    operation.results = results_json(results)
    _settle(operation, Operation.Status.SUCCEEDED, script or Script(), topic)


def succeed_with(
    leader: Operation,
    operation: Operation,
    results: Sequence[OperationResult],
    script: Script,
    topic: Topic,
) -> Rows:
    """Settle an add that was decided with an older one; the leader wakes the next.

    Returns what webhooks are told of it, once the script has run.
    """
    operation.results = results_json(results)
    operation.started_at, operation.attempts = leader.started_at, 1
    operation.next_attempt_at = None
    _mark_settled(operation, Operation.Status.SUCCEEDED)
    script.update(operation, (*_SETTLED, "started_at", "attempts", "next_attempt_at"))
    return _tell(operation, topic, script)


def fail(operation: Operation, code: str, message: str) -> None:
    """Settle a held operation with its reason; visible, and it can be tried again."""
    operation.error_code, operation.error = code, message
    _settle(operation, Operation.Status.FAILED, Script(), Topic.JOB_FAILED)


def postpone(operation: Operation, error: PlatformError, until: datetime) -> None:
    """Back to PENDING, keeping its place; the sweep wakes it at ``until``."""
    operation.status = Operation.Status.PENDING
    operation.error_code, operation.error = error.code, error.message
    operation.next_attempt_at, operation.lease_until = until, None
    operation.updated_at = clock.now()
    operation.save(
        update_fields=[
            "status",
            "error_code",
            "error",
            "next_attempt_at",
            "lease_until",
            "updated_at",
        ]
    )


def part(operation: Operation, error: PlatformError, until: datetime | None) -> None:
    """A held add that failed with others waits to be decided alone.

    The attempt was theirs together and does not count. At ``until`` the sweep wakes
    it; without, a run goes on with it at once.
    """
    operation.attempts -= 1
    postpone(operation, error, until or clock.now())
    operation.save(update_fields=["attempts"])
    if until is None:
        wake.after_commit(wake.RUN_OPERATION, operation.tenant_id, operation.id)


def reopen(operation: Operation) -> bool:
    """FAILED back to PENDING, behind what its anchor has accepted since (decision 19).

    False when it has not failed, was erased, or somebody else was faster. The anchor is
    locked first, as everywhere: two locks taken in one order cannot block one another.
    """
    now = clock.now()
    seq = None
    if operation.anchor_id is not None:
        scope = Scope(**{key: getattr(operation, key) for key in SCOPE_KEYS})
        seq = take_place(operation.project_id, scope, 0, now).seq
    is_mine = (
        reopenable()
        .filter(id=operation.id)
        .update(
            status=Operation.Status.PENDING,
            seq=seq,
            attempts=0,
            error_code=None,
            error=None,
            next_attempt_at=None,
            completed_at=None,
            latency_ms=None,
            # The next sweep wakes it, should the wake-up after the commit be lost.
            woken_at=None,
            updated_at=now,
        )
    )
    if is_mine:
        Ingestion.objects.filter(operation_id=operation.id).update(ledger={})
    return bool(is_mine)


def mark_woken(operation_id: UUID, *, before: datetime) -> bool:
    """Note a wake-up; False when somebody woke it after ``before`` (two beats at once).

    One that was to wait until an instant is woken at that instant all the same, and so
    is one whose runner's lease is over.
    """
    now = clock.now()
    long_ago = Q(woken_at__isnull=True) | Q(woken_at__lt=before)
    is_time = Q(next_attempt_at__lte=now, woken_at__lt=F("next_attempt_at"))
    is_left = Q(
        status=Operation.Status.RUNNING,
        lease_until__lt=now,
        woken_at__lt=F("lease_until"),
    )
    waiting = Operation.objects.filter(id=operation_id, status__in=UNFINISHED)
    return bool(waiting.filter(long_ago | is_time | is_left).update(woken_at=now))


def results_json(results: Sequence[OperationResult]) -> list[dict[str, Any]]:
    """Ids and events only; the text is looked up in the version when it is shown."""
    return [
        {"id": str(r.memory_id), "event": r.event, "number": r.number} for r in results
    ]


def _is_runnable(operation: Operation, now: datetime) -> bool:
    if operation.status == Operation.Status.RUNNING:
        is_free = operation.lease_until is None or operation.lease_until < now
    else:
        is_free = operation.status == Operation.Status.PENDING
    is_due = operation.next_attempt_at is None or operation.next_attempt_at <= now
    return is_free and is_due and not _has_older(operation)


def _has_older(operation: Operation) -> bool:
    is_verbatim = operation.payload.get("infer") is False
    if is_verbatim or operation.anchor_id is None or operation.seq is None:
        return False
    return Operation.objects.filter(
        anchor_id=operation.anchor_id, seq__lt=operation.seq, status__in=UNFINISHED
    ).exists()


_SETTLED = (
    "status",
    "results",
    "error_code",
    "error",
    "completed_at",
    "updated_at",
    "latency_ms",
    "lease_until",
)
_NEXT = """
SELECT id FROM memories_operation
WHERE tenant_id = %s AND anchor_id = %s AND seq > %s
  AND status IN ('PENDING', 'RUNNING')
ORDER BY seq LIMIT 1
"""


def _settle(
    operation: Operation, status: Operation.Status, script: Script, topic: Topic
) -> None:
    """Settle it, and wake the oldest unfinished add behind it, after the commit."""
    _mark_settled(operation, status)
    script.update(operation, _SETTLED)
    told = _tell(operation, topic, script)
    script.add(_NEXT, [operation.tenant_id, operation.anchor_id, operation.seq])
    for (following,) in script.run():
        wake.after_commit(wake.RUN_OPERATION, operation.tenant_id, following)
    wake_if_told(operation.project_id, told)


def _mark_settled(operation: Operation, status: Operation.Status) -> None:
    now = clock.now()
    operation.status = status
    operation.completed_at = operation.updated_at = now
    operation.latency_ms = (now - operation.created_at).total_seconds() * 1000
    operation.lease_until = None
    if status == Operation.Status.SUCCEEDED:
        operation.error_code = operation.error = None


def _tell(operation: Operation, topic: Topic, script: Script) -> Rows:
    """Webhooks are told of the end of adds."""
    if operation.kind != Operation.Kind.ADD:
        return Rows()
    end = Outbox(
        project_id=operation.project_id,
        topic=topic,
        payload={"operation_id": str(operation.id)},
        created_at=operation.updated_at,
    )
    return tell(script, operation.project_id, [end])
