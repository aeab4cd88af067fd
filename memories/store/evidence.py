"""Writes of what bears memories out. Call inside a tenant scope."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from memories.models import Confirmation, Memory, Operation, PatternSource
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


def inherit_sources(giver: Memory, heir: Memory) -> None:
    """What a pattern was put together from bears out the version of another that says
    its words now; call once both are written."""
    rows = PatternSource.objects.filter(pattern_id=giver.id, number__lte=giver.number)
    script = Script()
    script.insert(
        [
            PatternSource(
                project_id=heir.project_id,
                pattern_id=heir.id,
                number=heir.number,
                source_id=row.source_id,
                wording=row.wording,
            )
            for row in rows
        ],
        skip_known=True,
    )
    script.run()
