"""What each key of a filter means, as conditions on ``m`` with their parameters.

A condition may be SQL's NULL where a column is; only TRUE counts. AND and OR keep that
apart from FALSE without harm, and :func:`none_of` says ``IS NOT TRUE``, so a negation
includes the rows where the column is null (contract §5).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn
from uuid import UUID

from memories.selectors.truth import true_at, true_between
from memories.types import SCOPE_KEYS, Aspect
from memplatform.lib.errors import InvalidRequest

WILDCARD = "*"
SCOPE_ID_CHARS = 256
MAX_LISTED = 10_000
MAX_METADATA_KEYS = 100
BIGINT = 2**63


AnchorCondition = tuple[str, tuple[Any, ...]]
"""One boolean expression on ``a``, and its parameters."""
ANY_ANCHOR: AnchorCondition = ("true", ())


@dataclass(frozen=True, slots=True)
class Condition:
    """One boolean expression on ``m``.

    ``bound`` holds the ids that every match carries by plain equality;
    ``names_scope`` says that some subject is named other than by negation;
    ``is_only_scope`` that ``bound`` is all there is to it. Every match is of an anchor
    ``a`` that meets ``anchors``, which other anchors may, too.
    """

    sql: str
    params: tuple[Any, ...] = ()
    bound: Mapping[str, str] = field(default_factory=dict)
    names_scope: bool = False
    is_only_scope: bool = False
    anchors: AnchorCondition = ANY_ANCHOR


Build = Callable[[Any], Condition]


def refuse(message: str) -> NoReturn:
    raise InvalidRequest(message, fields={"filters": [message]})


# --- Together ---------------------------------------------------------------


def all_of(conditions: Sequence[Condition]) -> Condition:
    """Every one of them; of none at all there is no condition."""
    if len(conditions) == 1:
        return conditions[0]
    bound: dict[str, str] = {}
    is_consistent = True
    for condition in conditions:
        for key, name in condition.bound.items():
            is_consistent &= bound.setdefault(key, name) == name
    return replace(
        _joined(" AND ", conditions),
        bound=bound,
        is_only_scope=is_consistent and all(c.is_only_scope for c in conditions),
        anchors=_all_anchors([condition.anchors for condition in conditions]),
    )


def any_of(conditions: Sequence[Condition]) -> Condition:
    """At least one of them."""
    if len(conditions) == 1:
        return conditions[0]
    anchors = _any_anchors([condition.anchors for condition in conditions])
    return replace(_joined(" OR ", conditions), anchors=anchors)


def none_of(conditions: Sequence[Condition]) -> Condition:
    """Not a single one of them; unknown is not true."""
    inner = any_of(conditions)
    return Condition(f"({inner.sql}) IS NOT TRUE", inner.params)


def _all_anchors(parts: Sequence[AnchorCondition]) -> AnchorCondition:
    asking = [part for part in parts if part != ANY_ANCHOR]
    return _joined_anchors(" AND ", asking) if asking else ANY_ANCHOR


def _any_anchors(parts: Sequence[AnchorCondition]) -> AnchorCondition:
    return ANY_ANCHOR if ANY_ANCHOR in parts else _joined_anchors(" OR ", parts)


def _joined_anchors(word: str, parts: Sequence[AnchorCondition]) -> AnchorCondition:
    sql = word.join(sql for sql, _ in parts)
    values = tuple(value for _, params in parts for value in params)
    return (f"({sql})" if len(parts) > 1 else sql), values


def _joined(word: str, conditions: Sequence[Condition]) -> Condition:
    return Condition(
        "(" + word.join(condition.sql for condition in conditions) + ")",
        tuple(value for condition in conditions for value in condition.params),
        names_scope=any(condition.names_scope for condition in conditions),
    )


def _operators(
    key: str, value: Any, known: Mapping[str, Build], *, bare: Build | None = None
) -> Condition:
    """``{operator: value, …}``, all of them, or a bare value where one is allowed."""
    if not isinstance(value, dict):
        if bare is None:
            refuse(f"{key} needs an operator: {', '.join(known)}.")
        return bare(value)
    if not value:
        refuse(f"{key} must not be an empty object.")
    for operator in value:
        if operator not in known:
            refuse(f"unknown operator {operator} for {key}; use {', '.join(known)}.")
    return all_of([known[operator](given) for operator, given in value.items()])


# --- Subjects: user_id, agent_id, app_id, run_id ----------------------------


def subject(key: str, value: Any) -> Condition:
    """Exact and case-sensitive; ``*`` is any value, never null."""
    is_it = partial(_is_subject, key)
    known = {
        "eq": is_it,
        "ne": partial(_is_not_subject, key),
        "in": partial(_is_one_of_subjects, key),
    }
    return _operators(key, value, known, bare=is_it)


def bound_to(key: str, name: str) -> Condition:
    """The plain equality that picks anchors, counters and indexes."""
    is_it = _of_subject(key, "= %s", name)
    return replace(is_it, bound={key: name}, names_scope=True, is_only_scope=True)


def _is_subject(key: str, value: Any) -> Condition:
    if value == WILDCARD:
        return replace(_of_subject(key, "IS NOT NULL"), names_scope=True)
    return bound_to(key, _subject_name(key, value))


def _is_not_subject(key: str, value: Any) -> Condition:
    if value == WILDCARD:
        return _of_subject(key, "IS NULL")
    return _of_subject(key, "IS DISTINCT FROM %s", _subject_name(key, value))


def _is_one_of_subjects(key: str, value: Any) -> Condition:
    names = [_subject_name(key, name) for name in _listed(key, value)]
    return replace(_of_subject(key, "= ANY(%s)", names), names_scope=True)


def _of_subject(key: str, test: str, *values: Any) -> Condition:
    """Of the four ids three are the anchor's as well; a run is the memory's alone."""
    is_anchors = key in SCOPE_KEYS[:3]
    anchors = (f"a.{key} {test}", values) if is_anchors else ANY_ANCHOR
    return Condition(f"m.{key} {test}", values, anchors=anchors)


def _subject_name(key: str, value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        refuse(f"{key} must be text.")
    if problem := scope_id_problem(value):
        refuse(f"{key} {problem}")
    return value


def scope_id_problem(name: str) -> str | None:
    """Why this text cannot be the id of a subject, or None when it can."""
    if not name.strip():
        return "must not be blank."
    if not name.strip(WILDCARD):
        return "must not consist of *."
    if len(name) > SCOPE_ID_CHARS:
        return f"may have {SCOPE_ID_CHARS} characters at most."
    return "must not hold a NUL character." if "\0" in name else None


# --- Times ------------------------------------------------------------------

_TIME_COLUMNS = {
    "created_at": "m.created_at",
    "timestamp": "m.created_at",
    "updated_at": "m.updated_at",
    "expiration_date": "(m.expires_on::timestamp AT TIME ZONE 'UTC')",
}


def moment(key: str, value: Any) -> Condition:
    """Before, after or at instants; a plain day is its midnight UTC."""
    column = _TIME_COLUMNS[key]

    def compared(operator: str) -> Build:
        sql = f"{column} {operator} %s"
        return lambda given: Condition(sql, (_instant(key, given),))

    def is_one_of(given: Any) -> Condition:
        instants = [_instant(key, text) for text in _listed(key, given)]
        return Condition(f"{column} = ANY(%s)", (instants,))

    known = {
        "eq": compared("="),
        "ne": compared("IS DISTINCT FROM"),
        "gt": compared(">"),
        "gte": compared(">="),
        "lt": compared("<"),
        "lte": compared("<="),
        "in": is_one_of,
    }
    return _operators(key, value, known, bare=known["eq"])


def _instant(key: str, value: Any) -> datetime:
    try:
        return parse_instant(value)
    except ValueError as exc:
        refuse(f"{key}: {exc}")


def parse_instant(value: Any) -> datetime:
    """``YYYY-MM-DD`` (midnight UTC) or ISO 8601 (naive is UTC), in UTC.

    Raises ValueError with a sentence that says what was expected.
    """
    problem = "must be YYYY-MM-DD or an ISO 8601 date and time."
    if not isinstance(value, str):
        raise ValueError(problem)
    try:
        instant = datetime.fromisoformat(value.strip())
        if instant.tzinfo is None:
            return instant.replace(tzinfo=UTC)
        return instant.astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise ValueError(problem) from exc


def valid_at(key: str, value: Any) -> Condition:
    """True in the world at an instant, which says where it is."""
    return Condition(*true_at(_exact_instant(key, value)))


def valid_between(key: str, value: Any) -> Condition:
    """True at some time from one instant on and before another."""
    if not isinstance(value, list) or len(value) != 2:
        refuse(f"{key} must be a list of two instants: from, and before which.")
    start, end = (_exact_instant(key, given) for given in value)
    if end < start:
        refuse(f"{key} must not end before it begins.")
    return Condition(*true_between(start, end))


def _exact_instant(key: str, value: Any) -> datetime:
    """With a time and an offset: inside filters nobody knows the project's zone."""
    instant = _instant(key, value)
    if datetime.fromisoformat(value.strip()).tzinfo is None:
        refuse(
            f"{key} needs a time with its offset inside filters; a plain day will do"
            f" beside them."
        )
    return instant


