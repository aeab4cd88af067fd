"""Process again: a failed add in its place, or what any add said as a new one.

A *retry* gives a failed operation all its attempts again. To *reprocess* an add is a
new add of the same messages, the last of its anchor: the engine decides anew on what is
known by now, and only that changes memories.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from memories import wake
from memories.models import Ingestion, Message, Operation
from memories.models.ingestion import REPROCESS_OF, UNFINISHED
from memories.selectors.ingestions import (
    list_reprocessable,
    list_retryable,
    reprocess_problem,
)
from memories.services.actors import actor_of
from memories.services.setup import ready_setup
from memories.services.trials import require_tokens
from memories.store import operations
from memories.store.accept import accept_again
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest, NotFound, QuotaExceeded
from tenants.audit import SYSTEM, Actor, record_audit
from tenants.scopes import tenant_scope
from tenants.selectors import Access


def retry_operation(access: Access, operation_id: UUID) -> None:
    """As a key or an operator asks; opens its own scope. Raises as reopen_operation."""
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        reopen_operation(operation_id, actor=Actor.of(access))


def reopen_operation(operation_id: UUID, *, actor: Actor = SYSTEM) -> None:
    """FAILED → PENDING, last in its anchor's queue, with all its attempts again.

    Call inside a tenant scope. What was deleted since it was accepted stays deleted.
    Raises NotFound, and InvalidRequest for one that has not failed, or whose messages
    were erased or not kept any longer.
    """
    operation = Operation.objects.filter(id=operation_id).first()
    if operation is None:
        raise NotFound
    if operation.status != Operation.Status.FAILED:
        raise InvalidRequest(
            f"Only a failed operation can be tried again; it is {operation.status}."
        )
    if not operations.reopen(operation):
        raise InvalidRequest(
            "What it was about has been erased; it cannot be tried again."
        )
    reason = operation.error_code
    changes = {"status": ["FAILED", "PENDING"], "error_code": [reason, None]}
    record_audit("operation.retry", operation, actor=actor, changes=changes)
    wake.after_commit(wake.RUN_OPERATION, operation.tenant_id, operation.id)


def retry_failed(access: Access, error_code: str) -> int:
    """Retry the adds that failed for one reason, in the order they came in.

    At most ``selectors.ingestions.MOST_AT_ONCE``, the oldest first; each in a scope of
    its own, with its own entry in the audit. One that somebody else was faster with, or
    that was erased meanwhile, is left out. Returns how many.
    """
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        wanted = list_retryable(error_code)
    return _count_done(
        wanted, lambda operation_id: retry_operation(access, operation_id)
    )


def reprocess_failed(access: Access, error_code: str) -> int:
    """Reprocess the adds that failed for one reason, as ``retry_failed`` retries them.

    One that was reprocessed since is left out: what it said is on its way, or was
    decided on. Returns how many; raises QuotaExceeded where not one was possible.
    """
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        wanted = list_reprocessable(error_code)
    return _count_done(
        wanted, lambda operation_id: reprocess_operation(access, operation_id)
    )


def _count_done(wanted: Sequence[UUID], do: Callable[[UUID], object]) -> int:
    """How many it was done to; a month that is used up ends it."""
    done = 0
    for operation_id in wanted:
        try:
            do(operation_id)
        except QuotaExceeded:
            if not done:
                raise
            break
        except (InvalidRequest, NotFound):
            continue
        done += 1
    return done


def reprocess_operation(access: Access, operation_id: UUID) -> UUID:
    """A new add of what an earlier one said; returns its id. Opens its own scopes.

    One at a time: while one of it is unfinished there is no second. Raises NotFound,
    QuotaExceeded, and InvalidRequest for one that has not ended, was stored word for
    word, or whose messages were erased or not kept any longer.
    """
    setup = ready_setup(access.tenant_id, access.project_id)
    require_tokens(access)
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        source = _find(operation_id)
        _refuse(reprocess_problem(source.operation, source))
        again = accept_again(
            source, actor_of(access), engine=setup.engine, at=clock.now()
        )
        # The anchor is locked now, as it is by an erasure and by another such add.
        _refuse(_lost(source) or _reprocessed_already(source, again))
        record_audit(
            "operation.reprocess",
            source.operation,
            actor=Actor.of(access),
            changes={"by": [None, str(again.id)]},
        )
        wake.after_commit(wake.RUN_OPERATION, again.tenant_id, again.id)
    return again.id


def _find(operation_id: UUID) -> Ingestion:
    rows = Ingestion.objects.select_related("operation")
    source = rows.filter(operation_id=operation_id).first()
    if source is None:
        raise NotFound
    return source


def _lost(source: Ingestion) -> str:
    said = Message.objects.filter(ingestion_id=source.said_in)
    if said.filter(content__isnull=True).exists() or not said.exists():
        return "What was said is no longer kept; it cannot be processed again."
    return ""


def _reprocessed_already(source: Ingestion, again: Operation) -> str:
    others = Operation.objects.filter(
        anchor_id=source.anchor_id,
        status__in=UNFINISHED,
        **{f"payload__{REPROCESS_OF}": str(source.operation_id)},
    )
    if others.exclude(id=again.id).exists():
        return "It waits to be processed again already."
    return ""


def _refuse(problem: str) -> None:
    if problem:
        raise InvalidRequest(problem)
