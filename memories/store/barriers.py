"""Deletes of whole scopes, against adds that are in flight (decision 13).

What was accepted before such a delete is gone for good, also what is still being
processed; what is accepted after it stays, though the delete itself runs later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from django.db import connection

from memories.models import DeleteBarrier, Memory, Operation
from memories.models.ingestion import UNFINISHED
from memories.types import SCOPE_KEYS, Scope, State

ANY = "*"
HASHED = "_sha256"
"""Ends a pattern's key whose id is not to be told: that of an erased subject."""


def pass_barriers(project_id: UUID) -> None:
    """Let no delete be accepted until the commit; take it before an anchor's lock.

    A delete then finds everything this transaction writes, or this one finds its
    barrier.
    """
    _lock("pg_advisory_xact_lock_shared", project_id)


def raise_barrier(operation: Operation, pattern: Mapping[str, str]) -> None:
    """Bar what was accepted before this delete; waits for what is being written."""
    _lock("pg_advisory_xact_lock", operation.project_id)
    DeleteBarrier.objects.create(
        project_id=operation.project_id,
        operation=operation,
        pattern=dict(pattern),
        accepted_at=operation.created_at,
    )


def is_barred(project_id: UUID, accepted_at: datetime, scope: Scope) -> bool:
    """Whether a delete of this scope was accepted after an add."""
    patterns = DeleteBarrier.objects.filter(
        project_id=project_id, accepted_at__gte=accepted_at
    ).values_list("pattern", flat=True)
    return any(covers(pattern, scope) for pattern in patterns)


def doomed_by(
    project_id: UUID, heads: Iterable[Memory], accepted_at: datetime
) -> dict[UUID, Operation]:
    """Memories that a delete accepted before an add will yet come to, with it."""
    heads = list(heads)
    if not heads:
        return {}
    deletes = list(
        Operation.objects.filter(
            project_id=project_id,
            kind__in=(Operation.Kind.DELETE_ALL, Operation.Kind.DELETE_USER),
            status__in=UNFINISHED,
            created_at__lt=accepted_at,
        )
    )
    return {
        head.id: delete
        for delete in deletes
        for head in heads
        if head.state != State.DELETED
        and head.accepted_at <= delete.created_at
        and covers(delete.payload["pattern"], _scope_of(head))
    }


def covers(pattern: Mapping[str, str], scope: Scope) -> bool:
    """Whether a delete pattern (ids, or ``*`` for any value) takes in a scope."""
    ids = scope.as_dict()
    return all(_matches(key, value, ids) for key, value in pattern.items())


def _matches(key: str, value: str, ids: Mapping[str, str | None]) -> bool:
    name = ids[key.removesuffix(HASHED)]
    if name is None:
        return False
    if key.endswith(HASHED):
        return value == sha256(name.encode()).hexdigest()
    return value in (ANY, name)


def _scope_of(head: Memory) -> Scope:
    return Scope(**{key: getattr(head, key) for key in SCOPE_KEYS})


def _lock(function: str, project_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {function}(hashtextextended(%s, 0))",
            [str(project_id)],
        )
