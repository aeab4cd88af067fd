"""Lines of a raw export, read back: every value checked, as anybody may have edited it.

What a line says of memories, adds and nodes are the ids they had where they came from.
No Django.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from memories.exports.lines import ADD, ENTITY, MEMORY, RELATION, SUBJECT
from memories.exports.parsing import (
    Parser,
    Wrong,
    anything,
    boolean,
    day,
    instant,
    json_object,
    many,
    need,
    number,
    one_of,
    parsed,
    rows,
    share,
    text_to,
    uuid,
    whole,
)
from memories.language.recurrence import checked_rule
from memories.language.times import PRECISIONS
from memories.types import SCOPE_KEYS, STATE_RULES, Aspect, JsonDict

MAX_TEXT_CHARS = 1_000_000
MANY = 100_000
AHEAD = timedelta(minutes=5)
"""How far another machine's clock may be before ours."""
_ACCEPTED = ("accepted_at", "created_at", "declared_at", "last_active_at", "updated_at")

Parsers = dict[str, Parser]
_short, _long = text_to(256), text_to(MAX_TEXT_CHARS)
_SCOPE: Parsers = dict.fromkeys(SCOPE_KEYS, _short)
_STATES = [str(state) for state in STATE_RULES]
_KINDS = (
    *("ADD", "UPDATE", "DELETE", "SUPERSEDE", "MERGE", "RETIRE", "RESTORE", "EXPIRE"),
    *("CATEGORIZE", "QUARANTINE", "APPROVE", "ARCHIVE", "SUSPECT", "CONFIRM", "ERASE"),
)
MOST_MINUTES = 24 * 60


def _recurrence(value: Any) -> str:
    rule = checked_rule(text_to(MAX_TEXT_CHARS)(value))
    if rule is None:
        raise Wrong("must be an RRULE without a start and an end.")
    return rule


def _minutes(value: Any) -> int:
    if abs(whole(value)) >= MOST_MINUTES:
        raise Wrong("must be minutes of less than a day.")
    return whole(value)


_VERSION: Parsers = {
    "number": whole,
    "text": _long,
    "metadata": json_object,
    "categories": many(text_to(100), 100),
    "state": one_of(_STATES),
    "valid_from": instant,
    "valid_to": instant,
    "valid_precision": one_of(PRECISIONS),
    "recurs": _recurrence,
    "aspect": one_of([str(aspect) for aspect in Aspect]),
    "expires_on": day,
    "is_immutable": boolean,
    "confidence": share,
    "replaced_by_id": uuid,
    "created_at": instant,
    "known_from": instant,
    "vector_number": whole,
    "known_to": instant,
}
_EVENT: Parsers = {
    "id": uuid,
    "kind": one_of(_KINDS),
    "old_number": whole,
    "new_number": whole,
    "related_memory_id": uuid,
    "actor_kind": one_of(("engine", "api_key", "operator", "system")),
    "actor_id": uuid,
    "operation_id": uuid,
    "message_ids": many(uuid, MANY),
    "engine": text_to(16),
    "model": text_to(200),
    "reason": _long,
    "review": json_object,
    "at": instant,
}
_MERGE: Parsers = {
    "id": uuid,
    "kept_id": uuid,
    "absorbed_id": uuid,
    "decided_by": one_of(("rule", "model", "operator")),
    "score": share,
    "evidence": json_object,
    "actor_kind": text_to(16),
    "actor_id": uuid,
    "at": instant,
    "undone_at": instant,
    "undone_by": uuid,
}
_FEEDBACK: Parsers = {
    "operator_id": uuid,
    "feedback": one_of(("POSITIVE", "NEGATIVE", "VERY_NEGATIVE")),
    "reason": _long,
    "created_at": instant,
    "updated_at": instant,
}
_MESSAGE: Parsers = {
    "id": uuid,
    "run_id": _short,
    "session_key": text_to(300),
    "role": text_to(16),
    "name": _short,
    "content": _long,
    "sent_at": instant,
    "utc_offset": _minutes,
    "created_at": instant,
}
_INGESTION: Parsers = {
    "infer": boolean,
    "engine": text_to(16),
    "memory_type": text_to(16),
    "options": json_object,
    "metadata": json_object,
    "session_key": text_to(300),
    "ledger": json_object,
    "prompt_tokens": whole,
    "completion_tokens": whole,
    "model_calls": whole,
    "accepted_at": instant,
}


def _ingestion(value: Any) -> JsonDict:
    found = parsed(json_object(value), _INGESTION)
    need(found, "infer", "accepted_at")
    return found


