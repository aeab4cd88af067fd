"""Fill in a JSON schema without a model: what speaks of a field stands in it.

Rules understand no text: what comes out is the shape that was asked for, with memories
word for word, and null where that cannot be. No Django.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memories.types import JsonDict

MAX_QUESTIONS = 100
MOST_ITEMS = 20
"""Memories in one list."""
MAX_DEPTH = 12

Path = tuple[str, ...]
Answers = Mapping[Path, Sequence[str]]

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")


def questions(schema: Mapping[str, Any]) -> dict[Path, str]:
    """What to look for, by the place in the object that it is for."""
    found: dict[Path, str] = {}
    for path, rule in _leaves(schema, (), 0):
        if len(found) == MAX_QUESTIONS:
            break
        about = (rule.get("title"), rule.get("description"))
        told = [text for text in about if isinstance(text, str)]
        found[path] = " ".join([path[-1].replace("_", " "), *told]).strip()
    return found


def shape(schema: Mapping[str, Any], answers: Answers) -> JsonDict:
    """An object with the properties of ``schema``, from the answers."""
    return {name: _value(rule, (name,), answers) for name, rule in _properties(schema)}


def _leaves(
    schema: Mapping[str, Any], path: Path, depth: int
) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for name, rule in _properties(schema):
        if _kind(rule) == "object" and depth < MAX_DEPTH:
            yield from _leaves(rule, (*path, name), depth + 1)
        else:
            yield (*path, name), rule


def _properties(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    given = schema.get("properties")
    for name, rule in given.items() if isinstance(given, dict) else ():
        yield name, rule if isinstance(rule, dict) else {}


def _kind(rule: Mapping[str, Any]) -> str:
    """The first type that is not null; of several choices, that of the first."""
    kinds = rule.get("type")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if isinstance(kind, str) and kind != "null":
            return kind
    for choice in rule.get("anyOf") or ():
        if isinstance(choice, dict) and (first := _kind(choice)) != "null":
            return first
    return "object" if "properties" in rule else "string"


def _value(rule: Mapping[str, Any], path: Path, answers: Answers) -> Any:
    kind, texts = _kind(rule), answers.get(path, ())
    if kind == "object" and len(path) <= MAX_DEPTH:
        return {
            name: _value(inner, (*path, name), answers)
            for name, inner in _properties(rule)
        }
    if kind == "array":
        return _list(rule, texts)
    return _one(rule, kind, texts)


def _list(rule: Mapping[str, Any], texts: Sequence[str]) -> list[Any]:
    items = rule.get("items")
    items = items if isinstance(items, dict) else {}
    kind = _kind(items)
    if kind == "object":
        return [_row(items, text) for text in texts[:MOST_ITEMS]]
    values = [_one(items, kind, [text]) for text in texts[:MOST_ITEMS]]
    return [value for value in values if value is not None]


def _row(rule: Mapping[str, Any], text: str) -> JsonDict:
    """The memory under the first property that takes a text."""
    row: JsonDict = {name: None for name, _ in _properties(rule)}
    for name, inner in _properties(rule):
        if _kind(inner) == "string":
            row[name] = text
            break
    return row


def _one(rule: Mapping[str, Any], kind: str, texts: Sequence[str]) -> Any:
    """The best memory, or what of it fits; None where that is not certain."""
    if isinstance(choices := rule.get("enum"), list):
        return _chosen(choices, texts)
    if kind == "string":
        return texts[0] if texts else None
    if kind in ("number", "integer"):
        return _number(kind, texts)
    return None


def _chosen(choices: Sequence[Any], texts: Sequence[str]) -> Any:
    """The one choice that the best memory names."""
    said = texts[0].casefold() if texts else ""
    named = [
        choice
        for choice in choices
        if isinstance(choice, str)
        and re.search(rf"\b{re.escape(choice.casefold())}\b", said)
    ]
    return named[0] if len(named) == 1 else None


def _number(kind: str, texts: Sequence[str]) -> int | float | None:
    """The one number that the best memory names."""
    said = _NUMBER.findall(texts[0]) if texts else []
    if len(said) != 1 or len(said[0]) > 15:
        return None
    if "." not in said[0]:
        return int(said[0])
    return float(said[0]) if kind == "number" else None
