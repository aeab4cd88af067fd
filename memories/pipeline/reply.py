"""Reads a model's reply: JSON, repaired if need be, checked against its schema.

Bad output is data: what fits the schema is kept, what does not is reported. Nothing
here decides what a row means.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import json_repair
from jsonschema import Draft202012Validator

from memories.types import Dropped, JsonDict
from memplatform.lib.errors import ProviderReplyInvalid

MAX_DEPTH = 64
"""How deep a reply may be nested; no schema of ours needs more than six."""

_THINKING = re.compile(r"^\s*<think(?:ing)?>.*?</think(?:ing)?>", re.S)
# A fence closes at the start of a line: a text may hold one in the middle.
_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)(?:^\s*```|\Z)", re.S | re.M)
# A string, whole or cut off, or a bracket outside of strings.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[\]{}]', re.S)
_CLOSES = {"]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Rows:
    """What a list reply gave: rows that fit its schema, and what was left out."""

    kept: tuple[JsonDict, ...]
    dropped: tuple[Dropped, ...]


class ListReader:
    """Reads replies of the form ``{key: [rows]}``. Stateless, so one serves all."""

    def __init__(self, schema: Mapping[str, Any], key: str) -> None:
        self._key = key
        self._row_schema: Mapping[str, Any] = schema["properties"][key]["items"]
        self._validator = Draft202012Validator(self._row_schema)

    def read(self, text: str) -> Rows:
        """The rows that fit, and the others as dropped.

        Raises ProviderReplyInvalid if the reply is no such list, or no row of it fits.
        """
        checked = [self._check(row) for row in self._find_list(parse_json(text))]
        kept = tuple(row for row, problem in checked if not problem)
        dropped = [_drop(row, problem) for row, problem in checked if problem]
        if dropped and not kept:
            raise ProviderReplyInvalid(
                "No row of the reply fits the schema.", detail=dropped[0].reason
            )
        return Rows(kept, tuple(dropped))

    def _find_list(self, value: Any) -> Sequence[Any]:
        """The list under the key; a bare list will do."""
        found = value.get(self._key) if isinstance(value, dict) else value
        if not isinstance(found, list):
            raise ProviderReplyInvalid(f'The reply holds no list "{self._key}".')
        return found

    def _check(self, row: Any) -> tuple[JsonDict, str]:
        """The row with its defaults, and what is wrong with it ("" if nothing)."""
        if not isinstance(row, dict):
            return {"text": str(row)}, "is not an object"
        filled = fill_defaults(row, self._row_schema)
        error = next(self._validator.iter_errors(filled), None)
        return filled, f"{error.json_path}: {error.message:.200}" if error else ""


class ObjectReader:
    """Reads replies that are one object of a schema. Stateless."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._validator = Draft202012Validator(schema)

    def read(self, text: str) -> JsonDict:
        """The object with its defaults. Raises ProviderReplyInvalid unless it fits."""
        value = parse_json(text)
        if not isinstance(value, dict):
            raise ProviderReplyInvalid("The reply is not one JSON object.")
        filled = fill_defaults(value, self._schema)
        error = next(self._validator.iter_errors(filled), None)
        if error:
            raise ProviderReplyInvalid(
                "The reply does not fit the schema.",
                detail=f"{error.json_path}: {error.message:.200}",
            )
        return filled


def parse_json(text: str) -> Any:
    """The JSON value in a reply.

    Takes off a reasoning preamble and a code fence; mends quotes, commas and the like,
    but makes up no end. Raises ProviderReplyInvalid when there is no object or list in
    it, or a part is missing.
    """
    body = _unwrap(text)
    _require_whole(body)
    try:
        return json.loads(body)
    except ValueError:
        value = json_repair.loads(body)
    if not isinstance(value, dict | list) or not value:
        raise ProviderReplyInvalid("The reply is not JSON.")
    return value


def _require_whole(body: str) -> None:
    """Raise ProviderReplyInvalid unless every bracket is closed.

    A server may cut a reply anywhere and call it finished: what a repair would make of
    the rest is an answer without the facts that are missing.
    """
    opened: list[str] = []
    for match in _STRING_OR_BRACKET.finditer(body):
        sign = match[0]
        if sign in "[{":
            opened.append(sign)
        elif opened and sign in _CLOSES and opened.pop() != _CLOSES[sign]:
            raise ProviderReplyInvalid("The reply's brackets do not match.")
        if len(opened) > MAX_DEPTH:
            raise ProviderReplyInvalid(f"The reply nests over {MAX_DEPTH} deep.")
    if opened:
        raise ProviderReplyInvalid("The reply is cut off: its JSON does not end.")


def _unwrap(text: str) -> str:
    answer = _THINKING.sub("", text)
    fenced = _FENCE.search(answer)
    return (fenced[1] if fenced else answer).strip()


def fill_defaults(row: Mapping[str, Any], schema: Mapping[str, Any]) -> JsonDict:
    """The row with what weaker models leave out, and without what they invent.

    An absent nullable value is null, an absent list empty; "3" will do for a number.
    """
    properties: Mapping[str, Mapping[str, Any]] = schema["properties"]
    return {
        name: _coerce(row[name], rule) if name in row else _default(rule)
        for name, rule in properties.items()
        if name in row or _has_default(rule)
    }


def _has_default(rule: Mapping[str, Any]) -> bool:
    return rule["type"] == "array" or "null" in rule["type"]


def _default(rule: Mapping[str, Any]) -> list[Any] | None:
    return [] if rule["type"] == "array" else None


def _coerce(value: Any, rule: Mapping[str, Any]) -> Any:
    """The value as the rule's type, where what was meant is plain."""
    if rule["type"] == "array":
        values = value if isinstance(value, list) else [value]
        return [_coerce(item, rule["items"]) for item in values if item is not None]
    if rule["type"] == "object":
        return fill_defaults(value, rule) if isinstance(value, dict) else value
    if isinstance(value, str) and "boolean" in rule["type"]:
        return _TRUTHS.get(value.strip().lower(), value)
    if isinstance(value, str):
        is_text = "string" in rule["type"]
        return storable(value) if is_text else _number_or_text(value)
    if isinstance(value, float) and "integer" in rule["type"] and value.is_integer():
        return int(value)
    return value


_TRUTHS = {"true": True, "yes": True, "false": False, "no": False, "": None}


def storable(text: str) -> str:
    """Without what PostgreSQL cannot store: NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _number_or_text(value: str) -> Any:
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        return None if value.strip().lower() in ("", "null", "none") else value


def _drop(row: Any, problem: str) -> Dropped:
    text = row.get("text") if isinstance(row, dict) else None
    readable = text if isinstance(text, str) else json.dumps(row, default=str)
    reason = storable(f"The model's row is unusable: {problem}")
    return Dropped(reason, storable(readable[:500]))
