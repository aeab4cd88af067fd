"""The same Idempotency-Key gives the same answer for 24 hours (decision 25).

The record is written in the transaction that accepts the request: a concurrent second
waits on the unique key until the first has committed, and then reads its answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from memories.models import IdempotencyRecord
from memories.types import AddAnswer
from memplatform.lib.errors import Conflict
from tenants.selectors import Access

KEPT = timedelta(hours=24)


def reserve(
    access: Access, key: str | None, body_hash: str, at: datetime
) -> IdempotencyRecord | None:
    """This key's record: with an answer when the request was made before.

    None without one: operators send none. Raises Conflict when the key came with
    another body.
    """
    if not key or access.key_id is None:
        return None
    mine = IdempotencyRecord(
        project_id=access.project_id,
        api_key_id=access.key_id,
        key=key,
        body_hash=body_hash,
        created_at=at,
    )
    IdempotencyRecord.objects.bulk_create([mine], ignore_conflicts=True)
    record = IdempotencyRecord.objects.select_for_update().get(
        api_key_id=access.key_id, key=key
    )
    if record.id != mine.id and record.created_at < at - KEPT:
        record.body_hash, record.answer, record.created_at = body_hash, None, at
    if record.body_hash != body_hash:
        raise Conflict
    return record


def remember(record: IdempotencyRecord | None, answer: AddAnswer) -> None:
    """Keep the answer, by reference: its texts stay where they can be erased."""
    if record is None:
        return
    record.operation_id = answer.operation_id
    record.answer = {
        "operation_id": str(answer.operation_id),
        "status": answer.status,
        "has_results": answer.results is not None,
    }
    record.save()
