"""Exports, in the API document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema_field
from rest_framework.serializers import CharField, JSONField, Serializer, UUIDField

from memories.api.components import FILTERS_HELP, AnyObject, maybe
from memories.api.describe import answered, asked, described

EXPORT_ID = "9d1f0c1e-6f0a-4b55-9a51-5d1f6a0f2a11"
SCHEMA = {
    "type": "object",
    "properties": {
        "hobby": {"type": "string", "description": "What they do for pleasure"}
    },
}


@extend_schema_field(
    {"oneOf": [{"type": "object", "additionalProperties": True}, {"type": "string"}]}
)
class Schema(JSONField):
    """A JSON schema, as an object or as text."""


class ExportBody(Serializer):  # type: ignore[type-arg]
    schema = Schema()
    filters = AnyObject(help_text=FILTERS_HELP)
    export_instructions = maybe(CharField)


class ExportAnswer(Serializer):  # type: ignore[type-arg]
    message = CharField()
    id = UUIDField()


class GetExportBody(Serializer):  # type: ignore[type-arg]
    memory_export_id = maybe(UUIDField)
    filters = maybe(AnyObject, help_text="The latest finished one with these filters.")


def created(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=["201"])


def answers_201(description: dict[str, Any], answer: Any) -> dict[str, Any]:
    """The same, answered 201."""
    refused = {s: shape for s, shape in description["responses"].items() if s != 200}
    return {**description, "responses": {201: answer, **refused}}


EXPORT = described(
    "create_export",
    "exports",
    None,
    400,
    403,
    404,
    413,
    summary="Fill in a JSON schema from memories",
    description=(
        "The model fills in the schema from the memories that match; without a model "
        "rules put memories, word for word, where they answer best. Everything may be "
        "null. Kept for EXPORT_DAYS days, or until a subject is erased."
    ),
    request=ExportBody,
    examples=[
        asked("Of one user", {"schema": SCHEMA, "filters": {"user_id": "ida"}}),
        created("Asked for", {"message": "It will be ready soon.", "id": EXPORT_ID}),
    ],
)
EXPORT = answers_201(EXPORT, ExportAnswer)
GET = described(
    "get_export",
    "exports",
    OpenApiTypes.OBJECT,
    400,
    404,
    413,
    summary="The data of an export",
    description=(
        "404 until it is ready (code not_ready), when it failed (export_failed, with "
        "the reason), and once it is emptied (export_emptied). The header "
        "X-Export-Made-By says model or rules."
    ),
    request=GetExportBody,
    examples=[
        asked("By id", {"memory_export_id": EXPORT_ID}),
        answered("The data", {"hobby": "Keeps bees behind the barn"}),
    ],
)
