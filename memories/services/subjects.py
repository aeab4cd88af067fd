"""Subjects: create one by name, delete one with all that belongs to it.

Deleting is accepted at once and done in the background, and erases (decision 13) unless
the project says ``soft``. What is accepted for the same name afterwards stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from memories import wake
from memories.models import Operation, Subject
from memories.models.settings import ERASE
from memories.selectors.projects import get_setup
from memories.selectors.subjects import SubjectView, view_of
from memories.services.deletion import erase_subject, run_scope_delete
from memories.store import operations
from memories.store.barriers import raise_barrier
from memories.store.operations import Lease
from memories.types import UNSET, Unset
from memplatform.lib import clock, logs
from tenants.scopes import tenant_scope
from tenants.selectors import Access


@dataclass(frozen=True, slots=True)
class Declaration:
    """A subject as somebody creates it; what is UNSET stays as it was."""

    kind: str
    name: str
    display_name: str | Unset = UNSET
    metadata: dict[str, Any] | Unset = UNSET


def declare_subject(access: Access, declared: Declaration) -> SubjectView:
    """Create a subject before its first memory, or give an old one new details."""
    now = clock.now()
    details = {"display_name": declared.display_name, "metadata": declared.metadata}
    given = {key: value for key, value in details.items() if value is not UNSET}
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        subject, _ = Subject.objects.update_or_create(
            project_id=access.project_id,
            kind=declared.kind,
            external_id=declared.name,
            defaults={**given, "declared_at": now, "last_active_at": now},
            create_defaults={
                **given,
                "declared_at": now,
                "last_active_at": now,
                "created_at": now,
            },
        )
    return view_of(subject)


def delete_subject(
    access: Access, kind: str, name: str, *, mode: str | None = None
) -> UUID:
    """Accept the deletion of a subject; returns the operation's id.

    ``mode`` None is the project's own: erase, or delete softly.
    A name that nobody knows is no error: it may have spoken and left no memory.
    """
    now = clock.now()
    pattern = {f"{kind}_id": name}
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        mode = mode or get_setup(access.project_id).settings.subject_deletion
        operation = Operation.objects.create(
            project_id=access.project_id,
            kind=Operation.Kind.DELETE_USER,
            **pattern,
            payload={"pattern": pattern, "mode": mode},
            request_id=logs.request_id.get(),
            **access.asker,
            woken_at=now,
            created_at=now,
            updated_at=now,
        )
        raise_barrier(operation, pattern)
        Subject.objects.filter(kind=kind, external_id=name).update(
            declared_at=None, display_name=None, metadata=None
        )
        wake.after_commit(wake.RUN_OPERATION, access.tenant_id, operation.id)
    return operation.id


def run_subject_delete(operation: Operation, lease: Lease) -> None:
    """Erase in one transaction, or delete in chunks where the project says so."""
    if operation.payload["mode"] == ERASE:
        _erase(operation, lease)
    else:
        run_scope_delete(operation, lease)


def _erase(operation: Operation, lease: Lease) -> None:
    """The operation forgets the name as well, and keeps how much went.

    Its row is locked first: who took it over waits here, and then finds it done.
    """
    ((key, name),) = operation.payload["pattern"].items()
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        held = operations.hold(lease)
        erased = erase_subject(
            operation.project_id,
            key.removesuffix("_id"),
            name,
            operation.asked_by,
            accepted_at=operation.created_at,
        )
        held.payload = {"mode": ERASE, "erased": erased}
        setattr(held, key, None)
        held.save(update_fields=["payload", key])
        operations.succeed(held, [])
