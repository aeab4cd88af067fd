"""Searches whose trace is kept: what led to their answer stands in their payload.

Call inside a tenant scope.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.fields.json import KT

from memories.models import Operation
from memories.types import JsonDict, Page
from memplatform.lib.errors import NotFound

TRACE = "trace"
"""Where a search operation's payload has it."""


@dataclass(frozen=True, slots=True)
class TracedSearch:
    """A line of the list. ``returned`` counts memories; ``operator_id`` None: a key."""

    id: UUID
    at: datetime
    query: str
    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None
    returned: int
    latency_ms: float | None
    operator_id: UUID | None


def all_traced() -> QuerySet[Operation]:
    """Of the index ``search_traced``."""
    return Operation.objects.filter(kind=Operation.Kind.SEARCH, payload__has_key=TRACE)


def name_in_trace(kind: str, name: str) -> str:
    """How a trace notes that its filters name a subject."""
    return f"{kind}_id:{name}"


def list_traced(*, page: int, page_size: int) -> Page[TracedSearch]:
    """The newest first; traces themselves stay where they are."""
    kept = all_traced().order_by("-created_at", "-id")
    rows = kept.annotate(query=KT("payload__query")).defer("payload")
    start = (page - 1) * page_size
    items = tuple(_line(row) for row in rows[start : start + page_size])
    return Page(items, kept.count(), page, page_size)


def get_traced(operation_id: UUID) -> tuple[TracedSearch, JsonDict]:
    """A search and its trace as it is kept; raises NotFound."""
    row = all_traced().filter(id=operation_id).first()
    if row is None:
        raise NotFound("There is no such trace; it may be kept no longer.")
    row.query = row.payload["query"]  # type: ignore[attr-defined]
    return _line(row), row.payload[TRACE]


def _line(row: Any) -> TracedSearch:
    return TracedSearch(
        id=row.id,
        at=row.created_at,
        query=row.query,
        user_id=row.user_id,
        agent_id=row.agent_id,
        app_id=row.app_id,
        run_id=row.run_id,
        returned=len(row.results),
        latency_ms=row.latency_ms,
        operator_id=row.operator_id,
    )
