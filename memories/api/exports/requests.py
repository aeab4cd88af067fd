"""What the bodies of export requests mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from memories.api import reading, requests
from memories.api.reading import Fields, Problem
from memories.models.settings import MAX_INSTRUCTION_CHARS
from memories.pipeline.exporting import SchemaProblem, fillable
from memories.services.exports import ExportRequest
from memories.types import SCOPE_KEYS, JsonDict
from memplatform.lib.errors import InvalidRequest
from tenants.selectors import Access


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which export: by its id, or the latest with these filters."""

    export_id: UUID | None
    filters: JsonDict | None


def read_schema(raw: object) -> JsonDict:
    """The ``schema`` of a body, an object or JSON text; raises InvalidRequest."""
    fields = Fields(raw)
    nothing: JsonDict = {}
    schema = fields.need("schema", _schema, nothing)
    fields.check()
    return schema


def read_export(raw: object, access: Access) -> ExportRequest:
    """The whole request; filters are parsed to see that they can be."""
    schema = read_schema(raw)
    fields = Fields(raw)
    instructions = fields.read(
        "export_instructions", reading.text_up_to(MAX_INSTRUCTION_CHARS), ""
    )
    fields.check()
    requests.read_filters(raw, access)
    return ExportRequest(schema, fields.raw["filters"], instructions)


def read_wanted(raw: object) -> Wanted:
    """Raises InvalidRequest unless the body names an id or filters."""
    fields = Fields(raw)
    export_id = fields.read("memory_export_id", reading.uuid, None)
    filters = fields.read("filters", reading.json_object, None)
    fields.check()
    if export_id is None and filters is None:
        message = "memory_export_id or filters is required."
        raise InvalidRequest(message, fields={"memory_export_id": [message]})
    return Wanted(export_id, filters)


def read_subject(raw: object) -> tuple[str | None, str | None]:
    """The one subject that a body names, as (kind, name); none is the whole project."""
    fields = Fields(raw)
    ids = {key: fields.read(key, reading.scope_id, None) for key in SCOPE_KEYS}
    named = {key: name for key, name in ids.items() if name is not None}
    if len(named) > 1:
        fields.complain(max(named), "and another id: one subject, or none of them.")
    fields.check()
    for key, name in named.items():
        return key.removesuffix("_id"), name
    return None, None


def _schema(value: Any) -> JsonDict:
    if isinstance(value, str):
        value = _from_text(reading.words(value))
    try:
        fillable(value)
    except SchemaProblem as exc:
        raise Problem(str(exc)) from exc
    schema: JsonDict = value
    return schema


def _from_text(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as exc:
        raise Problem("is not JSON.") from exc
