"""What the wire shows: the selectors' frozen views in, JSON out (contract §4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils.encoding import escape_uri_path
from rest_framework.request import Request

from memories.retrieval.rerank import Reranking
from memories.selectors.operations import OperationView
from memories.types import (
    EVENT_RULES,
    STATE_RULES,
    AddAnswer,
    HistoryEntry,
    Hit,
    JsonDict,
    MemoryView,
    OperationResult,
    Page,
)

Shown = frozenset[str] | None
"""Keys that results are restricted to; None shows all."""


def memory_json(memory: MemoryView, shown: Shown = None) -> JsonDict:
    """A memory; the run goes by both of its names."""
    body: JsonDict = {
        "id": str(memory.id),
        "memory": memory.text,
        "user_id": memory.user_id,
        "agent_id": memory.agent_id,
        "app_id": memory.app_id,
        "run_id": memory.run_id,
        "session_id": memory.run_id,
        "metadata": memory.metadata,
        "categories": None if memory.categories is None else list(memory.categories),
        "expiration_date": memory.expires_on and memory.expires_on.isoformat(),
        "created_at": memory.created_at.isoformat(),
        "updated_at": memory.updated_at.isoformat(),
        "structured_attributes": _attributes(memory.created_at),
        "replaced_by": memory.replaced_by and str(memory.replaced_by),
        "synthesized": memory.kind == "pattern",
        "lifecycle_state": STATE_RULES[memory.state].wire,
        "hash": memory.text_hash,
        "immutable": memory.is_immutable,
        "version": memory.number,
        "valid_from": _iso(memory.valid_from),
        "valid_to": _iso(memory.valid_to),
        "valid_precision": memory.valid_precision,
        "recurs": memory.recurs,
        "aspect": memory.aspect,
        "attributed_to": memory.attributed_to,
        "stale_suspect": memory.is_stale_suspect,
    }
    return _restricted(body, shown)


def hit_json(hit: Hit, shown: Shown = None) -> JsonDict:
    """A found memory with its relevance, and what each leg gave it."""
    body = memory_json(hit.memory)
    body["score"] = hit.score
    body["score_breakdown"] = dict(hit.signals)
    return _restricted(body, shown)


def reranking_json(reranking: Reranking | None) -> JsonDict:
    """What came of a reranker, where one was to be asked; else nothing."""
    if reranking is None:
        return {}
    applied = {"is_applied": bool(reranking), "model": reranking.model or None}
    return {"rerank": {**applied, "problem": reranking.problem or None}}


def add_json(answer: AddAnswer) -> JsonDict:
    """What an add says at once: queued, or done with its results."""
    is_queued = answer.results is None
    body: JsonDict = {
        "message": "Memory processing has been queued." if is_queued else "Stored.",
        "status": answer.status,
        "event_id": str(answer.operation_id),
    }
    if answer.results is not None:
        body["results"] = [result_json(result) for result in answer.results]
    return body


def result_json(result: OperationResult) -> JsonDict:
    """One effect; clients read the text flat or inside ``data``."""
    text = result.text or ""
    return {
        "id": str(result.memory_id),
        "event": result.event,
        "data": {"memory": text},
        "memory": text,
        "user_id": result.user_id,
    }


def operation_json(operation: OperationView) -> JsonDict:
    """An operation; the wire calls it an event."""
    return {
        "id": str(operation.id),
        "event_type": operation.kind,
        "status": operation.status,
        "payload": operation.payload,
        "metadata": operation.metadata,
        "results": [result_json(result) for result in operation.results],
        "created_at": operation.created_at.isoformat(),
        "updated_at": operation.updated_at.isoformat(),
        "started_at": _iso(operation.started_at),
        "completed_at": _iso(operation.completed_at),
        "latency": operation.latency_ms,
        "graph_status": None,
        "error": operation.error,
        "ledger": operation.ledger,
    }


def history_json(entries: Sequence[HistoryEntry]) -> list[JsonDict]:
    """What happened to a memory, in the order given."""
    return [entry_json(entry) for entry in entries if EVENT_RULES[entry.kind].history]


def page_json[Item](
    request: Request, page: Page[Item], shape: Callable[[Item], JsonDict]
) -> JsonDict:
    """The envelope of a list; links are absolute and keep the page's size."""
    return {
        "count": page.count,
        "next": _page_url(request, page, 1) if page.has_next else None,
        "previous": _page_url(request, page, -1) if page.number > 1 else None,
        "results": [shape(item) for item in page.items],
    }


def entry_json(entry: HistoryEntry) -> JsonDict:
    """One change; bringing back what was deleted is an ADD, and so is the beginning of
    what waits for review."""
    is_back = entry.kind == "RESTORE" and entry.was_gone
    is_new = entry.kind == "QUARANTINE" and entry.old_text is None
    word = "ADD" if is_back or is_new else EVENT_RULES[entry.kind].history
    is_gone = word == "DELETE"
    at = entry.at.isoformat()
    return {
        "id": str(entry.id),
        "memory_id": str(entry.memory_id),
        "event": word,
        "input": [{"role": m.role, "content": m.content} for m in entry.messages],
        "old_memory": None if word == "ADD" else entry.old_text or entry.new_text,
        "new_memory": None if is_gone else entry.new_text,
        "user_id": entry.scope.user_id,
        "agent_id": entry.scope.agent_id,
        "app_id": entry.scope.app_id,
        "run_id": entry.scope.run_id,
        "session_id": entry.scope.run_id,
        "categories": None if entry.categories is None else list(entry.categories),
        "metadata": entry.metadata,
        "created_at": at,
        "updated_at": at,
        "cause": _cause(entry),
    }


def _cause(entry: HistoryEntry) -> JsonDict:
    """Why it happened: who or what did it, and what it went by."""
    return {
        "kind": entry.kind,
        "reason": entry.reason,
        "actor": entry.actor_kind,
        "event_id": _text(entry.operation_id),
        "message_ids": [str(message_id) for message_id in entry.message_ids],
        "related_memory_id": _text(entry.related_memory_id),
        "prompt_version_id": _text(entry.prompt_version_id),
        "engine": entry.engine,
        "model": entry.model,
    }


def _attributes(instant: datetime) -> JsonDict:
    """The parts of ``created_at``, in UTC."""
    _, week, weekday = instant.isocalendar()
    return {
        "year": instant.year,
        "month": instant.month,
        "day": instant.day,
        "hour": instant.hour,
        "minute": instant.minute,
        "day_of_week": _WEEKDAYS[weekday - 1],
        "week_of_year": week,
        "day_of_year": instant.timetuple().tm_yday,
        "quarter": (instant.month + 2) // 3,
        "is_weekend": weekday > 5,
    }


_WEEKDAYS = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)


def _page_url(request: Request, page: Page[Any], step: int) -> str:
    query = {
        **request.query_params.dict(),
        "page": str(page.number + step),
        "page_size": str(page.size),
    }
    base = settings.PUBLIC_URL.rstrip("/")
    path = escape_uri_path(request.path)
    place = base + path if base else request.build_absolute_uri(path)
    return f"{place}?{urlencode(query)}"


def _restricted(body: JsonDict, shown: Shown) -> JsonDict:
    if shown is None:
        return body
    return {key: value for key, value in body.items() if key in shown}


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)
