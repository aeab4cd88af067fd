"""Writes of what bears memories out. Call inside a tenant scope."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from memories.models import Confirmation, Operation
from memories.store.script import Script
from memplatform.lib import clock


def write_confirmations(
    script: Script, operation: Operation, memory_ids: Sequence[UUID]
) -> None:
    """An add that said again what these memories say; no version of theirs follows."""
    at = clock.now()
    rows = [
        Confirmation(
            project_id=operation.project_id,
            memory_id=memory_id,
            operation_id=operation.id,
            at=at,
        )
        for memory_id in memory_ids
    ]
    script.insert(rows, skip_known=True)
