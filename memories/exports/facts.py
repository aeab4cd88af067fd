"""Memories as other systems list them: JSON objects, or rows of CSV. No Django.

The hosted API's list and the self-hosted mem0 server's ``/memories`` say ``memory``,
with ids, metadata and times beside it; plain facts may say ``text``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from memories.exports.parsing import (
    Wrong,
    boolean,
    day,
    instant,
    json_in,
    json_object,
    parsed,
    text_to,
    uuid,
)
from memories.types import SCOPE_KEYS, JsonDict, Scope

TEXT_KEYS = ("memory", "text", "fact", "content", "data")
MAX_ID_CHARS = 256
MAX_CATEGORY_CHARS = 100
MAX_CATEGORIES = 100
SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class ImportedFact:
    """One memory to be, as its old home knew it.

    ``original_id`` is what it was called there; ``replaced_by`` names another such.
    """

    line: int
    text: str
    scope: Scope
    original_id: UUID | None
    metadata: JsonDict | None
    categories: tuple[str, ...] | None
    created_at: datetime | None
    updated_at: datetime | None
    expires_on: date | None
    is_immutable: bool
    replaced_by: UUID | None


def read_fact(
    line: int, record: Mapping[str, Any], scope: Scope, max_chars: int
) -> ImportedFact:
    """A record as a fact; ``scope`` gives the ids it does not name. Raises Wrong."""
    found = parsed(record, _PARSERS)
    return ImportedFact(
        line=line,
        text=_text(record, max_chars),
        scope=_scope(found, scope),
        original_id=_original_id(record),
        metadata=found["metadata"],
        categories=found["categories"],
        created_at=found["created_at"],
        updated_at=found["updated_at"],
        expires_on=found["expiration_date"],
        is_immutable=bool(found["immutable"]),
        replaced_by=found["replaced_by"],
    )


def _text(record: Mapping[str, Any], max_chars: int) -> str:
    parse = text_to(max_chars)
    for name in TEXT_KEYS:
        if record.get(name) is not None:
            try:
                text: str = parse(record[name])
            except Wrong as exc:
                raise Wrong(str(exc), name) from exc
            if text.strip():
                return text
    raise Wrong("is missing, or blank.", "memory")


def _scope(found: Mapping[str, Any], given: Scope) -> Scope:
    ids = {key: found[key] for key in SCOPE_KEYS}
    ids["run_id"] = ids["run_id"] or found["session_id"]
    named = {key: ids[key] or getattr(given, key) for key in SCOPE_KEYS}
    if not any(named.values()):
        raise Wrong("names no user_id, agent_id, app_id or run_id.")
    return Scope(**named)


def _original_id(record: Mapping[str, Any]) -> UUID | None:
    """What is no UUID names nothing here."""
    try:
        return uuid(record.get("id") or record.get("memory_id"))
    except Wrong:
        return None


def _scope_id(value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    found: str = text_to(MAX_ID_CHARS)(value)
    return found if found.strip() else None


def _categories(value: Any) -> tuple[str, ...] | None:
    """A list; in CSV a JSON list, or names between semicolons or commas."""
    if isinstance(value, str):
        value = _from_text(value)
    if not isinstance(value, list) or len(value) > MAX_CATEGORIES:
        raise Wrong(f"must be a list of at most {MAX_CATEGORIES} names.")
    names = tuple(text_to(MAX_CATEGORY_CHARS)(name) for name in value)
    return tuple(dict.fromkeys(name for name in names if name.strip())) or None


def _from_text(value: str) -> Any:
    if value.lstrip().startswith("["):
        return json_in(value, "must be a list of names.")
    separator = ";" if ";" in value else ","
    return [name.strip() for name in value.split(separator)]


_PARSERS = {
    **dict.fromkeys((*SCOPE_KEYS, "session_id"), _scope_id),
    "metadata": json_object,
    "categories": _categories,
    "created_at": instant,
    "updated_at": instant,
    "expiration_date": day,
    "immutable": boolean,
    "replaced_by": uuid,
}
