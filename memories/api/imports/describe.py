"""Imports, in the API document."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.serializers import (
    CharField,
    ChoiceField,
    DateTimeField,
    IntegerField,
    Serializer,
    UUIDField,
)

from memories.api.components import maybe, nullable
from memories.api.describe import AT, EVENT_ID, answered, asked, described, in_query
from memories.api.exports.describe import answers_201, created
from memories.exports.reading import FORMATS
from memories.models import Operation
from memories.types import SCOPE_KEYS

IMPORT_ID = "3f1f0c1e-6f0a-4b55-9a51-5d1f6a0f2a11"
FILE_EXAMPLE = [{"memory": "Keeps bees behind the barn", "user_id": "ida"}]


class ImportProblem(Serializer):  # type: ignore[type-arg]
    line = IntegerField()
    reason = CharField()


class ImportStatus(Serializer):  # type: ignore[type-arg]
    message = maybe(CharField)
    id = UUIDField()
    event_id = nullable(UUIDField)
    status = ChoiceField(choices=Operation.Status.values)
    percent = IntegerField()
    size_bytes = IntegerField()
    records = IntegerField(help_text="Settled so far: added, already there or refused.")
    added = IntegerField()
    already_there = IntegerField()
    refused = IntegerField()
    problems = ImportProblem(many=True, help_text="Of the first 1,000 refused.")
    error = nullable(CharField)
    created_at = DateTimeField()
    completed_at = nullable(DateTimeField)


STATUS_EXAMPLE = {
    "id": IMPORT_ID,
    "event_id": EVENT_ID,
    "status": "SUCCEEDED",
    "percent": 100,
    "size_bytes": 4096,
    "records": 12,
    "added": 10,
    "already_there": 1,
    "refused": 1,
    "problems": [{"line": 7, "reason": "memory is missing, or blank."}],
    "error": None,
    "created_at": AT,
    "completed_at": AT,
}
IMPORT = answers_201(
    described(
        "import_memories",
        "imports",
        ImportStatus,
        400,
        403,
        404,
        413,
        summary="Bring a file of memories in",
        description=(
            "The body is the file: a raw export, JSON Lines, a JSON array or pages "
            "`{results: […]}` of memories as the hosted API or a self-hosted mem0 "
            "server lists them, or CSV with a heading. It comes in in the background; "
            "what is there already stays as it is, so a file may be sent again. "
            "IMPORT_MAX_BYTES is the largest."
        ),
        request={
            "application/json": OpenApiTypes.ANY,
            "application/x-ndjson": OpenApiTypes.STR,
            "text/csv": OpenApiTypes.STR,
        },
        parameters=[
            OpenApiParameter(
                "format",
                str,
                OpenApiParameter.QUERY,
                enum=FORMATS,
                description="What the file is, where its beginning does not say.",
            ),
            *(in_query(key, "For records that name none.") for key in SCOPE_KEYS),
        ],
        examples=[
            asked("A list", FILE_EXAMPLE),
            created("Taken in", {"message": "The file is here.", **STATUS_EXAMPLE}),
        ],
    ),
    ImportStatus,
)
_ID = OpenApiParameter("import_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
STATUS = described(
    "get_import",
    "imports",
    ImportStatus,
    400,
    403,
    404,
    summary="How far an import has come",
    parameters=[
        OpenApiParameter("import_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
    ],
    examples=[answered("Finished", STATUS_EXAMPLE)],
)
