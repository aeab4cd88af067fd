"""Values of a record that comes from elsewhere: checked one by one, named when wrong.

A parser takes one JSON value and returns what it means, or raises :class:`Wrong` with
the rest of a sentence. Nothing of the value is repeated in it. No Django.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from memories.types import FIRST_YEAR, LAST_YEAR

BIGGEST = 2**31 - 1
"""What a column of whole numbers holds."""
MAX_NESTING = 64

Parser = Callable[[Any], Any]


class Wrong(ValueError):
    """What is wrong with a record; ``field`` is the part of it that is."""

    def __init__(self, sentence: str, field: str = "") -> None:
        self.field = field
        super().__init__(f"{field} {sentence}".strip())


def parsed(record: Mapping[str, Any], parsers: Mapping[str, Parser]) -> dict[str, Any]:
    """Every field of ``parsers``; null and absent are None. Raises Wrong."""
    found = {}
    for name, parse in parsers.items():
        value = record.get(name)
        try:
            found[name] = None if value is None else parse(value)
        except Wrong as exc:
            path = f"{name}.{exc.field}" if exc.field else name
            sentence = str(exc).removeprefix(exc.field).strip()
            raise Wrong(sentence, path) from exc
    return found


def need(found: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if found[name] is None:
            raise Wrong("is missing.", name)


def text_to(most: int) -> Parser:
    def parse(value: Any) -> str:
        if not isinstance(value, str):
            raise Wrong("must be text.")
        if len(value) > most:
            raise Wrong(f"may have {most} characters at most.")
        return value

    return parse


def one_of(words: Sequence[str]) -> Parser:
    def parse(value: Any) -> str:
        if value not in words:
            raise Wrong(f"must be one of {', '.join(words)}.")
        return str(value)

    return parse


def many(parse: Parser, most: int) -> Parser:
    def parse_all(value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) > most:
            raise Wrong(f"must be a list of at most {most}.")
        return [parse(item) for item in value]

    return parse_all


def rows(parsers: Mapping[str, Parser], most: int, *needed: str) -> Parser:
    def parse(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong("must be a list of objects.")
        found = parsed(value, parsers)
        need(found, *needed)
        return found

    return many(parse, most)


def uuid(value: Any) -> UUID:
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError) as exc:
        raise Wrong("must be a UUID.") from exc


def instant(value: Any) -> datetime:
    """ISO 8601 (naive is UTC), a day (its midnight), or Unix seconds."""
    try:
        found = _instant(value)
    except (ValueError, TypeError, OverflowError, OSError) as exc:
        raise Wrong("must be a time: ISO 8601 or Unix seconds.") from exc
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise Wrong(f"must lie between the years {FIRST_YEAR} and {LAST_YEAR}.")
    return found


def _instant(value: Any) -> datetime:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    text = str(value).strip()
    if text.replace(".", "", 1).isdigit() and len(text) > 8:
        return datetime.fromtimestamp(float(text), UTC)
    found = datetime.fromisoformat(text)
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return aware.astimezone(UTC)


def day(value: Any) -> date:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError as exc:
        raise Wrong("must be a day, YYYY-MM-DD.") from exc


def boolean(value: Any) -> bool:
    said = str(value).strip().lower()
    if said in ("true", "1", "yes"):
        return True
    if said in ("false", "0", "no", ""):
        return False
    raise Wrong("must be true or false.")


def whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > BIGGEST:
        raise Wrong("must be a whole number.")
    return value


def number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong("must be a number.")
    return float(value)


def share(value: Any) -> float:
    if not 0 <= number(value) <= 1:
        raise Wrong("must be a number from 0 to 1.")
    return float(value)


def anything(value: Any) -> Any:
    return value


def json_object(value: Any) -> dict[str, Any]:
    """An object, or its JSON as text, as it stands in CSV."""
    if isinstance(value, str):
        value = json_in(value, "must be a JSON object.")
    if not isinstance(value, dict):
        raise Wrong("must be a JSON object.")
    return value


def json_in(text: str, sentence: str) -> Any:
    """What stands as JSON in a field of text; raises Wrong with ``sentence``."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise Wrong(sentence) from exc
    check_storable(value)
    return value


def check_storable(value: Any) -> None:
    """Raise Wrong for JSON that the database could not keep as it is."""
    level: list[Any] = [[value]]
    for _ in range(MAX_NESTING + 2):
        below: list[Any] = []
        for item in level:
            inside = [*item, *item.values()] if isinstance(item, dict) else item
            for part in inside:
                if isinstance(part, dict | list):
                    below.append(part)
                elif isinstance(part, str):
                    _check_text(part)
                elif isinstance(part, float) and not math.isfinite(part):
                    raise Wrong("holds a number that is too large.")
        if not below:
            return
        level = below
    raise Wrong(f"is nested deeper than {MAX_NESTING} levels.")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise Wrong("holds a NUL character.")
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise Wrong("is not UTF-8 text.") from exc
