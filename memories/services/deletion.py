"""Delete by scope: a barrier at once, the memories in the background; and erasure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q

from memories import wake
from memories.models import Anchor, Memory, MemoryEvent, Operation
from memories.models.ingestion import UNFINISHED
from memories.services.edit import delete_head
from memories.store import operations
from memories.store.barriers import ANY, raise_barrier
from memories.store.batch import Batch, Cause
from memories.store.files import drop_files, exports_in_work, forget_files
from memories.store.golden import forget_golden_sets, forget_questions
from memories.store.operations import Lease
from memories.store.profiles import forget_all, forget_erased
from memories.store.searches import forget_traces
from memories.types import SCOPE_KEYS, Actor, OperationResult, State
from memplatform.lib import clock, logs
from memplatform.lib.errors import InvalidRequest
from memplatform.lib.ids import new_id
from tenants.scopes import tenant_scope
from tenants.selectors import Access
from tenants.usage import forget_subject

CHUNK = 500
EVERYTHING = dict.fromkeys(SCOPE_KEYS, ANY)
"""The pattern that means the whole project, whatever ids its memories have."""


def delete_scope(access: Access, pattern: Mapping[str, str]) -> UUID:
    """Accept the deletion of everything a pattern covers; returns the operation's id.

    ``pattern`` maps scope keys to an id, or ``*`` for any value; four ``*`` are the
    whole project. What was accepted before this is gone for good, also what is still
    being processed (decision 13).
    """
    if not pattern or any(key not in SCOPE_KEYS for key in pattern):
        raise InvalidRequest("Name at least one of user_id, agent_id, app_id, run_id.")
    covered = {} if pattern == EVERYTHING else dict(pattern)
    now = clock.now()
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        operation = Operation.objects.create(
            project_id=access.project_id,
            kind=Operation.Kind.DELETE_ALL,
            **{key: _named(pattern.get(key)) for key in SCOPE_KEYS},
            payload={"pattern": covered},
            request_id=logs.request_id.get(),
            **access.asker,
            woken_at=now,
            created_at=now,
            updated_at=now,
        )
        raise_barrier(operation, covered)
        wake.after_commit(wake.RUN_OPERATION, access.tenant_id, operation.id)
    return operation.id


def run_scope_delete(operation: Operation, lease: Lease) -> None:
    """Delete in chunks, each its own transaction; repeating it changes nothing."""
    pattern: dict[str, str] = operation.payload["pattern"]
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        anchors = _anchors(operation, pattern)
    for anchor_id in anchors:
        while _delete_chunk(operation, lease, pattern, anchor_id):
            pass
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        operations.succeed(operations.hold(lease), _deleted(operation))


def erase_subject(
    project_id: UUID,
    kind: str,
    external_id: str,
    actor: Actor,
    *,
    accepted_at: datetime | None = None,
) -> dict[str, Any]:
    """Erase a user, agent, app or run and all that came from it; call inside a scope.

    Text, vectors, messages, summaries, graph facts and model replies go; contentless
    tombstones and an audit entry stay, and so does what was accepted after
    ``accepted_at`` (None: now). Returns how many memories and messages went.
    """
    accepted_at = accepted_at or clock.now()
    in_work = exports_in_work(project_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT erase_subject(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                project_id,
                kind,
                external_id,
                accepted_at,
                new_id(),
                new_id(),
                actor.kind,
                actor.id,
                actor.address,
                actor.request_id,
            ],
        )
        counts: dict[str, Any] = json.loads(cursor.fetchone()[0])
    forget_subject(project_id, kind, external_id)
    forget_files(project_id, external_id, accepted_at, in_work)
    forget_traces(project_id, kind, external_id, accepted_at)
    forget_questions(project_id, kind, external_id)
    forget_erased(kind, external_id, accepted_at)
    return counts


def purge(tenant_id: UUID, project_id: UUID | None) -> None:
    """Delete all that a project (None: a tenant) remembers; inside the open scope."""
    drop_files(project_id)
    actor = ("system", None)
    forget_all(project_id)
    forget_golden_sets(project_id)
    with connection.cursor() as cursor:
        if project_id is None:
            cursor.execute("SELECT purge_tenant(%s, %s, %s)", [*actor, clock.now()])
        else:
            cursor.execute(
                "SELECT purge_project(%s, %s, %s, %s, %s)",
                [project_id, new_id(), *actor, clock.now()],
            )


def _named(value: str | None) -> str | None:
    return None if value == ANY else value


def _anchors(operation: Operation, pattern: Mapping[str, str]) -> list[UUID]:
    """Every anchor that holds covered memories, or may get some from a running add."""
    covered = _covered(pattern)
    of_memories = Memory.objects.filter(
        covered, accepted_at__lte=operation.created_at
    ).values_list("anchor_id", flat=True)
    of_adds = Operation.objects.filter(
        covered, anchor_id__isnull=False, status__in=UNFINISHED
    ).values_list("anchor_id", flat=True)
    ids = set(of_memories.distinct()) | set(of_adds.distinct())
    return sorted(Anchor.objects.filter(id__in=ids).values_list("id", flat=True))


def _delete_chunk(
    operation: Operation, lease: Lease, pattern: Mapping[str, str], anchor_id: UUID
) -> tuple[OperationResult, ...]:
    """The next memories of one anchor. Its lock waits for an add being applied."""
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        batch = Batch.open(operation.project_id, [anchor_id])
        operations.renew(operations.hold(lease), lease_s=settings.LEASE_S)
        doomed = Memory.objects.filter(
            _covered(pattern),
            anchor_id=anchor_id,
            accepted_at__lte=operation.created_at,
        ).exclude(state=State.DELETED)[:CHUNK]
        cause = Cause(
            actor_kind=operation.asked_by.kind,
            actor_id=operation.asked_by.id,
            operation_id=operation.id,
        )
        for head in doomed:
            delete_head(batch, head, cause)
        return batch.flush()


def _deleted(operation: Operation) -> list[OperationResult]:
    """What this delete has deleted, in all of its attempts."""
    rows = MemoryEvent.objects.filter(operation=operation).order_by("at", "id")
    return [
        OperationResult(row.memory_id, row.kind, None, number=row.new_number or 1)
        for row in rows
    ]


def _covered(pattern: Mapping[str, str]) -> Q:
    condition = Q()
    for key, value in pattern.items():
        named = {f"{key}__isnull": False} if value == ANY else {key: value}
        condition &= Q(**named)
    return condition
