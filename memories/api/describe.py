"""The API document, operation by operation, with an example of each side."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from memories.api import components
from memories.types import SCOPE_KEYS

MEMORY_ID = "0b0e5c1e-6f0a-4b55-9a51-5d1f6a0f2a11"
EVENT_ID = "5c0e1d7a-3f5e-4f0c-8d7e-6a1b2c3d4e5f"
MESSAGE_ID = "7d0f5a0c-8a5c-4f55-b1a6-0a9b8c7d6e5f"
AT = "2026-03-01T09:30:00.120000+00:00"
ADD_EXAMPLE = {
    "messages": [{"role": "user", "content": "I keep bees behind the barn."}],
    "user_id": "ida",
}
VERBATIM_EXAMPLE = {
    **ADD_EXAMPLE,
    "infer": False,
    "metadata": {"source": "chat"},
    "expiration_date": "2026-12-31",
}
DOCUMENT_EXAMPLE = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What I keep, and where."},
                {
                    "type": "txt_url",
                    "txt_url": {"url": "data:text/plain,I%20keep%20bees."},
                },
            ],
        }
    ],
    "user_id": "ida",
}
FILTER_EXAMPLE = {
    "AND": [
        {"user_id": "ida"},
        {"NOT": {"metadata": {"kind": "draft"}}},
        {"created_at": {"gte": "2026-01-01", "lt": "2026-04-01"}},
    ]
}
SEARCH_EXAMPLE = {"query": "Which animals?", "filters": {"user_id": "ida"}, "top_k": 5}
LIST_EXAMPLE = {"filters": FILTER_EXAMPLE}
UPDATE_EXAMPLE = {"text": "Keeps two hives behind the barn"}
MEMORY_EXAMPLE = {
    "id": MEMORY_ID,
    "memory": "Keeps bees behind the barn",
    "user_id": "ida",
    "agent_id": None,
    "app_id": None,
    "run_id": "r-7",
    "session_id": "r-7",
    "metadata": {"source": "chat"},
    "categories": ["hobbies"],
    "expiration_date": None,
    "created_at": AT,
    "updated_at": AT,
    "structured_attributes": {
        "year": 2026,
        "month": 3,
        "day": 1,
        "hour": 9,
        "minute": 30,
        "day_of_week": "sunday",
        "week_of_year": 9,
        "day_of_year": 60,
        "quarter": 1,
        "is_weekend": True,
    },
    "replaced_by": None,
    "synthesized": False,
    "lifecycle_state": "active",
    "hash": "9f0c3a",
    "immutable": False,
    "version": 1,
    "valid_from": "2026-02-01T00:00:00+00:00",
    "valid_to": None,
    "valid_precision": "month",
    "recurs": None,
    "aspect": "state",
    "attributed_to": "user",
    "stale_suspect": False,
}
EFFECT_EXAMPLE = {
    "id": MEMORY_ID,
    "event": "ADD",
    "data": {"memory": "Keeps bees behind the barn"},
    "memory": "Keeps bees behind the barn",
    "user_id": "ida",
}
QUEUED_EXAMPLE = {
    "message": "Memory processing has been queued.",
    "status": "PENDING",
    "event_id": EVENT_ID,
}
EVENT_EXAMPLE = {
    "id": EVENT_ID,
    "event_type": "ADD",
    "status": "SUCCEEDED",
    "payload": {"messages": ADD_EXAMPLE["messages"]},
    "metadata": None,
    "results": [EFFECT_EXAMPLE],
    "created_at": AT,
    "updated_at": AT,
    "started_at": AT,
    "completed_at": AT,
    "latency": 812.4,
    "graph_status": None,
    "error": None,
    "ledger": {
        "engine": "local",
        "messages": [{"id": MESSAGE_ID, "outcome": "learned", "reason": ""}],
        "facts": [
            {
                "verdict": "ADD",
                "outcome": "stored",
                "memory_id": MEMORY_ID,
                "target_id": None,
                "reason": "A lasting hobby.",
                "note": "",
                "messages": [MESSAGE_ID],
            }
        ],
        "totals": {"messages": 1, "facts": {"stored": 1}},
    },
}
HISTORY_EXAMPLE = [
    {
        "id": "c1f5b0b2-5a51-4c0f-9e1e-2d3c4b5a6978",
        "memory_id": MEMORY_ID,
        "event": "ADD",
        "input": ADD_EXAMPLE["messages"],
        "old_memory": None,
        "new_memory": "Keeps bees behind the barn",
        "user_id": "ida",
        "agent_id": None,
        "app_id": None,
        "run_id": "r-7",
        "session_id": "r-7",
        "categories": ["hobbies"],
        "metadata": {"source": "chat"},
        "created_at": AT,
        "updated_at": AT,
        "cause": {
            "kind": "ADD",
            "reason": "A lasting hobby.",
            "actor": "engine",
            "event_id": EVENT_ID,
            "message_ids": [MESSAGE_ID],
            "related_memory_id": None,
            "prompt_version_id": None,
            "engine": "local",
            "model": None,
        },
    }
]


def asked(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


def answered(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=["200"])


def page(item: Any) -> dict[str, Any]:
    """One whole page; lists are not wrapped for us."""
    return {"count": 1, "next": None, "previous": None, "results": [item]}


def described(
    operation_id: str, tag: str, answer: Any, *errors: int, **more: Any
) -> dict[str, Any]:
    """What every operation's description has: its answer, and how it refuses.

    Any may answer 401 and 429; ``errors`` are the others.
    """
    refused = dict.fromkeys((401, 429, *errors), components.Error)
    return {
        "operation_id": operation_id,
        "tags": [tag],
        "responses": {200: answer, **dict(sorted(refused.items()))},
        **more,
    }


def in_query(name: str, help_text: str, kind: Any = str) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=help_text)


PAGING = [
    in_query("page", "From 1.", int),
    in_query("page_size", "100 when absent, 200 at most.", int),
]
_MEMORY_ID = OpenApiParameter(
    "memory_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="A UUID."
)
_EVENT_ID = OpenApiParameter(
    "event_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="A UUID."
)
_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key and body give the same event for 24 hours.",
)

PING = described(
    "ping",
    "ping",
    components.PingAnswer,
    summary="Who this key belongs to",
    examples=[
        answered(
            "A key's owner",
            {
                "status": "ok",
                "org_id": "019a3f0c-5e6d-7a10-8b6f-3c2d1e0f9a8b",
                "project_id": "019a3f0c-5e6d-7a11-9c70-4d3e2f1a0b9c",
                "user_email": "ida@example.com",
            },
        )
    ],
)
ADD = described(
    "add_memories",
    "memories",
    components.AddAnswer,
    400,
    403,
    404,
    409,
    413,
    summary="Remember what is worth it",
    description=(
        "An inferred add is queued: follow its event. With infer=false the messages "
        "are stored as they are and can be read when this answers. Messages may bring "
        "images, where a model of the project sees them, PDFs and texts; what cannot "
        "be read is refused by name."
    ),
    parameters=[_IDEMPOTENCY_KEY],
    request=components.AddBody,
    examples=[
        asked("A conversation", ADD_EXAMPLE),
        asked("A document", DOCUMENT_EXAMPLE),
        asked("Verbatim", VERBATIM_EXAMPLE),
        answered("Queued", QUEUED_EXAMPLE),
        answered(
            "Stored",
            {
                "message": "Stored.",
                "status": "SUCCEEDED",
                "event_id": EVENT_ID,
                "results": [EFFECT_EXAMPLE],
            },
        ),
    ],
)
SEARCH = described(
    "search_memories",
    "memories",
    components.SearchAnswer,
    400,
    404,
    413,
    summary="Find what answers a question, best first",
    request=components.SearchBody,
    examples=[
        asked("A question", SEARCH_EXAMPLE),
        answered(
            "Found",
            {
                "results": [
                    {
                        **MEMORY_EXAMPLE,
                        "score": 0.83,
                        "score_breakdown": {"semantic": 0.71, "bm25": 0.2},
                    }
                ]
            },
        ),
    ],
)
LIST = described(
    "list_memories",
    "memories",
    components.MemoryPage,
    400,
    404,
    413,
    summary="List memories, newest first",
    parameters=PAGING,
    request=components.ListBody,
    examples=[
        asked("Of one user, this quarter", LIST_EXAMPLE),
        answered("A page", page(MEMORY_EXAMPLE)),
    ],
)
DELETE_ALL = described(
    "delete_memories",
    "memories",
    components.DeleteAccepted,
    400,
    403,
    404,
    summary="Delete everything of a scope",
    description="At least one id; `*` is any value. All of them must match.",
    parameters=[in_query(key, "An id, or `*`.") for key in SCOPE_KEYS],
    request=None,
    examples=[
        answered("Accepted", {"message": "Delete in progress.", "event_id": EVENT_ID})
    ],
)
GET = described(
    "get_memory",
    "memories",
    components.Memory,
    400,
    404,
    summary="One memory, expired or not",
    parameters=[
        _MEMORY_ID,
        in_query("as_of", "Answer as it would have been then.", OpenApiTypes.DATETIME),
    ],
    examples=[answered("A memory", MEMORY_EXAMPLE)],
)
UPDATE = described(
    "update_memory",
    "memories",
    components.Memory,
    400,
    403,
    404,
    413,
    summary="Change a memory; its history keeps the old words",
    parameters=[_MEMORY_ID],
    request=components.UpdateBody,
    examples=[
        asked("Other words", UPDATE_EXAMPLE),
        asked("Never expires", {"expiration_date": None}),
        answered("The memory after it", {**MEMORY_EXAMPLE, "version": 2}),
    ],
)
CONFIRM = described(
    "confirm_memory",
    "memories",
    components.Memory,
    400,
    403,
    404,
    413,
    summary="Say that a memory still holds: it is doubted no more",
    parameters=[_MEMORY_ID],
    request=None,
    examples=[answered("The memory, without the mark", MEMORY_EXAMPLE)],
)
DELETE = described(
    "delete_memory",
    "memories",
    components.Deleted,
    400,
    403,
    404,
    summary="Delete a memory",
    parameters=[
        _MEMORY_ID,
        in_query("delete_linked", "Also what it superseded.", bool),
    ],
    request=None,
    examples=[
        answered(
            "Deleted",
            {"message": "Memory deleted successfully!", "cascade_count": 0},
        )
    ],
)
HISTORY = described(
    "get_memory_history",
    "memories",
    components.HistoryEntry(many=True),
    400,
    404,
    summary="What happened to a memory, oldest first, and why",
    parameters=[_MEMORY_ID],
    examples=[answered("Its birth", HISTORY_EXAMPLE[0])],
)
EVENT = described(
    "get_event",
    "events",
    components.Event,
    400,
    404,
    summary="How an accepted request went",
    parameters=[_EVENT_ID],
    examples=[answered("An add that is done", EVENT_EXAMPLE)],
)
EVENTS = described(
    "list_events",
    "events",
    components.EventPage,
    400,
    404,
    summary="Requests of the project, newest first",
    description=(
        "Adds, searches, changes, deletes, exports, imports and profile jobs, each with"
        " its state and how long it took. A key narrowed to one subject sees those of"
        " it and those it asked for itself."
    ),
    parameters=[
        *PAGING,
        in_query("event_type", "ADD, SEARCH, …"),
        in_query("status", "PENDING, RUNNING, SUCCEEDED or FAILED."),
        *(in_query(key, "Of this subject.") for key in SCOPE_KEYS),
        in_query("start_date", "From this day or instant."),
        in_query("end_date", "Up to this day or instant, inclusive."),
    ],
    examples=[answered("A page", page(EVENT_EXAMPLE))],
)