def aspect(key: str, value: Any) -> Condition:
    """What a memory tells of: an event, a state, a plan, and so on."""

    def is_any(given: Any) -> Condition:
        return Condition("m.aspect = ANY(%s)", (_aspects(key, _listed(key, given)),))

    def is_it(given: Any) -> Condition:
        return Condition("m.aspect = %s", (_aspects(key, [given])[0],))

    def is_not(given: Any) -> Condition:
        sql = "m.aspect IS DISTINCT FROM %s"
        return Condition(sql, (_aspects(key, [given])[0],))

    return _operators(key, value, {"eq": is_it, "ne": is_not, "in": is_any}, bare=is_it)


def _aspects(key: str, names: Sequence[Any]) -> list[str]:
    if not all(name in list(Aspect) for name in names):
        refuse(f"{key} must be one of {', '.join(Aspect)}.")
    return [str(name) for name in names]


# --- What it says: text, keywords, categories, metadata, ids ----------------


def text(key: str, value: Any) -> Condition:
    """The memory's words, whole or in part."""
    known: dict[str, Build] = {
        "eq": lambda given: Condition("m.text = %s", (_text(key, given),)),
        "ne": lambda given: Condition(
            "m.text IS DISTINCT FROM %s", (_text(key, given),)
        ),
        **_substrings(key),
    }
    return _operators(key, value, known, bare=known["eq"])


