"""JSON Schema of what tools take and answer, in words that a model understands."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

UUID_TEXT: Schema = {"type": "string", "format": "uuid"}


def object_of(
    properties: dict[str, Schema], *, required: tuple[str, ...] = ()
) -> Schema:
    """Arguments: nothing but these.

    What more must hold is checked beside it: models' own interfaces refuse a tool whose
    schema has ``oneOf`` and the like at the top.
    """
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return {**schema, "additionalProperties": False}


def answer_of(properties: dict[str, Schema], *, required: tuple[str, ...]) -> Schema:
    """An answer: at least these; it may grow."""
    return {"type": "object", "properties": properties, "required": list(required)}


def text(description: str, **more: Any) -> Schema:
    return {"type": "string", "minLength": 1, "description": description, **more}


def number(description: str, least: int, most: int, default: int) -> Schema:
    return {
        "type": "integer",
        "minimum": least,
        "maximum": most,
        "default": default,
        "description": description,
    }


def switch(description: str, *, default: bool = False) -> Schema:
    return {"type": "boolean", "default": default, "description": description}


def texts(description: str) -> Schema:
    items = {"type": "string", "minLength": 1}
    return {"type": "array", "items": items, "description": description}


def nullable(kind: str) -> Schema:
    return {"type": [kind, "null"]}


SCOPE: dict[str, Schema] = {
    "user_id": text(
        "The person it is about, by your own id. Use the same one every time.",
        examples=["ida"],
    ),
    "agent_id": text("The assistant it belongs to.", examples=["travel-agent"]),
    "app_id": text("The application it belongs to.", examples=["shop"]),
    "run_id": text(
        "One conversation or task. Leave it out to reach all of them.",
        examples=["chat-2026-03-01"],
    ),
}
MEMORY_ID: Schema = {
    **UUID_TEXT,
    "description": "The id of a memory, as search_memories or get_memories gave it.",
}
EVENT_ID: Schema = {
    **UUID_TEXT,
    "description": "The event_id that an add or a delete answered.",
}
FILTERS: Schema = {
    "type": "object",
    "minProperties": 1,
    "description": (
        "Conditions beyond the ids, nested with AND, OR (lists) and NOT. Fields: "
        "user_id, agent_id, app_id, run_id (a value, {in: […]}, {ne: …}, or '*' for "
        "any), created_at, updated_at, timestamp, expiration_date ({gt, gte, lt, lte}, "
        "YYYY-MM-DD or ISO 8601), categories ({in: […]}), metadata ({key: value}), "
        "keywords ({icontains: text}), memory_ids ([…]). Name at least one id, here or "
        "beside it."
    ),
    "examples": [
        {"AND": [{"user_id": "ida"}, {"created_at": {"gte": "2026-01-01"}}]},
        {"user_id": "ida", "metadata": {"source": "mail"}},
    ],
}
TIMES: Schema = {
    "valid_at": text(
        "Only what was true in the world then: YYYY-MM-DD or ISO 8601.",
        examples=["2026-05-01"],
    ),
    "valid_between": {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 2,
        "maxItems": 2,
        "description": "Only what was true at some time from the first to the second.",
        "examples": [["2026-03-01", "2026-05-31"]],
    },
    "as_of": text(
        "Answer from what was known then: YYYY-MM-DD or ISO 8601.",
        examples=["2026-05-01T12:00:00Z"],
    ),
}
METADATA: Schema = {
    "type": "object",
    "description": "Your own keys and values, kept as they are.",
    "examples": [{"source": "mail"}],
}
EXPIRES: Schema = {
    "type": "string",
    "format": "date",
    "description": "YYYY-MM-DD: the last day on which it is found.",
}
PAGE = number("Which page, from 1.", 1, 1_000_000, 1)
PAGE_SIZE = number("Results a page.", 1, 200, 50)
MESSAGES: Schema = {
    "type": "array",
    "minItems": 1,
    "maxItems": 500,
    "description": "The turns of a conversation, oldest first, instead of text.",
    "items": object_of(
        {
            "role": {
                "type": "string",
                "enum": ["user", "assistant", "system", "tool"],
            },
            "content": text("What was said."),
            "name": text("Who said it, where several people speak."),
        },
        required=("role", "content"),
    ),
}

# --- Answers ----------------------------------------------------------------

MEMORY: Schema = answer_of(
    {
        "id": UUID_TEXT,
        "memory": {"type": "string"},
        "user_id": nullable("string"),
        "agent_id": nullable("string"),
        "app_id": nullable("string"),
        "run_id": nullable("string"),
        "metadata": nullable("object"),
        "categories": {"type": ["array", "null"], "items": {"type": "string"}},
        "created_at": {"type": "string"},
        "updated_at": {"type": "string"},
        "expiration_date": nullable("string"),
        "score": {"type": "number", "description": "Relevance, 0 to 1."},
    },
    required=("id", "memory"),
)
SHOWN_FIELDS = tuple(MEMORY["properties"])
RESULT: Schema = answer_of(
    {
        "id": UUID_TEXT,
        "event": {"type": "string", "description": "ADD, UPDATE, DELETE or NONE."},
        "memory": {"type": "string"},
    },
    required=("id", "event"),
)
QUEUED: Schema = answer_of(
    {
        "message": {"type": "string"},
        "status": {"type": "string"},
        "event_id": {**UUID_TEXT, "description": "Ask get_event_status for it."},
        "results": {"type": "array", "items": RESULT},
    },
    required=("message", "event_id"),
)
EVENT: Schema = answer_of(
    {
        "id": UUID_TEXT,
        "event_type": {"type": "string"},
        "status": {
            "type": "string",
            "description": "PENDING, RUNNING, SUCCEEDED or FAILED.",
        },
        "results": {"type": "array", "items": RESULT},
        "error": nullable("string"),
        "created_at": {"type": "string"},
        "completed_at": nullable("string"),
    },
    required=("id", "status"),
)
CHANGE: Schema = answer_of(
    {
        "event": {"type": "string", "description": "ADD, UPDATE or DELETE."},
        "old_memory": nullable("string"),
        "new_memory": nullable("string"),
        "created_at": {"type": "string"},
        "reason": nullable("string"),
    },
    required=("event",),
)
ENTITY: Schema = answer_of(
    {
        "type": {"type": "string", "enum": ["user", "agent", "app", "run"]},
        "name": {"type": "string"},
        "total_memories": {"type": "integer"},
        "updated_at": {"type": "string"},
    },
    required=("type", "name"),
)
DONE: Schema = answer_of({"message": {"type": "string"}}, required=("message",))


def list_of(name: str, item: Schema, **more: Schema) -> Schema:
    listed = {"type": "array", "items": item}
    return answer_of({name: listed, **more}, required=(name,))


def page_of(item: Schema) -> Schema:
    has_more = {"type": "boolean", "description": "Whether there is a next page."}
    return list_of("results", item, count={"type": "integer"}, has_more=has_more)
