"""JSON schemas that clients write: checked, and turned into what a model can obey.

What is accepted is a subset of draft 2020-12 that can be checked in bounded time:
nothing is fetched, nothing recurs, and there are no regular expressions. No Django.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from memories.types import JsonDict

MAX_SCHEMA_CHARS = 20_000
MAX_DEPTH = 6
MAX_PROPERTIES = 100
MAX_CHOICES = 500
MAX_NAME_CHARS = 100
_KEPT_BY_MODELS = ("type", "enum", "description")
_KNOWN = frozenset(
    (
        *("$schema", "$defs", "$ref", "title", "description", "default", "examples"),
        *("type", "enum", "const", "anyOf", "properties", "required", "items"),
        *("additionalProperties", "format", "minLength", "maxLength", "minimum"),
        *("maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"),
        "uniqueItems",
    )
)
_FRAME = ("$defs", "$schema")
_LOCAL = "#/$defs/"


class SchemaProblem(ValueError):
    """Why a schema is not accepted: the rest of a sentence, and where it is."""

    def __init__(self, sentence: str, path: str = "") -> None:
        self.sentence, self.path = sentence, path
        super().__init__(f"{path} {sentence}".strip())


def resolve(schema: Any) -> JsonDict:
    """The schema with its local references put in their places.

    Raises SchemaProblem unless it is an object of described properties within the
    bounds.
    """
    if not isinstance(schema, dict):
        raise SchemaProblem("must be a JSON schema, which is an object.")
    if len(json.dumps(schema)) > MAX_SCHEMA_CHARS:
        raise SchemaProblem(f"may have {MAX_SCHEMA_CHARS} characters as JSON.")
    resolved = _Resolver(schema.get("$defs")).resolve(schema, "", 0)
    if resolved.get("type") != "object":
        raise SchemaProblem("must be of type object.")
    try:
        Draft202012Validator.check_schema(resolved)
    except SchemaError as exc:
        # Its own message would repeat the schema, however large.
        where = ".".join(str(part) for part in exc.absolute_path)
        raise SchemaProblem("is not valid JSON schema.", where[:200]) from exc
    return resolved


def strict(schema: Mapping[str, Any]) -> JsonDict:
    """What "strict" structured output takes of a resolved schema.

    Every property is required there, so what may be absent may be null; limits are
    checked when the answer is read.
    """
    kept: JsonDict = {key: schema[key] for key in _KEPT_BY_MODELS if key in schema}
    if "const" in schema:
        kept["enum"] = [schema["const"]]
    if "anyOf" in schema:
        kept["anyOf"] = [strict(choice) for choice in schema["anyOf"]]
    if "items" in schema:
        kept["items"] = strict(schema["items"])
    if "properties" in schema:
        needed = schema.get("required", ())
        kept["properties"] = {
            name: strict(rule) if name in needed else _or_null(strict(rule))
            for name, rule in schema["properties"].items()
        }
        kept |= {"required": list(schema["properties"]), "additionalProperties": False}
    return kept


def without_nulls(value: Any, schema: Mapping[str, Any]) -> Any:
    """The answer without the nulls that only strictness asked for."""
    if isinstance(value, list):
        return [without_nulls(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    rules: Mapping[str, Any] = schema.get("properties", {})
    return {
        name: without_nulls(item, rules.get(name, {}))
        for name, item in value.items()
        if item is not None or name in schema.get("required", ())
    }


def _or_null(rule: JsonDict) -> JsonDict:
    if "anyOf" in rule:
        return {**rule, "anyOf": [*rule["anyOf"], {"type": "null"}]}
    nullable = dict(rule)
    if "type" in rule:
        kinds = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
        nullable["type"] = list(dict.fromkeys([*kinds, "null"]))
    if "enum" in rule and None not in rule["enum"]:
        nullable["enum"] = [*rule["enum"], None]
    return nullable


class _Resolver:
    """Walks one schema; counts properties and choices: references may multiply them."""

    def __init__(self, shared: Any) -> None:
        self._shared = shared if isinstance(shared, dict) else {}
        self._left = MAX_PROPERTIES
        self._choices_left = MAX_CHOICES

    def resolve(self, schema: Any, path: str, depth: int) -> JsonDict:
        if depth > MAX_DEPTH:
            sentence = f"nests over {MAX_DEPTH} deep, or refers to itself."
            raise SchemaProblem(sentence, path)
        if not isinstance(schema, dict):
            raise SchemaProblem("must be a JSON schema, which is an object.", path)
        if unknown := schema.keys() - _KNOWN:
            named = min(unknown)[:MAX_NAME_CHARS]
            raise SchemaProblem(f"uses {named}, which is not supported.", path)
        if "$ref" in schema:
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            referred = self._referred(schema["$ref"], path)
            return self.resolve({**referred, **beside}, path, depth + 1)
        found = {key: value for key, value in schema.items() if key not in _FRAME}
        if "properties" in found:
            found["properties"] = self._properties(found["properties"], path, depth)
        if "items" in found:
            found["items"] = self.resolve(found["items"], f"{path}[]", depth + 1)
        if "anyOf" in found:
            found["anyOf"] = self._choices(found["anyOf"], path, depth)
        _check_kind(found, path)
        return found

    def _properties(self, given: Any, path: str, depth: int) -> JsonDict:
        if not isinstance(given, dict) or not given:
            raise SchemaProblem("needs properties.", path)
        self._left -= len(given)
        if self._left < 0:
            raise SchemaProblem(f"may have {MAX_PROPERTIES} properties in all.")
        return {
            name: self._property(name, rule, path, depth)
            for name, rule in given.items()
        }

    def _property(self, name: str, rule: Any, path: str, depth: int) -> JsonDict:
        where = f"{path}.{name[:MAX_NAME_CHARS]}".lstrip(".")
        if not name.strip() or len(name) > MAX_NAME_CHARS:
            raise SchemaProblem(
                f"needs a name of 1 to {MAX_NAME_CHARS} characters.", where
            )
        resolved = self.resolve(rule, where, depth + 1)
        description = resolved.get("description")
        if not isinstance(description, str) or not description.strip():
            raise SchemaProblem("needs a description.", where)
        return resolved

    def _choices(self, given: Any, path: str, depth: int) -> list[JsonDict]:
        if not isinstance(given, list) or not 0 < len(given) <= MAX_PROPERTIES:
            raise SchemaProblem("needs a list under anyOf.", path)
        self._choices_left -= len(given)
        if self._choices_left < 0:
            raise SchemaProblem(f"may have {MAX_CHOICES} choices under anyOf in all.")
        return [self.resolve(choice, path, depth + 1) for choice in given]

    def _referred(self, name: Any, path: str) -> JsonDict:
        is_local = isinstance(name, str) and name.startswith(_LOCAL)
        referred = self._shared.get(name.removeprefix(_LOCAL)) if is_local else None
        if not isinstance(referred, dict):
            raise SchemaProblem(f"may only refer to what stands under {_LOCAL}.", path)
        return referred


def _check_kind(rule: JsonDict, path: str) -> None:
    """What a model is to fill in must say what it is."""
    if not rule.keys() & {"type", "enum", "const", "anyOf"}:
        raise SchemaProblem("needs a type.", path)
    kinds = rule.get("type", ())
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "object" in kinds and "properties" not in rule:
        raise SchemaProblem("needs properties.", path)
    if "array" in kinds and "items" not in rule:
        raise SchemaProblem("needs items.", path)
    if not isinstance(rule.get("additionalProperties", False), bool):
        raise SchemaProblem("may have additionalProperties true or false.", path)
