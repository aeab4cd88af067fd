"""The filter language of the wire (contract §5), parsed to one SQL condition.

Filters are trees of conditions joined by ``AND``, ``OR`` and ``NOT``; siblings are
ANDed. Must not touch the database: the reads put ``Filters.sql`` into theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from memories.selectors.conditions import (
    FIELDS,
    Condition,
    all_of,
    any_of,
    bound_to,
    none_of,
    parse_instant,
    refuse,
)
from memories.types import Filters, Scope

MAX_DEPTH = 64
MAX_CONDITIONS = 1_000
MAX_VALUES = 5_000
"""A search asks a filter's values up to five times; PostgreSQL takes 65,535 in all."""


def parse_filters(raw: object, *, needs_scope: bool = True) -> Filters:
    """The filter a caller wrote, ready for SQL; raises InvalidRequest.

    ``needs_scope`` asks for at least one subject named other than by negation, so that
    nobody reads a whole project by leaving something out.
    """
    if raw is None:
        refuse("filters are required.")
    condition = _Parser().parse(raw, depth=1)
    if len(condition.params) > MAX_VALUES:
        refuse(f"filters may compare with at most {MAX_VALUES:,} values.")
    if needs_scope and not condition.names_scope:
        refuse("filters must name at least one of user_id, agent_id, app_id, run_id.")
    return replace(_filters(condition), asked=raw if isinstance(raw, dict) else None)


def restrict(filters: Filters, scope: Scope) -> Filters:
    """Only what these filters match in this scope; unnamed ids do not restrict."""
    named = {key: name for key, name in scope.as_dict().items() if name is not None}
    if not named:
        return filters
    return join(filters, replace(_filters(all_of(_bounds(named))), asked=named))


def join(first: Filters, second: Filters) -> Filters:
    """What both match."""
    both = _filters(all_of([_condition(first), _condition(second)]))
    asked = [filters.asked for filters in (first, second) if filters.asked is not None]
    return replace(both, asked={"AND": asked}) if len(asked) == 2 else both


def times_asked(asked: object) -> list[tuple[datetime, datetime]]:
    """Of which times a parsed filter, as it was written, asks what was true."""
    if isinstance(asked, list):
        return [time for part in asked for time in times_asked(part)]
    if not isinstance(asked, dict):
        return []
    here: list[tuple[datetime, datetime]] = []
    if isinstance(at := asked.get("valid_at"), str):
        instant = parse_instant(at)
        here.append((instant, instant))
    if isinstance(between := asked.get("valid_between"), list):
        start, end = map(parse_instant, between)
        here.append((start, end))
    return [*here, *times_asked([*asked.values()])]


def nothing() -> Filters:
    """What matches no memory at all."""
    return _filters(Condition("false"))


class _Parser:
    """Counts conditions on its way, so that no filter is a denial of service."""

    def __init__(self) -> None:
        self._conditions = 0

    def parse(self, raw: object, *, depth: int) -> Condition:
        """One filter object: its keys, ANDed."""
        if not isinstance(raw, dict):
            refuse("filters must be an object.")
        if not raw:
            refuse("filters must not hold an empty object.")
        if depth > MAX_DEPTH:
            refuse(f"filters may be nested {MAX_DEPTH} levels deep.")
        return all_of([self._key(key, value, depth) for key, value in raw.items()])

    def _key(self, key: str, value: Any, depth: int) -> Condition:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            refuse(f"filters may hold {MAX_CONDITIONS} conditions at most.")
        if key in _GROUPS:
            # ``NOT`` alone may take one object instead of a list.
            is_list = isinstance(value, list) or key != "NOT"
            return _GROUPS[key](self._group(key, value if is_list else [value], depth))
        if key not in FIELDS:
            refuse(f"unknown filter key {key}")
        return FIELDS[key](key, value)

    def _group(self, key: str, value: Any, depth: int) -> list[Condition]:
        if not isinstance(value, list) or not value:
            refuse(f"{key} must be a list with at least one filter.")
        return [self.parse(item, depth=depth + 1) for item in value]


_GROUPS = {"AND": all_of, "OR": any_of, "NOT": none_of}


def _bounds(named: Mapping[str, str]) -> list[Condition]:
    return [bound_to(key, name) for key, name in named.items()]


def _filters(condition: Condition) -> Filters:
    return Filters(
        sql=condition.sql,
        params=condition.params,
        scope=Scope(**condition.bound),
        is_only_scope=condition.is_only_scope,
        anchors=condition.anchors,
    )


def _condition(filters: Filters) -> Condition:
    named = filters.scope.as_dict().items()
    return Condition(
        filters.sql,
        filters.params,
        {key: name for key, name in named if name is not None},
        is_only_scope=filters.is_only_scope,
        anchors=filters.anchors,
    )
