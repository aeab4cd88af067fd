"""Reads of operations: what was asked, how it went, what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from memories.models import Ingestion, MemoryVersion, Message, Operation
from memories.models.ingestion import CANCELLED, ERASED
from memories.selectors.search_traces import TRACE
from memories.types import OperationResult, Page
from memplatform.lib import clock
from memplatform.lib.errors import NotFound
from tenants.scopes import require_tenant


@dataclass(frozen=True, slots=True)
class OperationView:
    """An operation with its texts looked up: messages in, effects out."""

    id: UUID
    kind: str
    status: str
    payload: dict[str, Any]
    metadata: dict[str, Any] | None
    results: tuple[OperationResult, ...]
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    latency_ms: float | None
    error: str | None
    error_code: str | None = None
    attempts: int = 0
    ledger: dict[str, Any] | None = field(default=None)


def get_operation(
    operation_id: UUID,
    *,
    only: Mapping[str, str] | None = None,
    asked_by: UUID | None = None,
) -> OperationView:
    """One operation of the open scope; raises NotFound.

    With ``only``, one that carries these ids or that the key ``asked_by`` asked for:
    an erasure forgets whom it was about, and who asked wants to know that it is done.
    """
    own = _own(only or {}, asked_by)
    operation = Operation.objects.filter(own, id=operation_id).first()
    if operation is None:
        raise NotFound("Event not found!")
    return _views([operation])[0]


@dataclass(frozen=True, slots=True)
class OperationFilter:
    """Which operations to list; None and empty are any.

    ``ids`` are scope ids that an operation carries; ``created_before`` is exclusive.
    ``only`` and ``asked_by`` are those of :func:`get_operation`.
    """

    kind: str | None = None
    status: str | None = None
    ids: Mapping[str, str] = field(default_factory=dict)
    created_from: datetime | None = None
    created_before: datetime | None = None
    only: Mapping[str, str] = field(default_factory=dict)
    asked_by: UUID | None = None

    @property
    def is_countable(self) -> bool:
        """Whether what was counted once stays as it was: only the kind is asked."""
        return self == OperationFilter(kind=self.kind, asked_by=self.asked_by)

    def condition(self) -> Q:
        given = {
            "kind": self.kind,
            "status": self.status,
            "created_at__gte": self.created_from,
            "created_at__lt": self.created_before,
            **self.ids,
        }
        wanted = Q(**{name: value for name, value in given.items() if value})
        return wanted & _own(self.only, self.asked_by)


def list_operations(
    wanted: OperationFilter, *, page: int, page_size: int
) -> Page[OperationView]:
    """Newest first."""
    rows = Operation.objects.filter(wanted.condition())
    start = (page - 1) * page_size
    newest = rows.order_by("-created_at", "-id")[start : start + page_size]
    count = _count_all(wanted) if wanted.is_countable else rows.count()
    return Page(tuple(_views(list(newest))), count, page, page_size)


SETTLED_AFTER = timedelta(minutes=10)
"""How long an operation may take from its instant to its commit, with room to spare."""
_MOST_COUNTED = 10_000
_counted: dict[tuple[UUID, str | None], tuple[datetime, int]] = {}


def _count_all(wanted: OperationFilter) -> int:
    """Every operation of the open scope's project, or every one of a kind.

    They only ever become more, and never in the past: what this process has counted up
    to an instant is counted once. Of 200,000, a page took 36 ms so far, and 4 now.
    """
    rows = Operation.objects.filter(wanted.condition())
    project_id = require_tenant().project_id
    if project_id is None:
        return rows.count()
    key = (project_id, wanted.kind)
    since, before = _counted.get(key, (None, 0))
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    settled = clock.now() - SETTLED_AFTER
    if since is None or since < settled - SETTLED_AFTER:
        before += rows.filter(created_at__lt=settled).count()
        rows = rows.filter(created_at__gte=settled)
        if len(_counted) >= _MOST_COUNTED:
            _counted.clear()
        _counted[key] = (settled, before)
    return before + rows.count()


def list_failed() -> list[UUID]:
    """What has failed and could be run again, in the order it came in.

    What somebody stopped goes on when somebody says so.
    """
    failed = reopenable().exclude(error_code=CANCELLED).order_by("created_at", "id")
    return list(failed.values_list("id", flat=True))


def reopenable() -> QuerySet[Operation]:
    """What has failed and still has what a run needs."""
    failed = Operation.objects.filter(status=Operation.Status.FAILED)
    emptied = Message.objects.filter(
        ingestion__operation_id=OuterRef("id"), content__isnull=True
    )
    return failed.exclude(error_code=ERASED).exclude(Exists(emptied))


def _own(only: Mapping[str, str], asked_by: UUID | None) -> Q:
    """What a key narrowed to ``only`` may see: its subject's, and what it asked for."""
    own = Q(**only)
    return own | Q(api_key_id=asked_by) if only and asked_by else own


def _views(operations: Sequence[Operation]) -> list[OperationView]:
    ids = [operation.id for operation in operations]
    ingestions = {
        ingestion.operation_id: ingestion
        for ingestion in Ingestion.objects.filter(operation_id__in=ids)
    }
    messages = _messages(ingestions.values())
    texts = _texts(operations)
    return [
        _view(operation, ingestions.get(operation.id), messages, texts)
        for operation in operations
    ]


def _view(
    operation: Operation,
    ingestion: Ingestion | None,
    messages: dict[UUID, list[dict[str, Any]]],
    texts: dict[tuple[UUID, int], str | None],
) -> OperationView:
    payload = {k: value for k, value in operation.payload.items() if k != TRACE}
    if ingestion is not None:
        payload["messages"] = messages.get(ingestion.said_in, [])
    return OperationView(
        id=operation.id,
        kind=operation.kind,
        status=operation.status,
        payload=payload,
        metadata=ingestion.metadata if ingestion else None,
        results=tuple(_results(operation, texts)),
        created_at=operation.created_at,
        updated_at=operation.updated_at,
        started_at=operation.started_at,
        completed_at=operation.completed_at,
        latency_ms=operation.latency_ms,
        error=operation.error,
        error_code=operation.error_code,
        attempts=operation.attempts,
        ledger=ingestion.ledger if ingestion else None,
    )


def _results(
    operation: Operation, texts: dict[tuple[UUID, int], str | None]
) -> Iterable[OperationResult]:
    for result in operation.results:
        memory_id, number = UUID(result["id"]), result.get("number", 1)
        yield OperationResult(
            memory_id=memory_id,
            event=result["event"],
            text=texts.get((memory_id, number)),
            user_id=operation.user_id,
            number=number,
        )


def _messages(ingestions: Iterable[Ingestion]) -> dict[UUID, list[dict[str, Any]]]:
    ids = [ingestion.said_in for ingestion in ingestions]
    found: dict[UUID, list[dict[str, Any]]] = {}
    rows = Message.objects.filter(ingestion_id__in=ids).order_by("position")
    for message in rows if ids else ():
        shown = {"role": message.role, "content": message.content}
        if message.name:
            shown["name"] = message.name
        found.setdefault(message.ingestion_id, []).append(shown)
    return found


def _texts(operations: Sequence[Operation]) -> dict[tuple[UUID, int], str | None]:
    wanted = {
        (UUID(result["id"]), result.get("number", 1))
        for operation in operations
        for result in operation.results
        if "id" in result
    }
    if not wanted:
        return {}
    rows = MemoryVersion.objects.filter(
        memory_id__in={memory_id for memory_id, _ in wanted},
        number__in={number for _, number in wanted},
    )
    return {(row.memory_id, row.number): row.text for row in rows}