_LINES: Mapping[str, tuple[Parsers, tuple[str, ...]]] = {
    SUBJECT: (
        {
            "kind": one_of(("user", "agent", "app", "run")),
            "external_id": _short,
            "display_name": _short,
            "metadata": json_object,
            "declared_at": instant,
            "created_at": instant,
            "last_active_at": instant,
        },
        ("kind", "external_id", "created_at", "last_active_at"),
    ),
    ADD: (
        {
            "id": uuid,
            **_SCOPE,
            "status": one_of(("SUCCEEDED", "FAILED")),
            "error_code": text_to(64),
            "attempts": whole,
            "created_at": instant,
            "started_at": instant,
            "completed_at": instant,
            "updated_at": instant,
            "latency_ms": number,
            "results": anything,
            "ingestion": _ingestion,
            "messages": rows(_MESSAGE, MANY, "id", "role", "sent_at", "created_at"),
        },
        ("id", "status", "created_at", "updated_at", "ingestion", "messages"),
    ),
    ENTITY: (
        {
            **dict.fromkeys(SCOPE_KEYS[:3], _short),
            "id": uuid,
            "name": text_to(300),
            "normalized": text_to(300),
            "qualifier": text_to(64),
            "entity_type": text_to(64),
            "aliases": many(text_to(300), 1000),
            "state": text_to(16),
            "mention_count": whole,
            "created_at": instant,
            "known_from": instant,
            "known_to": instant,
            "merges": rows(
                _MERGE,
                MANY,
                *("id", "kept_id", "absorbed_id", "decided_by", "actor_kind", "at"),
            ),
        },
        (
            *("id", "name", "normalized", "entity_type", "state", "created_at"),
            "known_from",
        ),
    ),
    MEMORY: (
        {
            "id": uuid,
            **_SCOPE,
            "attributed_to": one_of(("user", "agent")),
            "speaker": _short,
            "kind": one_of(("fact", "procedure", "pattern")),
            "origin": one_of(
                ("inferred", "verbatim", "console", "imported", "synthesized")
            ),
            "is_stale_suspect": boolean,
            "number": whole,
            "accepted_at": instant,
            "updated_at": instant,
            "versions": rows(
                _VERSION, MANY, "number", "state", "created_at", "known_from"
            ),
            "events": rows(_EVENT, MANY, "id", "kind", "actor_kind", "at"),
            "mentions": many(uuid, MANY),
            "mentioned_at": many(instant, MANY),
            "feedback": rows(
                _FEEDBACK, MANY, "operator_id", "created_at", "updated_at"
            ),
            "confirmations": rows({"operation_id": uuid, "at": instant}, MANY, "at"),
            "sources": rows(
                {"number": whole, "source_id": uuid, "wording": whole},
                MANY,
                *("number", "source_id", "wording"),
            ),
        },
        (
            *("id", "attributed_to", "kind", "origin", "number", "accepted_at"),
            *("updated_at", "versions", "events"),
        ),
    ),
    RELATION: (
        {
            **dict.fromkeys(SCOPE_KEYS[:3], _short),
            "id": uuid,
            "source_id": uuid,
            "source_said": uuid,
            "target_id": uuid,
            "target_said": uuid,
            "relation_type": text_to(64),
            "is_single": boolean,
            "fact": _long,
            "state": text_to(16),
            "confidence": share,
            "valid_from": instant,
            "valid_to": instant,
            "valid_precision": one_of(PRECISIONS),
            "known_from": instant,
            "known_to": instant,
            "replaced_by_id": uuid,
            "replaces": many(uuid, MANY),
            "archived_at": instant,
            "support": rows(
                {"memory_id": uuid, "number": whole}, MANY, "memory_id", "number"
            ),
        },
        (
            *("id", "source_id", "target_id", "relation_type", "state", "known_from"),
            "support",
        ),
    ),
}


def read_line(record: Mapping[str, Any], now: datetime) -> JsonDict:
    """What a line holds, by its ``type``; raises Wrong."""
    section = record.get("type")
    if not isinstance(section, str) or section not in _LINES:
        raise Wrong("is no type of line that a raw export has.", "type")
    parsers, needed = _LINES[section]
    found = parsed(record, parsers)
    need(found, *needed)
    if section == MEMORY:
        _check_memory(found, now)
    if section == ENTITY:
        _check_past(found, now, "merges", "at")
        _check_past(found, now, "merges", "undone_at")
    if section in (ADD, MEMORY) and not any(found[key] for key in SCOPE_KEYS):
        raise Wrong("names no user_id, agent_id, app_id or run_id.")
    _check_valid_time([found] if section == RELATION else found.get("versions") or [])
    _accept_by(found, now)
    _accept_by(found.get("ingestion") or {}, now)
    if section == MEMORY:  # nothing is known before it is accepted
        first_known = found["versions"][0]["known_from"]
        found["accepted_at"] = min(found["accepted_at"], first_known)
    return {"type": section, **found}


def _accept_by(found: JsonDict, now: datetime) -> None:
    """Nothing is accepted later than it comes in: the next delete must reach it."""
    for name in _ACCEPTED:
        if found.get(name) is not None:
            found[name] = min(found[name], now)


def _check_memory(found: JsonDict, now: datetime) -> None:
    """Its versions must be what a history is: numbered, and one after another."""
    versions = found["versions"]
    numbers = [version["number"] for version in versions]
    if numbers != [*range(1, len(versions) + 1)] or numbers[-1:] != [found["number"]]:
        raise Wrong("must be numbered from 1 to the memory's number.", "versions")
    if versions[-1]["text"] is None or not versions[-1]["text"].strip():
        raise Wrong("must end with one that has a text.", "versions")
    if versions[-1]["known_to"] or versions[-1]["known_from"] > now + AHEAD:
        raise Wrong("must end with what is known now.", "versions")
    _check_past(found, now, "events", "at")
    _check_past(found, now, "confirmations", "at")
    for former, latter in pairwise(versions):
        ended = former["known_to"]
        if ended is None or not former["known_from"] < ended <= latter["known_from"]:
            raise Wrong("must follow one another in known_from, known_to.", "versions")
    if any(
        not 1 <= (v["vector_number"] or v["number"]) <= v["number"] for v in versions
    ):
        raise Wrong("must name a version up to their own as vector_number.", "versions")


def _check_past(found: JsonDict, now: datetime, name: str, key: str) -> None:
    if any(row[key] and row[key] > now + AHEAD for row in found[name] or ()):
        raise Wrong("must not lie in the future.", f"{name}.{key}")


def _check_valid_time(times: list[JsonDict]) -> None:
    for time in times:
        start, over = time["valid_from"], time["valid_to"]
        if start and over and over < start:
            raise Wrong("must not lie before valid_from.", "valid_to")
