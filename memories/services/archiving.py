"""Archive memories that nobody has used for as long as their project says (ADR 620).

Nothing is lost: an archived memory keeps its words, versions and vectors, and is
brought back from the console. Two beats at once do no harm: what is archived is looked
at again under its anchor's lock.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from memories.models import Memory, MemoryEvent, Operation
from memories.models.settings import ProjectSettings
from memories.selectors.retention import may_archive, unused_memories
from memories.store.batch import Batch, Cause, Revision
from memories.store.operations import results_json
from memories.types import State
from memplatform.lib import clock
from tenants.audit import record_audit
from tenants.models import Project
from tenants.scopes import tenant_scope

CHUNK = 200
"""Memories of one transaction: as long as their anchors wait for it."""


def archive_unused(tenant_id: UUID, project_id: UUID) -> int:
    """Archive in batches, each with its operation and audit; returns how many.

    Opens its own scopes.
    """
    archived, count = 0, CHUNK
    while count == CHUNK:
        with tenant_scope(tenant_id, project_id=project_id):
            count = _archive_some(project_id)
        archived += count
    return archived


def _archive_some(project_id: UUID) -> int:
    project = Project.objects.filter(id=project_id, deleted_at=None).first()
    before = may_archive(project.settings, clock.now()) if project else None
    if project is None or before is None:
        return 0
    found = unused_memories(before).order_by("updated_at", "id")
    rows = dict(found.values_list("id", "anchor_id")[:CHUNK])
    batch = Batch.open(project_id, rows.values())
    heads = list(unused_memories(before).filter(id__in=rows).order_by("id"))
    if heads:
        days = ProjectSettings.of(project.settings).archive_unused_days
        _archive(batch, heads, days, before)
    return len(heads)


def _archive(batch: Batch, heads: list[Memory], days: int, before: datetime) -> None:
    """One operation for all of them, by which they can be found again."""
    now = clock.now()
    operation = Operation.objects.create(
        project_id=batch.project_id,
        kind=Operation.Kind.ARCHIVE,
        status=Operation.Status.SUCCEEDED,
        payload={"unused_days": days, "before": before.isoformat()},
        attempts=1,
        created_at=now,
        started_at=now,
        completed_at=now,
    )
    reason = f"not found, said again or changed for {days} days"
    cause = Cause(actor_kind="system", operation_id=operation.id, reason=reason)
    for head in heads:
        put_aside = Revision(state=State.ARCHIVED)
        batch.revise(head, MemoryEvent.Kind.ARCHIVE, put_aside, cause)
    operation.results = results_json(batch.flush())
    operation.save(update_fields=["results"])
    changes = {"archived": [None, len(heads)], "unused_days": [None, days]}
    record_audit("memory.archive", operation, changes=changes)
