"""The filter language evaluated on plain rows: the meaning the SQL is tested against.

Written from the contract (§5), not from the parser: slow, obvious, no nulls of SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from dateutil.relativedelta import relativedelta

IDS = ("user_id", "agent_id", "app_id", "run_id")
GROUPS = {
    "AND": lambda verdicts: all(verdicts),
    "OR": lambda verdicts: any(verdicts),
    "NOT": lambda verdicts: not any(verdicts),
}


@dataclass(frozen=True)
class Row:
    id: str
    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None
    text: str
    metadata: dict[str, Any] | None
    categories: list[str] | None
    created_at: str
    updated_at: str
    expires_on: str | None
    valid_from: str | None = None
    valid_to: str | None = None
    valid_precision: str | None = None
    aspect: str | None = None


def matches(raw: dict[str, Any], row: Row) -> bool:
    return all(_key(key, value, row) for key, value in raw.items())


def _key(key: str, value: Any, row: Row) -> bool:
    if key in GROUPS:
        inner = value if isinstance(value, list) else [value]
        return GROUPS[key]([matches(item, row) for item in inner])
    if key in ("valid_at", "valid_between"):
        return _is_true(value if isinstance(value, list) else [value, value], row)
    if key == "metadata":
        return all(_metadata(name, given, row) for name, given in value.items())
    operators = value if isinstance(value, dict) else {_bare(key): value}
    return all(_leaf(key, op, given, row) for op, given in operators.items())


def _bare(key: str) -> str:
    return {"memory_ids": "in", "keywords_search": "icontains"}.get(key, "eq")


def _leaf(key: str, op: str, given: Any, row: Row) -> bool:
    if key in IDS:
        return _subject(op, given, getattr(row, key))
    if key == "memory_ids":
        return row.id in given
    if key == "aspect":
        is_it = row.aspect in given if op == "in" else row.aspect == given
        return is_it is not (op == "ne")
    if key == "categories":
        return _category(op, given, row.categories or [])
    if key in ("text", "keywords", "keywords_search"):
        return _text(op, given, row.text)
    return _moment(op, given, _column(key, row))


def _subject(op: str, given: Any, actual: str | None) -> bool:
    def is_it(name: Any) -> bool:
        return actual is not None if name == "*" else actual == str(name)

    if op == "in":
        return any(is_it(name) for name in given)
    return is_it(given) if op == "eq" else not is_it(given)


def _text(op: str, given: str, actual: str) -> bool:
    return {
        "eq": actual == given,
        "ne": actual != given,
        "contains": given in actual,
        "icontains": given.lower() in actual.lower(),
    }[op]


def _category(op: str, given: Any, actual: list[str]) -> bool:
    if op == "in":
        return bool(set(given) & set(actual))
    return any(given.lower() in name.lower() for name in actual)


def _column(key: str, row: Row) -> datetime | None:
    if key == "expiration_date":
        return row.expires_on and _instant(row.expires_on)
    return _instant(row.updated_at if key == "updated_at" else row.created_at)


def _moment(op: str, given: Any, actual: datetime | None) -> bool:
    if op == "in":
        return actual in [_instant(text) for text in given]
    wanted = _instant(given)
    if op == "ne":
        return actual != wanted
    if actual is None:
        return False
    return {
        "eq": actual == wanted,
        "gt": actual > wanted,
        "gte": actual >= wanted,
        "lt": actual < wanted,
        "lte": actual <= wanted,
    }[op]


LENGTHS = {
    "day": relativedelta(days=1),
    "weekend": relativedelta(days=2),
    "week": relativedelta(days=7),
    "month": relativedelta(months=1),
    "season": relativedelta(months=3),
    "year": relativedelta(years=1),
}


def _is_true(asked: list[str], row: Row) -> bool:
    """docs/adr/0610, by its table: unknown bounds, and what lasts as long as its
    precision. ``asked`` are from and to; the same twice is an instant."""
    first, last = map(_instant, asked)
    said = _instant(row.created_at)
    start = row.valid_from and _instant(row.valid_from)
    end = row.valid_to and _instant(row.valid_to)
    if not end and (row.aspect == "event" or (row.aspect == "plan" and start)):
        length = LENGTHS.get(row.valid_precision or "", relativedelta())
        end = start + length if start else said + LENGTHS["day"]
    is_over_when_said = row.valid_to and _instant(row.valid_to) <= said
    began = start or (datetime.min.replace(tzinfo=UTC) if is_over_when_said else said)
    if first == last:
        return began <= first and (not end or end > first or start == first)
    return began < last and bool(not end or end > first or (start and start >= first))


def _instant(text: str) -> datetime:
    if len(text) == len("2022-01-01"):
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


_ABSENT = object()


def _metadata(name: str, value: Any, row: Row) -> bool:
    actual = (row.metadata or {}).get(name, _ABSENT)
    operators = value if isinstance(value, dict) else {"eq": value}
    verdicts = {
        "eq": lambda given: is_same_json(actual, given),
        "ne": lambda given: not is_same_json(actual, given),
        "contains": lambda given: _holds(actual, given),
    }
    return all(verdicts[op](given) for op, given in operators.items())


def _holds(actual: Any, given: Any) -> bool:
    if isinstance(actual, list):
        return any(is_same_json(element, given) for element in actual)
    both_text = isinstance(actual, str) and isinstance(given, str)
    return both_text and given in actual


def is_same_json(one: Any, other: Any) -> bool:
    """Types apart, but 1 and 1.0 are one number, as in jsonb."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(is_same_json(a, b) for a, b in pairs)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            is_same_json(value, other[key]) for key, value in one.items()
        )
    return bool(one == other)
