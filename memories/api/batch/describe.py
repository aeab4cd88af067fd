"""Batches, in the API document."""

from __future__ import annotations

from rest_framework.serializers import (
    CharField,
    ChoiceField,
    ListField,
    Serializer,
    UUIDField,
)

from memories.api.batch.requests import MAX_ITEMS
from memories.api.components import UpdateBody, nullable
from memories.api.describe import MEMORY_ID, answered, asked, described
from memories.services.edit_many import MISSING, Outcome


class ItemUpdate(UpdateBody):
    memory_id = UUIDField()


class BatchUpdateBody(Serializer):  # type: ignore[type-arg]
    memories = ListField(child=ItemUpdate(), min_length=1, max_length=MAX_ITEMS)


class ItemName(Serializer):  # type: ignore[type-arg]
    memory_id = UUIDField()


class BatchDeleteBody(Serializer):  # type: ignore[type-arg]
    memories = ListField(child=ItemName(), min_length=1, max_length=MAX_ITEMS)


class ItemOutcome(Serializer):  # type: ignore[type-arg]
    memory_id = UUIDField()
    outcome = ChoiceField(choices=list(Outcome))
    detail = nullable(CharField, help_text="Why nothing was done.")


class BatchAnswer(Serializer):  # type: ignore[type-arg]
    message = CharField()
    results = ListField(
        child=ItemOutcome(), help_text="One for each item, in their order."
    )


_ITEM = {"memory_id": MEMORY_ID}
_OTHER = "0b0e5c1e-6f0a-4b55-9a51-5d1f6a0f2a12"


def _example(verb: str) -> dict[str, object]:
    return {
        "message": f"Successfully {verb} 1 memory",
        "results": [
            {**_ITEM, "outcome": verb, "detail": None},
            {"memory_id": _OTHER, "outcome": "not_found", "detail": MISSING},
        ],
    }


UPDATE = described(
    "update_many_memories",
    "memories",
    BatchAnswer,
    400,
    403,
    413,
    summary="Change up to a thousand memories, each on its own",
    description=(
        "What is unknown, immutable or said already is told in its place of "
        "`results`, and the others are changed."
    ),
    request=BatchUpdateBody,
    examples=[
        asked("Other words", {"memories": [{**_ITEM, "text": "Keeps two hives"}]}),
        answered("One changed, one unknown", _example("updated")),
    ],
)
DELETE = described(
    "delete_many_memories",
    "memories",
    BatchAnswer,
    400,
    403,
    413,
    summary="Delete up to a thousand memories, each on its own",
    request=BatchDeleteBody,
    examples=[
        asked("Two memories", {"memories": [_ITEM, {"memory_id": _OTHER}]}),
        answered("One deleted, one unknown", _example("deleted")),
    ],
)
