"""Ingestions as a queue to watch: what waits, what failed, what came of the rest.

Call inside a tenant scope. Every list is bounded; a constant number of queries each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import (
    Count,
    Exists,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    TextField,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from memories.models import (
    Anchor,
    Ingestion,
    LlmCall,
    Message,
    Operation,
)
from memories.models.ingestion import ERASED, REPROCESS_OF, UNFINISHED
from memories.selectors.operations import reopenable
from memories.types import SCOPE_KEYS, Page

MOST_LISTED = 1_000
"""Ingestions that can be paged through; a narrower filter leads to older ones."""
MOST_AT_ONCE = 200
"""Failed ones that are retried, or processed again, with one request."""


@dataclass(frozen=True, slots=True)
class IngestionFilter:
    """Which ingestions to list; blank and None are any.

    ``kind`` (user, agent, app, run) and ``name`` are of a subject. ``until`` is
    exclusive.
    """

    status: str = ""
    error_code: str = ""
    kind: str = "user"
    name: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class IngestionRow:
    """An ingestion in the list. Of those decided together the oldest has the cost;
    ``cost`` None: no price is known.
    """

    id: UUID
    status: str
    created_at: datetime
    updated_at: datetime
    attempts: int
    latency_ms: float | None
    error_code: str | None
    subject: str
    engine: str
    messages: int
    outcomes: Mapping[str, int]
    cost: Decimal | None
    tokens: int
    is_again: bool

    @property
    def took(self) -> str:
        """From its request to its end."""
        if self.latency_ms is None:
            return ""
        if self.latency_ms < 1_000:
            return f"{self.latency_ms:.0f} ms"
        seconds = self.latency_ms / 1_000
        return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def list_ingestions(
    wanted: IngestionFilter, *, page: int, page_size: int
) -> Page[IngestionRow]:
    """Newest first. ``count`` stops at ``MOST_LISTED`` + 1, and so does paging."""
    rows = _matching(wanted)
    count = rows.order_by().values("id")[: MOST_LISTED + 1].count()
    page = min(page, max(1, -(-MOST_LISTED // page_size)))
    start = (page - 1) * page_size
    found = list(_newest(rows)[start : start + page_size])
    return Page(_rows(found), count, page, page_size)


def fingerprint(wanted: IngestionFilter, *, page: int, page_size: int) -> str:
    """Changes when a row of this page does; one query."""
    start = (page - 1) * page_size
    rows = _newest(_matching(wanted)).values_list("id", "updated_at")
    return " ".join(f"{i}{at}" for i, at in rows[start : start + page_size])


@dataclass(frozen=True, slots=True)
class Failures:
    """Adds that failed for one reason and can be tried again; ``count`` stops at
    ``MOST_AT_ONCE`` + 1.
    """

    error_code: str
    count: int
    first_at: datetime | None
    last_at: datetime | None

    @property
    def at_once(self) -> int:
        """How many one request is about."""
        return min(self.count, MOST_AT_ONCE)


def count_retryable(error_code: str) -> Failures:
    """How many a retry of all would be about, the oldest first."""
    return _count_failures(error_code, _retryable(error_code))


def count_reprocessable(error_code: str) -> Failures:
    """How many would be processed again, the oldest first."""
    return _count_failures(error_code, _reprocessable(error_code))


def _count_failures(error_code: str, rows: QuerySet[Operation]) -> Failures:
    oldest = rows.order_by("created_at", "id")[: MOST_AT_ONCE + 1]
    found = Operation.objects.filter(id__in=list(oldest.values_list("id", flat=True)))
    totals = found.aggregate(
        count=Count("id"), first=Min("created_at"), last=Max("created_at")
    )
    return Failures(error_code, totals["count"], totals["first"], totals["last"])


def list_retryable(error_code: str) -> list[UUID]:
    """At most ``MOST_AT_ONCE``, in the order they came in."""
    return _oldest(_retryable(error_code))


def list_reprocessable(error_code: str) -> list[UUID]:
    """At most ``MOST_AT_ONCE``, in the order they came in."""
    return _oldest(_reprocessable(error_code))


def _oldest(rows: QuerySet[Operation]) -> list[UUID]:
    ids = rows.order_by("created_at", "id").values_list("id", flat=True)
    return list(ids[:MOST_AT_ONCE])


def reprocess_problem(operation: Operation, ingestion: Ingestion) -> str:
    """Why an add cannot be processed again, as far as its rows say; blank: it can."""
    if operation.status in UNFINISHED:
        return "It has not ended yet; it cannot be processed again."
    if not ingestion.infer:
        return "It was stored word for word: there is nothing to decide anew."
    if operation.error_code == ERASED:
        return "What it was about has been erased; it cannot be processed again."
    return ""


def _retryable(error_code: str) -> QuerySet[Operation]:
    return reopenable().filter(kind=Operation.Kind.ADD, error_code=error_code)


def _reprocessable(error_code: str) -> QuerySet[Operation]:
    """What failed so, was to be decided on, and was not processed again since."""
    again = Operation.objects.annotate(again_of=KT(f"payload__{REPROCESS_OF}")).filter(
        kind=Operation.Kind.ADD,
        anchor_id=OuterRef("anchor_id"),
        payload__has_key=REPROCESS_OF,  # few, by an index of their own
        again_of=Cast(OuterRef("id"), TextField()),
    )
    decided = Ingestion.objects.filter(operation_id=OuterRef("id"), infer=True)
    return _retryable(error_code).filter(Exists(decided)).exclude(Exists(again))


def _matching(wanted: IngestionFilter) -> QuerySet[Operation]:
    given = {
        "status": wanted.status,
        "error_code": wanted.error_code,
        "created_at__gte": wanted.since,
        "created_at__lt": wanted.until,
    }
    if wanted.error_code:
        given["status"] = Operation.Status.FAILED
    rows = Operation.objects.filter(
        kind=Operation.Kind.ADD, **{key: value for key, value in given.items() if value}
    )
    return rows.filter(_of_subject(wanted)) if wanted.name else rows


def _of_subject(wanted: IngestionFilter) -> Q:
    """By its anchors, which an index finds; a run, in the key of none, has its own."""
    own = {f"{wanted.kind}_id": wanted.name}
    if wanted.kind == "run":
        return Q(**own)
    anchors = Anchor.objects.filter(**own).values_list("id", flat=True)
    return Q(**own, anchor_id__in=list(anchors))


def _newest(rows: QuerySet[Operation]) -> QuerySet[Operation]:
    return rows.order_by("-created_at", "-id")


def _rows(operations: Sequence[Operation]) -> tuple[IngestionRow, ...]:
    ids = [operation.id for operation in operations]
    details = Ingestion.objects.filter(operation_id__in=ids).defer("ledger")
    ingestions = {
        row.operation_id: row for row in details.annotate(totals=KT("ledger__totals"))
    }
    said = _count_messages(ingestions.values())
    spent = _spent(ids)
    return tuple(
        _row(operation, ingestions[operation.id], said, spent)
        for operation in operations
        if operation.id in ingestions
    )


def subject_of(operation: Operation) -> str:
    """Whom it is about, in one line."""
    ids = {key: getattr(operation, key) for key in SCOPE_KEYS}
    named = [f"{key.removesuffix('_id')} {name}" for key, name in ids.items() if name]
    return ", ".join(named)


def _count_messages(ingestions: Iterable[Ingestion]) -> dict[UUID, int]:
    rows = Message.objects.filter(ingestion_id__in=[i.said_in for i in ingestions])
    counted = rows.order_by().values_list("ingestion_id")
    return dict(counted.annotate(count=Count("id")))


def _spent(operation_ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    calls = LlmCall.objects.filter(operation_id__in=operation_ids).order_by()
    summed = calls.values("operation_id").annotate(cost=Sum("cost"))
    return {row["operation_id"]: dict(row) for row in summed}


def _row(
    operation: Operation,
    ingestion: Ingestion,
    said: Mapping[UUID, int],
    spent: Mapping[UUID, dict[str, Any]],
) -> IngestionRow:
    totals = getattr(ingestion, "totals", None)
    return IngestionRow(
        id=operation.id,
        status=operation.status,
        created_at=operation.created_at,
        updated_at=operation.updated_at,
        attempts=operation.attempts,
        latency_ms=operation.latency_ms,
        error_code=operation.error_code,
        subject=subject_of(operation),
        engine=ingestion.engine or "word for word",
        messages=said.get(ingestion.said_in, 0),
        outcomes=(json.loads(totals) if totals else {}).get("facts", {}),
        cost=spent.get(operation.id, {}).get("cost"),
        tokens=ingestion.prompt_tokens + ingestion.completion_tokens,
        is_again=REPROCESS_OF in ingestion.options,
    )
