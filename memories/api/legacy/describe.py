"""The older forms, in the API document; all of them deprecated."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.serializers import (
    CharField,
    FloatField,
    IntegerField,
    ListField,
    Serializer,
)

from memories.api import components
from memories.api.components import AnyObject, Memory, maybe
from memories.api.describe import (
    ADD_EXAMPLE,
    MEMORY_EXAMPLE,
    PAGING,
    QUEUED_EXAMPLE,
    answered,
    asked,
    described,
    in_query,
    page,
)
from memories.types import SCOPE_KEYS

TAG = "older clients"


class OldAddBody(components.AddBody):
    output_format = maybe(CharField)
    version = maybe(CharField)


class OldAdded(Serializer):  # type: ignore[type-arg]
    results = ListField(child=AnyObject())
    relations = ListField(child=AnyObject())


class OldListBody(components.Ids):
    filters = maybe(AnyObject, help_text=components.FILTERS_HELP)


class OldSearchBody(OldListBody):
    query = CharField()
    top_k = maybe(IntegerField, default=10, min_value=1, max_value=1000)
    threshold = maybe(FloatField, min_value=0, max_value=1)
    output_format = maybe(CharField, help_text="`v1.1` wraps what v1 answers.")


def _either(name: str, one: Any, other: Any) -> PolymorphicProxySerializer:
    return PolymorphicProxySerializer(
        component_name=name,
        serializers=[one, other],
        resource_type_field_name=None,
        many=False,
    )


def _old(operation_id: str, answer: Any, *errors: int, **more: Any) -> dict[str, Any]:
    told = described(operation_id, TAG, answer, 400, 404, *errors, **more)
    return {**told, "deprecated": True}


_LISTED = _either("OldListing", Memory(many=True), components.MemoryPage)
_FOUND = _either("OldFound", components.FoundMemory(many=True), components.SearchAnswer)
_HIT = {**MEMORY_EXAMPLE, "score": 0.83, "score_breakdown": {"semantic": 0.71}}
_LISTED_EXAMPLES = [
    answered("Memories", [MEMORY_EXAMPLE]),
    answered("With page and page_size", page(MEMORY_EXAMPLE)),
]
_SEARCH_EXAMPLE = {"query": "Which animals?", "user_id": "ida"}

ADD = _old(
    "add_memories_v1",
    _either("OldAddAnswer", components.AddAnswer(many=True), OldAdded),
    403,
    409,
    413,
    summary="As POST /v3/memories/add/",
    description="With output_format v1.1 and version v2 in an envelope.",
    request=OldAddBody,
    examples=[
        asked("A conversation", ADD_EXAMPLE),
        answered("Queued", [QUEUED_EXAMPLE]),
        answered("In an envelope", {"results": [QUEUED_EXAMPLE], "relations": []}),
    ],
)
LIST_V1 = _old(
    "list_memories_v1",
    _LISTED,
    summary="As POST /v3/memories/, by ids",
    parameters=[
        *(in_query(key, "At least one id; all must match.") for key in SCOPE_KEYS),
        *PAGING,
        in_query("limit", "200 at most.", int),
    ],
    examples=_LISTED_EXAMPLES,
)
LIST_V2 = _old(
    "list_memories_v2",
    _LISTED,
    413,
    summary="As POST /v3/memories/",
    parameters=PAGING,
    request=OldListBody,
    examples=[asked("Of one user", {"user_id": "ida"}), *_LISTED_EXAMPLES],
)
SEARCH_V1 = _old(
    "search_memories_v1",
    _FOUND,
    413,
    summary="As POST /v3/memories/search/",
    request=OldSearchBody,
    examples=[
        asked("A question", _SEARCH_EXAMPLE),
        answered("Found", [_HIT]),
        answered("With output_format v1.1", {"results": [_HIT]}),
    ],
)
SEARCH_V2 = _old(
    "search_memories_v2",
    components.FoundMemory(many=True),
    413,
    summary="As POST /v3/memories/search/, with a threshold of 0.3",
    request=OldSearchBody,
    examples=[asked("A question", _SEARCH_EXAMPLE), answered("Found", _HIT)],
)