def keywords(key: str, value: Any) -> Condition:
    """A literal part of the text: ``%`` and ``_`` are ordinary characters."""
    return _operators(key, value, _substrings(key))


def keywords_search(key: str, value: Any) -> Condition:
    """As ``keywords``; a bare text is looked for in any case."""
    known = _substrings(key)
    return _operators(key, value, known, bare=known["icontains"])


def categories(key: str, value: Any) -> Condition:
    """Any of a list, or a part of a name in any case."""

    def is_any(given: Any) -> Condition:
        names = [_text(key, name) for name in _listed(key, given)]
        return Condition("m.categories && %s::varchar[]", (names,))

    def has_part(given: Any) -> Condition:
        sql = (
            "EXISTS (SELECT FROM unnest(m.categories) AS category"
            " WHERE strpos(lower(category), lower(%s)) > 0)"
        )
        return Condition(sql, (_text(key, given),))

    return _operators(key, value, {"in": is_any, "contains": has_part})


def memory_ids(key: str, value: Any) -> Condition:
    """These memories, where they are within everything else that is asked."""

    def is_one_of(given: Any) -> Condition:
        ids = [_memory_id(key, item) for item in _listed(key, given)]
        return Condition("m.id = ANY(%s::uuid[])", (ids,))

    return _operators(key, value, {"in": is_one_of}, bare=is_one_of)


def metadata(key: str, value: Any) -> Condition:
    """Top-level keys of the metadata, all of them."""
    if not isinstance(value, dict) or not value:
        refuse(f"{key} must be an object with at least one key.")
    if len(value) > MAX_METADATA_KEYS:
        refuse(f"{key} may name {MAX_METADATA_KEYS} keys at most.")
    return all_of([_metadata_key(name, given) for name, given in value.items()])


def _metadata_key(name: str, value: Any) -> Condition:
    """JSON equality: types are kept apart, and 1 equals 1.0 as in jsonb."""
    path = f"metadata.{name}"

    def is_it(given: Any) -> Condition:
        sql = "m.metadata -> %s::text = %s::jsonb"
        return Condition(sql, (name, _json(path, given)))

    def is_not(given: Any) -> Condition:
        sql = "(m.metadata -> %s::text) IS DISTINCT FROM %s::jsonb"
        return Condition(sql, (name, _json(path, given)))

    known: dict[str, Build] = {
        "eq": is_it,
        "ne": is_not,
        "contains": partial(_holds, path, name),
    }
    return _operators(path, value, known, bare=is_it)


def _holds(path: str, name: str, value: Any) -> Condition:
    """A part of a text, or an element of an array."""
    if isinstance(value, dict | list) or value == "":
        refuse(f"{path}: contains needs a text, number, boolean or null.")
    sql = (
        "CASE jsonb_typeof(m.metadata -> %s::text)"
        " WHEN 'array' THEN EXISTS (SELECT FROM"
        " jsonb_array_elements(m.metadata -> %s::text) AS element"
        " WHERE element = %s::jsonb)"
        " WHEN 'string' THEN strpos(m.metadata ->> %s::text, %s::text) > 0"
        " ELSE false END"
    )
    part = value if isinstance(value, str) else None
    return Condition(sql, (name, name, _json(path, value), name, part))


def _json(path: str, value: Any) -> str:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if is_number and not -BIGINT <= value < BIGINT:
        refuse(f"{path}: the number is out of range.")
    return json.dumps(value)


def _substrings(key: str) -> dict[str, Build]:
    def contains(given: Any) -> Condition:
        return Condition("strpos(m.text, %s) > 0", (_text(key, given),))

    def icontains(given: Any) -> Condition:
        sql = "strpos(lower(m.text), lower(%s)) > 0"
        return Condition(sql, (_text(key, given),))

    return {"contains": contains, "icontains": icontains}


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        refuse(f"{key} must be a text that is not empty.")
    return value


def _memory_id(key: str, value: Any) -> UUID:
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        refuse(f"{key} must hold UUIDs.")


def _listed(key: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        refuse(f"{key} must be a list with at least one value.")
    if len(value) > MAX_LISTED:
        refuse(f"{key} may list {MAX_LISTED} values at most.")
    return value


FIELDS: Mapping[str, Callable[[str, Any], Condition]] = {
    **dict.fromkeys(SCOPE_KEYS, subject),
    **dict.fromkeys(_TIME_COLUMNS, moment),
    "valid_at": valid_at,
    "valid_between": valid_between,
    "aspect": aspect,
    "text": text,
    "keywords": keywords,
    "keywords_search": keywords_search,
    "categories": categories,
    "metadata": metadata,
    "memory_ids": memory_ids,
}
