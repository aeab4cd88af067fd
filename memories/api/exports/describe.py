"""Exports, in the API document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema_field
from rest_framework.serializers import (
    CharField,
    ChoiceField,
    DateTimeField,
    DictField,
    IntegerField,
    JSONField,
    Serializer,
    URLField,
    UUIDField,
)

from memories.api.components import FILTERS_HELP, AnyObject, Ids, maybe, nullable
from memories.api.describe import AT, EVENT_ID, answered, asked, described
from memories.models import Operation

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


class RawSubject(Serializer):  # type: ignore[type-arg]
    kind = CharField()
    name = nullable(CharField, help_text="Null once the subject is erased.")


class RawExportStatus(Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    event_id = nullable(UUIDField)
    status = ChoiceField(choices=Operation.Status.values)
    subject = RawSubject(allow_null=True)
    percent = IntegerField()
    memories = IntegerField(help_text="How many there were to export.")
    counts = DictField(child=IntegerField(), help_text="Lines so far, by type.")
    size_bytes = IntegerField()
    file = nullable(URLField, help_text="Where the finished file is.")
    error = nullable(CharField)
    created_at = DateTimeField()
    completed_at = nullable(DateTimeField)


RAW_EXAMPLE = {
    "id": EXPORT_ID,
    "event_id": EVENT_ID,
    "status": "SUCCEEDED",
    "subject": {"kind": "user", "name": "ida"},
    "percent": 100,
    "memories": 12,
    "counts": {"subject": 1, "add": 7, "memory": 12},
    "size_bytes": 20480,
    "file": f"https://memories.example/v1/exports/raw/{EXPORT_ID}/file/",
    "error": None,
    "created_at": AT,
    "completed_at": AT,
}
_ID = OpenApiParameter("export_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
RAW = answers_201(
    described(
        "export_everything",
        "exports",
        RawExportStatus,
        400,
        403,
        404,
        413,
        summary="Export everything as it is stored",
        description=(
            "All memories of the project, or of the one subject that is named, with "
            "every version and event, both clocks, feedback, confirmations, nodes with "
            "their merges and edges, what patterns rest on, and the messages they "
            "came from, as JSON Lines: a file that an import takes in. "
            "Neither vectors, which an import makes anew, nor keys and settings."
        ),
        request=Ids,
        examples=[
            asked("One user", {"user_id": "ida"}),
            created("Asked for", RAW_EXAMPLE),
        ],
    ),
    RawExportStatus,
)
RAW_STATUS = described(
    "get_raw_export",
    "exports",
    RawExportStatus,
    400,
    403,
    404,
    summary="How far an export of everything has come",
    parameters=[_ID],
    examples=[answered("Finished", RAW_EXAMPLE)],
)
RAW_FILE = described(
    "download_raw_export",
    "exports",
    OpenApiTypes.STR,
    400,
    403,
    404,
    summary="The file of an export of everything",
    parameters=[_ID],
    examples=[
        OpenApiExample(
            "Its first line",
            value='{"type":"header","format":"memplatform/1"}',
            response_only=True,
            status_codes=["200"],
            media_type="application/x-ndjson",
        )
    ],
)
RAW_FILE["responses"] = {
    (200, "application/x-ndjson"): OpenApiTypes.STR,
    **{s: shape for s, shape in RAW_FILE["responses"].items() if s != 200},
}
