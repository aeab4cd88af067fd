"""A user's profile: the project's schema filled in from memories, by a model.

Every field names the memories it rests on, or it is not kept. No Django.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from memories.pipeline.asking import Asker
from memories.pipeline.client_schema import strict, without_nulls
from memories.pipeline.prompting import (
    line_tokens,
    profile_text,
    room_for_data,
    system_text,
)
from memories.pipeline.reply import parse_json, storable
from memories.pipeline.schemas import INTEGER, STRING, array_of, object_of
from memories.prompts import get_prompt
from memories.providers.base import ChatRequest
from memories.providers.tokens import bound_tokens
from memories.types import EngineOptions, JsonDict, KnownMemory, PromptText
from memplatform.lib.errors import ProviderReplyInvalid

SOURCES = array_of(object_of(field=STRING, memories=array_of(INTEGER)))


@dataclass(frozen=True, slots=True)
class Filled:
    """A profile's data, and by field the memories it rests on."""

    data: JsonDict
    sources: Mapping[str, tuple[KnownMemory, ...]]


def default_schema(categories: Mapping[str, str]) -> JsonDict:
    """For a project without a schema of its own: what is known, by category."""
    rule = {"type": "array", "items": {"type": "string"}}
    properties = {
        name: {**rule, "description": about or name.replace("_", " ")}
        for name, about in categories.items()
    }
    return {"type": "object", "properties": properties}


def fill_by_model(
    asker: Asker,
    prompts: Mapping[str, PromptText],
    schema: Mapping[str, Any],
    memories: Sequence[KnownMemory],
    options: EngineOptions,
) -> Filled:
    """The resolved ``schema`` filled in from ``memories``, the newest first.

    Those that do not fit the model's window are left out, the oldest first. Raises
    ProviderError when the model cannot be made to answer.
    """
    prompt = get_prompt(prompts, "profile")
    system = system_text(prompt, options)
    wanted = object_of(profile=strict(schema), sources=SOURCES)
    fixed_tokens = bound_tokens(system) + bound_tokens(json.dumps(wanted))
    shown = _fitting(memories, room_for_data(asker.context_tokens, fixed_tokens))
    user = profile_text(shown, options)
    reader = ProfileReader(schema, shown)
    request = ChatRequest(system, user, wanted, "profile")
    return asker.ask(request, prompt, reader.read)


class ProfileReader:
    """Reads replies to one request."""

    def __init__(self, schema: Mapping[str, Any], shown: Sequence[KnownMemory]) -> None:
        self._schema = schema
        self._validator = Draft202012Validator(schema)
        self._shown = shown

    def read(self, text: str) -> Filled:
        """What of the reply rests on memories; raises ProviderReplyInvalid unless
        that fits the schema.
        """
        reply = parse_json(text)
        profile = reply.get("profile") if isinstance(reply, dict) else None
        if not isinstance(profile, dict):
            raise ProviderReplyInvalid('The reply holds no object "profile".')
        sources = self._sources(reply.get("sources"))
        said = without_nulls(_storable(profile), self._schema)
        data = {
            name: value
            for name, value in said.items()
            if name in sources and value not in ("", [], {})
        }
        if error := next(self._validator.iter_errors(data), None):
            raise ProviderReplyInvalid(
                "The profile does not fit its schema.",
                detail=f"{error.json_path}: {error.message:.200}"
                " (fields without sources do not count)",
            )
        return Filled(data, {name: sources[name] for name in data})

    def _sources(self, rows: Any) -> dict[str, tuple[KnownMemory, ...]]:
        """By field; numbers that were never shown do not count."""
        cited: dict[str, dict[int, KnownMemory]] = {}
        for row in rows if isinstance(rows, list) else ():
            numbers = row.get("memories") if isinstance(row, dict) else None
            for number in numbers if isinstance(numbers, list) else ():
                if type(number) is int and 1 <= number <= len(self._shown):
                    known = cited.setdefault(str(row.get("field")), {})
                    known[number] = self._shown[number - 1]
        return {name: tuple(found.values()) for name, found in cited.items()}


def _fitting(memories: Sequence[KnownMemory], room: int) -> list[KnownMemory]:
    shown: list[KnownMemory] = []
    for memory in memories:
        room -= line_tokens(memory.text)
        if room < 0:
            break
        shown.append(memory)
    return shown


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(name): _storable(item) for name, item in value.items()}
    return value
