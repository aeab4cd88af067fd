"""The bodies of deliveries (contract §8, Webhooks).

``event_details`` is what the hosted API sends; what stands beside it, and in it after
its keys, is ours: clients that know of neither are not disturbed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from memories.types import SCOPE_KEYS, JsonDict, Scope

CATEGORIZE = "memory_categorize"
WORDS = {
    "memory_add": "ADD",
    "memory_update": "UPDATE",
    "memory_delete": "DELETE",
}
"""What the wire calls a change of a memory, by topic."""


@dataclass(frozen=True, slots=True)
class ToldMemory:
    """A version of a memory; ``text`` None once it is erased, and told as blank."""

    id: UUID
    number: int
    scope: Scope
    text: str | None
    categories: Sequence[str]


@dataclass(frozen=True, slots=True)
class ToldJob:
    """How an add ended; ``results`` are ids and events, no texts."""

    id: UUID
    scope: Scope
    status: str
    results: Sequence[Mapping[str, Any]]
    error_code: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands around the details of every event."""

    topic: str
    at: datetime
    project_id: UUID
    is_test: bool = False

    def around(self, details: JsonDict) -> JsonDict:
        body: JsonDict = {
            "event_details": details,
            "type": self.topic,
            "timestamp": self.at.isoformat(),
            "project_id": str(self.project_id),
        }
        return {**body, "test": True} if self.is_test else body


def memory_body(envelope: Envelope, memory: ToldMemory) -> JsonDict:
    """Of a change, the text after it (of a delete, the last one); or the categories."""
    scope = {key: getattr(memory.scope, key) for key in SCOPE_KEYS}
    if envelope.topic == CATEGORIZE:
        details: JsonDict = {
            "event": "CATEGORIZE",
            "memory_id": str(memory.id),
            "categories": list(memory.categories),
        }
    else:
        details = {
            "id": str(memory.id),
            "data": {"memory": memory.text or ""},
            "event": WORDS[envelope.topic],
        }
    return envelope.around({**details, **scope, "version": memory.number})


def job_body(envelope: Envelope, job: ToldJob) -> JsonDict:
    """Of an add: its event's id, how it ended, and which memories it touched."""
    scope = {key: getattr(job.scope, key) for key in SCOPE_KEYS}
    results = [{"id": r["id"], "event": r["event"]} for r in job.results]
    details: JsonDict = {
        "event": envelope.topic.upper(),
        "event_id": str(job.id),
        "status": job.status,
        "results": results,
        "error_code": job.error_code,
        "error": job.error,
    }
    return envelope.around({**details, **scope})


def as_bytes(body: JsonDict) -> bytes:
    """What is sent and signed; the same for the same body."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
