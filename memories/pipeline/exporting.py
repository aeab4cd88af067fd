"""A JSON schema filled in from memories, by a model, in as many calls as it takes.

No Django: schemas, memories and the model come as arguments.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from memories.pipeline.asking import Asker
from memories.pipeline.prompting import (
    MIN_ROOM_TOKENS,
    line_tokens,
    memory_lines,
    quote,
    room_for_data,
    system_text,
)
from memories.pipeline.reply import parse_json, storable
from memories.pipeline.schemas import object_of
from memories.prompts import get_prompt
from memories.providers.base import ChatRequest
from memories.providers.tokens import bound_tokens
from memories.types import EngineOptions, JsonDict, KnownMemory, PromptText
from memplatform.lib.errors import ProviderReplyInvalid, ProviderWindowTooSmall

MAX_SCHEMA_CHARS = 20_000
MAX_PLACES = 500
MAX_DEPTH = 12
_KEPT = ("description", "enum", "title")
_SCALARS = ("string", "number", "integer", "boolean")


class SchemaProblem(ValueError):
    """Why a schema cannot be filled in: the rest of a sentence."""


def fillable(schema: Any) -> JsonDict:
    """What a client's JSON schema asks for, in the subset that models obey.

    Local references are put in their places; limits and formats, which a memory may not
    keep to, are left out, and everything may be null. Raises SchemaProblem.
    """
    if not isinstance(schema, dict) or not schema:
        raise SchemaProblem("must be a JSON schema, which is an object.")
    if len(json.dumps(schema)) > MAX_SCHEMA_CHARS:
        raise SchemaProblem(f"may have {MAX_SCHEMA_CHARS} characters as JSON.")
    found = _Simplifier(schema).simplify(schema, 0)
    if not found.get("properties"):
        raise SchemaProblem("must describe an object with properties.")
    try:
        Draft202012Validator.check_schema(found)
    except SchemaError as exc:
        raise SchemaProblem("is not valid JSON schema.") from exc
    return {**found, "type": "object"}


class _Simplifier:
    """Walks one schema; counts its places, for references may multiply them."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._left = MAX_PLACES

    def simplify(self, schema: Any, depth: int) -> JsonDict:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise SchemaProblem(
                f"has over {MAX_PLACES} places or nests over {MAX_DEPTH} deep."
            )
        if not isinstance(schema, dict):
            raise SchemaProblem("must be made of JSON objects.")
        schema = self._merged(schema, depth)
        kept = {key: schema[key] for key in _KEPT if key in schema}
        if "const" in schema:
            kept["enum"] = [schema["const"]]
        if "enum" in kept:
            return {**kept, "enum": _and_null(kept["enum"])}
        choices = schema.get("anyOf") or schema.get("oneOf")
        if isinstance(choices, list) and choices:
            return kept | self._choice(choices, depth)
        return kept | self._typed(schema, depth)

    def _merged(self, schema: JsonDict, depth: int) -> JsonDict:
        """With what it refers to, and all that it is at once."""
        given = schema.get("allOf")
        parts: list[Any] = given if isinstance(given, list) else []
        if "$ref" in schema:
            parts = [*parts, self._referred(schema["$ref"])]
        merged: JsonDict = {}
        for part in parts:
            if depth > MAX_DEPTH or not isinstance(part, dict):
                raise SchemaProblem("refers to what is no schema, or to itself.")
            merged |= self._merged(part, depth + 1)
        return merged | {k: v for k, v in schema.items() if k not in ("allOf", "$ref")}

    def _referred(self, name: Any) -> Any:
        found: Any = self._root
        if not isinstance(name, str) or not name.startswith("#/"):
            raise SchemaProblem("may only refer to its own parts (#/…).")
        for part in name[2:].split("/"):
            found = found.get(part) if isinstance(found, dict) else None
        return found

    def _choice(self, choices: Sequence[Any], depth: int) -> JsonDict:
        found = [self.simplify(choice, depth + 1) for choice in choices]
        real = [choice for choice in found if choice != {"type": ["null"]}]
        if len(real) == 1:
            return real[0]
        return {"anyOf": real} if real else {"type": ["null"]}

    def _typed(self, schema: Mapping[str, Any], depth: int) -> JsonDict:
        kind = _kind(schema)
        if kind == "object":
            given = schema.get("properties")
            properties = {
                str(name): self.simplify(rule, depth + 1)
                for name, rule in (given.items() if isinstance(given, dict) else ())
            }
            return {"type": ["object", "null"], **_closed(properties)}
        if kind == "array":
            items = self.simplify(schema.get("items") or {}, depth + 1)
            return {"type": ["array", "null"], "items": items}
        return {"type": [kind, "null"] if kind != "null" else ["null"]}


