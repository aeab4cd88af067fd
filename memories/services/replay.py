"""Try a failed operation again, once the cause of its failure is removed."""

from __future__ import annotations

from uuid import UUID

from memories import wake
from memories.models import Operation
from memories.store import operations
from memplatform.lib.errors import InvalidRequest, NotFound
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
