"""The queue of memories without categories: taken in parts, settled under the locks.

Scenarios, each of which ends with exactly one effect:

* the worker dies: its lease passes, the sweep finds the rows due again.
* two workers come for one project: the second finds it held and leaves.
* the text was changed meanwhile: what was found for the old one is dropped, and the
  memory is looked at again.
* the memory is gone, or has its categories by now: only its row goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from memories.models import Ingestion, Memory, MemoryEvent, Uncategorized
from memories.store.batch import Batch, Cause, Revision
from memories.types import STATE_RULES, OperationResult, State
from memplatform.lib import clock

CHUNK = 50
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A memory to be categorized, as it was read; ``catalogue`` None: the project's."""

    row_id: UUID
    attempts: int
    memory_id: UUID
    anchor_id: UUID
    text: str
    speaker: str | None
    catalogue: Mapping[str, str] | None


def claim(project_id: UUID, *, lease_s: float) -> list[Waiting]:
    """Take the oldest that are due; none while somebody else works on the project.

    Call inside the tenant's scope.
    """
    now = clock.now()
    mine = Uncategorized.objects.filter(project_id=project_id)
    if mine.filter(lease_until__gt=now).exists():
        return []
    due = mine.filter(due_at__lte=now).order_by("due_at", "id")
    rows = list(due.select_for_update(skip_locked=True)[:CHUNK])
    until = now + timedelta(seconds=lease_s)
    for row in rows:
        row.attempts += 1
        row.lease_until = row.due_at = until
    Uncategorized.objects.bulk_update(rows, ["attempts", "lease_until", "due_at"])
    return _read(rows)


def _read(rows: Sequence[Uncategorized]) -> list[Waiting]:
    """What is still to be done; the rows of what is not, are deleted."""
    heads = Memory.objects.in_bulk([row.memory_id for row in rows])
    done = [row.id for row in rows if not _lacks_categories(heads.get(row.memory_id))]
    Uncategorized.objects.filter(id__in=done).delete()
    operations = {row.operation_id for row in rows if row.operation_id}
    given = Ingestion.objects.filter(operation_id__in=operations)
    options = dict(given.values_list("operation_id", "options"))
    return [
        Waiting(
            row_id=row.id,
            attempts=row.attempts,
            memory_id=row.memory_id,
            anchor_id=heads[row.memory_id].anchor_id,
            text=heads[row.memory_id].text or "",
            speaker=heads[row.memory_id].speaker,
            catalogue=_own_list(options, row.operation_id),
        )
        for row in rows
        if row.id not in done
    ]


def _own_list(
    options: Mapping[UUID, dict[str, Any]], operation_id: UUID | None
) -> Mapping[str, str] | None:
    """The categories that the memory's own add brought, if it did."""
    return options.get(operation_id, {}).get("categories") if operation_id else None


def _lacks_categories(head: Memory | None) -> bool:
    return (
        head is not None
        and head.text is not None
        and head.categories is None
        and STATE_RULES[State(head.state)].got
    )


def settle(
    project_id: UUID, found: Mapping[Waiting, tuple[str, ...]], cause: Cause
) -> tuple[OperationResult, ...]:
    """Give memories of one anchor their categories; call inside the tenant's scope.

    What another worker took over meanwhile is left to it.
    """
    batch = Batch.open(project_id, {waiting.anchor_id for waiting in found})
    held = _held(found)
    heads = Memory.objects.in_bulk([waiting.memory_id for waiting in held])
    for waiting in held:
        head = heads.get(waiting.memory_id)
        if head is None or not _lacks_categories(head):
            continue
        if head.text == waiting.text:
            kind = MemoryEvent.Kind.CATEGORIZE
            batch.revise(head, kind, Revision(categories=found[waiting]), cause)
    results = batch.flush()
    _release(held, heads)
    return results


def _held(found: Mapping[Waiting, Any]) -> list[Waiting]:
    rows = Uncategorized.objects.select_for_update().in_bulk(
        [waiting.row_id for waiting in found]
    )
    return [
        waiting
        for waiting in found
        if waiting.row_id in rows and rows[waiting.row_id].attempts == waiting.attempts
    ]


def _release(held: Sequence[Waiting], heads: Mapping[UUID, Memory]) -> None:
    """Rows go; but for those whose memory says something else by now."""
    again = [w.row_id for w in held if _lacks_categories(heads.get(w.memory_id))]
    done = [waiting.row_id for waiting in held if waiting.row_id not in again]
    Uncategorized.objects.filter(id__in=done).delete()
    Uncategorized.objects.filter(id__in=again).update(
        due_at=clock.now(), lease_until=None
    )


def postpone(waiting: Sequence[Waiting], *, pause_s: float) -> datetime:
    """A later attempt, pauses doubling up to an hour; until when."""
    attempts = max(w.attempts for w in waiting)
    pause = timedelta(seconds=pause_s * 2 ** min(attempts - 1, 20))
    until = clock.now() + min(pause, LONGEST_PAUSE)
    for one in waiting:
        mine = Uncategorized.objects.filter(id=one.row_id, attempts=one.attempts)
        mine.update(due_at=until, lease_until=None)
    return until