def _kind(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type")
    named = [k for k in (kinds if isinstance(kinds, list) else [kinds]) if k]
    real = [kind for kind in named if kind != "null"]
    if named and not real:
        return "null"
    if not real:
        return "object" if "properties" in schema else "string"
    if real[0] not in (*_SCALARS, "object", "array"):
        raise SchemaProblem("uses a type that JSON schema does not have.")
    return str(real[0])


def _closed(properties: JsonDict) -> JsonDict:
    return {
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _and_null(values: Any) -> list[Any]:
    if not isinstance(values, list):
        raise SchemaProblem("has an enum that is no list.")
    return [*values, *([] if None in values else [None])]


def fill_portion(
    asker: Asker,
    prompts: Mapping[str, PromptText],
    wanted: JsonDict,
    so_far: JsonDict | None,
    memories: Sequence[KnownMemory],
    options: EngineOptions,
) -> tuple[JsonDict, int]:
    """The object after the first of ``memories``, and how many of them were read.

    ``wanted`` is what :func:`fillable` made of the client's schema; memories come
    oldest first, and as many are shown as fit the model's window. Raises ProviderError.
    """
    prompt = get_prompt(prompts, "export")
    system = system_text(prompt, options)
    asked = object_of(export=wanted)
    told = _draft_text(so_far)
    fixed = sum(bound_tokens(text) for text in (system, json.dumps(asked), told))
    shown = list(_fitting(memories, room_for_data(asker.context_tokens, fixed)))
    lines = memory_lines(shown, ZoneInfo(options.timezone))
    user = "\n".join(filter(None, [told, "# MEMORIES", *lines]))
    reader = _Reader(wanted)
    request = ChatRequest(system, user, asked, "export")
    return asker.ask(request, prompt, reader.read), len(shown)


def _draft_text(so_far: JsonDict | None) -> str:
    if so_far is None:
        return ""
    return f"# DRAFT\n{quote(json.dumps(so_far, ensure_ascii=False))}"


def _fitting(memories: Sequence[KnownMemory], room: int) -> Iterator[KnownMemory]:
    """The first that fit; one alone must, whatever its length."""
    for number, memory in enumerate(memories):
        room -= line_tokens(memory.text)
        if room < 0 and number == 0:
            raise ProviderWindowTooSmall(
                "What the export holds so far leaves the model no room for the next"
                f" memory: it needs {-room + MIN_ROOM_TOKENS} tokens more."
            )
        if room < 0:
            return
        yield memory


class _Reader:
    """Reads replies to one request."""

    def __init__(self, wanted: JsonDict) -> None:
        self._validator = Draft202012Validator(wanted)

    def read(self, text: str) -> JsonDict:
        """The object of a reply; raises ProviderReplyInvalid unless it fits."""
        reply = parse_json(text)
        found = reply.get("export") if isinstance(reply, dict) else None
        if not isinstance(found, dict):
            raise ProviderReplyInvalid('The reply holds no object "export".')
        data: JsonDict = _storable(found)
        if error := next(self._validator.iter_errors(data), None):
            raise ProviderReplyInvalid(
                "The export does not fit its schema.",
                detail=f"{error.json_path}: {error.message:.200}",
            )
        return data


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(name): _storable(item) for name, item in value.items()}
    return value
