"""Run one accepted operation to its end, whatever happens on the way.

Called by the worker with ids only. A fault of a provider postpones or fails the
operation with its reason; a mistake of ours fails it at once. A fault of the machine
leaves it RUNNING until its lease is over, and the attempt it cost is counted; one of
the database as well, but its lease is cut short where the database can be told so.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from itertools import takewhile
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError

from memories import wake
from memories.models import Ingestion, Message, Operation
from memories.pipeline.run import Add, read_add, run_add
from memories.selectors.bursts import ALONE, HAS_ATTACHMENTS, list_followers
from memories.selectors.projects import get_setup
from memories.services.attachments import with_attachments
from memories.services.deletion import run_scope_delete
from memories.services.exports import run_export
from memories.services.imports import run_import
from memories.services.patterns import run_synthesis
from memories.services.profile_jobs import run_profile_job
from memories.services.reembedding import run_reembedding
from memories.services.replays import run_replay
from memories.services.restore import run_restore
from memories.services.subjects import run_subject_delete
from memories.services.usage import count_tokens_of
from memories.store import ledger, operations
from memories.store.apply import USAGE, Parted, count_calls, record_calls
from memories.store.operations import Lease, LeaseLost
from memories.types import SCOPE_KEYS, ModelCall, Scope
from memplatform.lib import clock, logs
from memplatform.lib.errors import PlatformError, ProviderError
from memplatform.lib.meter import metered
from tenants.scopes import tenant_scope

log = logs.get(__name__)

LONGEST_PAUSE_S = 300.0
"""However long a provider asks for: all that is newer in the anchor waits as well."""


class GaveUp(PlatformError):
    """Every attempt ended without an outcome; retry it when the cause is removed."""

    code = "gave_up"


class InternalError(PlatformError):
    """The platform failed at this, and said why in its log; retry it once mended."""

    code = "internal_error"


def run_operation(tenant_id: UUID, operation_id: UUID) -> None:
    """Claim, run and settle; does nothing when there is nothing to do now."""
    with tenant_scope(tenant_id):
        operation = operations.claim(operation_id, lease_s=settings.LEASE_S)
    if operation is not None:
        run_claimed(operation)


def run_claimed(operation: Operation) -> None:
    """Run and settle an operation that the caller holds by its lease."""
    token = logs.request_id.set(operation.request_id)
    try:
        _run(operation, Lease(operation.id, operation.lease_token))
    except LeaseLost:
        log.warning("taken over", extra={"operation": str(operation.id)})
    finally:
        logs.request_id.reset(token)


def _run(operation: Operation, lease: Lease) -> None:
    calls: list[ModelCall] = []
    began = clock.now()
    with metered() as meter:
        try:
            _run_kind(operation, lease, calls)
        finally:
            _count_tokens(operation, calls, meter.tokens, began)


def _run_kind(operation: Operation, lease: Lease, calls: list[ModelCall]) -> None:
    try:
        if operation.attempts > settings.MAX_ATTEMPTS:
            raise GaveUp(operation.error or "")
        if operation.kind == Operation.Kind.ADD:
            _run_add(operation, lease, calls)
        elif operation.kind == Operation.Kind.REEMBED:
            run_reembedding(operation, lease)
        elif operation.kind == Operation.Kind.EXPORT:
            run_export(operation, lease, calls)
        elif operation.kind == Operation.Kind.PROFILE:
            run_profile_job(operation, lease)
        elif operation.kind == Operation.Kind.IMPORT:
            run_import(operation, lease)
        elif operation.kind == Operation.Kind.REPLAY:
            run_replay(operation, lease)
        elif operation.kind == Operation.Kind.SYNTHESIZE:
            run_synthesis(operation, lease, calls)
        elif operation.kind == Operation.Kind.DELETE_USER:
            run_subject_delete(operation, lease)
        elif operation.kind == Operation.Kind.RESTORE:
            run_restore(operation, lease)
        else:
            run_scope_delete(operation, lease)
    except (ProviderError, GaveUp) as exc:
        _postpone_or_fail(operation.tenant_id, lease, exc, calls)
    except LeaseLost:
        raise
    except (OperationalError, InterfaceError):
        _cut_lease(operation, lease)
        raise
    except Exception as exc:  # noqa: BLE001 - else it would hold up its anchor
        _log_mistake(operation, exc)
        error = InternalError(f"{type(exc).__name__}: {InternalError.__doc__}")
        _postpone_or_fail(operation.tenant_id, lease, error, calls)


def _cut_lease(operation: Operation, lease: Lease) -> None:
    """A connection that broke or a deadlock is over soon: long leases are for death."""
    log.warning("the database failed", extra={"operation": str(operation.id)})
    with (
        suppress(LeaseLost, OperationalError, InterfaceError),
        tenant_scope(operation.tenant_id),
    ):
        pause = min(_doubling_s(operation.attempts), settings.LEASE_S)
        operations.renew(operations.hold(lease), lease_s=pause)


def _count_tokens(
    operation: Operation, calls: list[ModelCall], embedded: int, since: datetime
) -> None:
    count_tokens_of(
        (operation.tenant_id, operation.project_id, operation.api_key_id),
        operation.kind,
        calls,
        embedding_tokens=embedded,
        scope=Scope(**{key: getattr(operation, key) for key in SCOPE_KEYS}),
        since=since,
    )


def _log_mistake(operation: Operation, exc: Exception) -> None:
    where = {"operation": str(operation.id), **logs.mistake_of(exc)}
    log.error("internal error", extra=where)


def _run_add(operation: Operation, lease: Lease, calls: list[ModelCall]) -> None:
    add = _read(operation, lease)
    if add.ingestion.options.get(HAS_ATTACHMENTS):
        add = with_attachments(add, calls)
    try:
        run_add(add, calls)
    except (LeaseLost, OperationalError, InterfaceError):
        raise
    except Exception as exc:  # whichever of them it is about, alone it will show
        if len(add.shares) == 1:
            raise
        _part(add, lease, exc, calls)
        return
    if add.unsummarized >= add.setup.settings.summary_every_messages:
        anchor_id = add.ingestion.anchor_id
        wake.now(wake.REFRESH_SUMMARY, operation.tenant_id, anchor_id)


def _read(operation: Operation, lease: Lease) -> Add:
    """Everything a run needs; the project was made ready when the add was accepted.

    Those behind it are decided with it while the same prompts speak for them.
    """
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        ingestion = Ingestion.objects.select_related("operation").get(
            operation_id=operation.id
        )
        known = get_setup(operation.project_id)
        setup = known.for_ingestion(ingestion.id)
        behind = list_followers(ingestion, setup.add_window)
        followers = tuple(
            takewhile(lambda f: known.for_ingestion(f.ingestion.id) is setup, behind)
        )
        return read_add(setup, lease, ingestion, followers)


def _part(add: Add, lease: Lease, exc: Exception, calls: list[ModelCall]) -> None:
    """What could not be decided together is decided one by one, in its order."""
    if not isinstance(exc, PlatformError):
        _log_mistake(add.ingestion.operation, exc)
    error = exc if isinstance(exc, ProviderError) else Parted()
    with tenant_scope(add.setup.tenant_id, project_id=add.setup.project_id):
        operation = operations.hold(lease)
        _record_attempt(operation, calls)
        for share in add.shares:
            share.ingestion.options[ALONE] = True
        Ingestion.objects.bulk_update([s.ingestion for s in add.shares], ["options"])
        pause = timedelta(seconds=_pause_s(operation, error))
        until = (
            clock.now() + pause
            if isinstance(exc, ProviderError) and exc.retryable
            else None
        )
        operations.part(operation, error, until)
    log.warning("parted", extra={"operation": str(operation.id), "code": error.code})


def _postpone_or_fail(
    tenant_id: UUID, lease: Lease, error: PlatformError, calls: list[ModelCall]
) -> None:
    """Settle a failed attempt: later again, or FAILED with its reason."""
    with tenant_scope(tenant_id):
        operation = operations.hold(lease)
        _record_attempt(operation, calls)
        if error.retryable and operation.attempts < settings.MAX_ATTEMPTS:
            until = clock.now() + timedelta(seconds=_pause_s(operation, error))
            operations.postpone(operation, error, until)
            return
        _fail_ledger(operation, error)
        operations.fail(operation, error.code, error.message)
    log.warning("failed", extra={"operation": str(operation.id), "code": error.code})


def _record_attempt(operation: Operation, calls: list[ModelCall]) -> None:
    """What a failed attempt asked of models has its price as well."""
    record_calls(operation.project_id, operation.id, calls)
    ingestion = Ingestion.objects.filter(operation_id=operation.id).first()
    if ingestion is not None and calls:
        count_calls(ingestion, calls)
        ingestion.save(update_fields=USAGE)


def _pause_s(operation: Operation, error: PlatformError) -> float:
    """Doubling pauses; a provider that names one is obeyed, within reason."""
    named: float = getattr(error, "retry_after_s", None) or 0.0
    return min(max(_doubling_s(operation.attempts), named), LONGEST_PAUSE_S)


def _doubling_s(attempts: int) -> float:
    pause: float = settings.RETRY_BASE_S * 2 ** (attempts - 1)
    return pause


def _fail_ledger(operation: Operation, error: PlatformError) -> None:
    ingestion = Ingestion.objects.filter(operation_id=operation.id).first()
    if ingestion is None:
        return
    rows = Message.objects.filter(ingestion_id=ingestion.said_in)
    ids = list(rows.order_by("position").values_list("id", flat=True))
    ingestion.ledger = ledger.failed(ids, ingestion.engine or "", error.code)
    ingestion.save(update_fields=["ledger"])
