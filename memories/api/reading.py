"""Read fields of a request by hand: a serializer per message costs too much of an add.

A parser takes one JSON value and returns what it means, or raises :class:`Problem` with
the rest of a sentence that begins with the field's name. Null and absent are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from memories.selectors.conditions import parse_instant, scope_id_problem
from memories.types import FIRST_YEAR, LAST_YEAR, JsonDict
from memplatform.lib.errors import InvalidRequest

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MAX_TOLD = 3


class Problem(ValueError):
    """What is wrong with a value; ``path`` leads to the part of it that is."""

    def __init__(self, sentence: str, path: str = "") -> None:
        self.sentence, self.path = sentence, path
        super().__init__(sentence)


class Fields:
    """The fields of one JSON object, and everything that is wrong with them.

    ``name`` is that of the object itself when it is a field of another. ``known`` are
    the names that somebody asked for: the others mean nothing here.
    """

    def __init__(self, raw: object, name: str = "") -> None:
        if not isinstance(raw, dict):
            raise invalid(name or "body", "must be a JSON object.")
        self.raw: JsonDict = raw
        self.problems: dict[str, list[str]] = {}
        self.prefix = f"{name}." if name else ""
        self.known: set[str] = set()
        if (read := _watching.get()) is not None:
            read.append(self)

    def get(self, name: str, default: Any = None) -> Any:
        """The value as it was sent."""
        self.known.add(name)
        return self.raw.get(name, default)

    def read[Value, Default](
        self, name: str, parse: Callable[[Any], Value], default: Default
    ) -> Value | Default:
        """The parsed value; the default when it is absent, null or wrong."""
        value = self.get(name)
        if value is None:
            return default
        try:
            return parse(value)
        except Problem as problem:
            path = f"{name}.{problem.path}" if problem.path else name
            self.complain(path, problem.sentence)
            return default

    def need[Value](
        self, name: str, parse: Callable[[Any], Value], default: Value
    ) -> Value:
        """As :meth:`read`, but absence is a problem."""
        if self.raw.get(name) is None:
            self.complain(name, "is required.")
        return self.read(name, parse, default)

    def complain(self, name: str, sentence: str) -> None:
        path = self.prefix + name
        self.problems.setdefault(path, []).append(f"{path} {sentence}")

    def check(self) -> None:
        """Raise InvalidRequest when anything was wrong, naming the fields."""
        if self.problems:
            told = [texts[0] for texts in self.problems.values()][:MAX_TOLD]
            raise InvalidRequest(" ".join(told), fields=self.problems)


_watching: ContextVar[list[Fields] | None] = ContextVar("watching", default=None)

SENT_BY_HABIT = frozenset(
    {
        # Clients in use send these with every call; to warn of them helps nobody.
        "async_mode",
        "enable_graph",
        "limit",
        "org_id",
        "output_format",
        "project_id",
        "source",
        "version",
    }
)


@contextmanager
def watched() -> Iterator[list[Fields]]:
    """Gather all objects whose fields are read inside."""
    read: list[Fields] = []
    token = _watching.set(read)
    try:
        yield read
    finally:
        _watching.reset(token)


def mark_known(names: Iterable[str]) -> None:
    """These fields of the body are read otherwise than as :class:`Fields`."""
    Fields({}).known.update(names)


def unread_fields(body: object, read: Sequence[Fields]) -> list[str]:
    """Fields of a body, and of objects in it, that nobody asked for; null is absent.

    A body that nobody read at all is not meant here.
    """
    whole = [fields for fields in read if not fields.prefix]
    if not isinstance(body, dict) or not whole:
        return []
    known = SENT_BY_HABIT.union(*(fields.known for fields in whole))
    unread = _unread(body, known)
    for inner in read:
        if inner.prefix:
            unread += [inner.prefix + name for name in _unread(inner.raw, inner.known)]
    return unread


def _unread(raw: JsonDict, known: Set[str]) -> list[str]:
    return [
        name for name, value in raw.items() if name not in known and value is not None
    ]


def invalid(name: str, sentence: str) -> InvalidRequest:
    """One field, one problem."""
    message = f"{name} {sentence}"
    return InvalidRequest(message, fields={name: [message]})


# --- Parsers ----------------------------------------------------------------


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise Problem("must be text.")
    if "\0" in value:
        raise Problem("must not hold a NUL character.")
    return value


def words(value: Any) -> str:
    """Text that says something."""
    if not text(value).strip():
        raise Problem("must not be blank.")
    return str(value)


def text_up_to(most: int, parse: Callable[[Any], str] = text) -> Callable[[Any], str]:
    def parse_short(value: Any) -> str:
        given = parse(value)
        if len(given) > most:
            raise Problem(f"may have {most} characters at most.")
        return given

    return parse_short


def one_of(words: Sequence[str]) -> Callable[[Any], str]:
    """One of a few words, as they are written."""

    def parse(value: Any) -> str:
        if value not in words:
            raise Problem(f"must be one of {', '.join(words)}.")
        return str(value)

    return parse


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Problem("must be true or false.")
    return value


def switch(value: Any) -> bool:
    """A boolean in a query string."""
    try:
        return _SWITCHES[str(value).strip().lower()]
    except KeyError as exc:
        raise Problem("must be true or false.") from exc


_SWITCHES = {"true": True, "1": True, "false": False, "0": False, "": False}


def integer_from(
    least: int, most: int, *, is_text_read: bool = False
) -> Callable[[Any], int]:
    """A whole number; more than ``most`` is capped. Query strings are texts."""

    def parse(value: Any) -> int:
        number = _whole(value, is_text_read=is_text_read)
        if number < least:
            raise Problem(f"must be a whole number from {least}.")
        return min(number, most)

    return parse


def integer_between(least: int, most: int) -> Callable[[Any], int]:
    """A whole number of these; where the public API that we keep to caps nothing."""

    def parse(value: Any) -> int:
        number = _whole(value, is_text_read=False)
        if not least <= number <= most:
            raise Problem(f"must be a whole number from {least} to {most}.")
        return number

    return parse


def _whole(value: Any, *, is_text_read: bool) -> int:
    if is_text_read and isinstance(value, str):
        is_digits = value.isascii() and value.isdigit() and len(value) < 19
        value = int(value) if is_digits else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Problem("must be a whole number.")


def share(value: Any) -> float:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Problem("must be a number from 0 to 1.")
    if not 0 <= value <= 1:
        raise Problem("must be a number from 0 to 1.")
    return float(value)


def json_object(value: Any) -> JsonDict:
    if not isinstance(value, dict):
        raise Problem("must be a JSON object.")
    return value


def names(value: Any) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise Problem("must be a list of texts.")
    return tuple(value)


def day(value: Any) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError as exc:
            raise Problem("is not a day of the calendar.") from exc
    raise Problem("must be YYYY-MM-DD.")


def instant(value: Any) -> datetime:
    """ISO 8601; a plain day is its midnight UTC, and so is a naive time."""
    try:
        return parse_instant(value)
    except ValueError as exc:
        raise Problem(str(exc)) from exc


def stretch(value: Any, zone: Callable[[], tzinfo]) -> tuple[datetime, datetime]:
    """A day from its midnight to the next, or an instant twice; a day, and a time that
    names no offset, are of ``zone``, which is asked for only then."""
    is_day = isinstance(value, str) and _DAY.fullmatch(value.strip())
    first = _in_zone(value, zone)
    if not is_day:
        return first, first
    midnight = datetime.combine(day(value.strip()), time_of_day())
    try:
        return first, (midnight + timedelta(days=1)).replace(tzinfo=zone())
    except OverflowError as exc:
        raise Problem("must lie within the calendar.") from exc


def _in_zone(value: Any, zone: Callable[[], tzinfo]) -> datetime:
    found = instant(value)
    try:
        given = datetime.fromisoformat(value.strip())
        if given.tzinfo is None:
            found = given.replace(tzinfo=zone()).astimezone(UTC)
    except OverflowError as exc:
        raise Problem("must lie within the calendar.") from exc
    return found


TWO = "must be a list of two: from, to; in a query string, with a comma between them."


def two_of(parse: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, Any]]:
    """A list of two, each read alike."""

    def parse_two(value: Any) -> tuple[Any, Any]:
        if not isinstance(value, list) or len(value) != 2:
            raise Problem(TWO)
        return parse(value[0]), parse(value[1])

    return parse_two


def reckonable(value: Any) -> datetime:
    """An instant between the years 1900 and 9000."""
    return _require_reckonable(instant(value))


def _require_reckonable(found: datetime) -> datetime:
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise Problem(f"must lie between the years {FIRST_YEAR} and {LAST_YEAR}.")
    return found


def time(value: Any) -> datetime:
    """Unix seconds, or an instant; as :func:`reckonable`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return reckonable(value)
    return _require_reckonable(_unix_time(value))


def said_at(value: Any) -> datetime:
    """As :func:`time`, at the offset that it is given with."""
    found = time(value)
    if not isinstance(value, str):
        return found
    given = datetime.fromisoformat(value.strip())
    return found.astimezone(given.tzinfo) if given.utcoffset() else found


def _unix_time(value: float) -> datetime:
    try:
        if value < 0:
            raise ValueError("before the epoch")
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as exc:
        raise Problem("must be Unix seconds between 1970 and 9999.") from exc


def timezone(value: Any) -> str:
    if not _is_timezone(text(value)):
        raise Problem("is not a known timezone.")
    return str(value)


@lru_cache(maxsize=1024)
def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, a path, or too long for a name
        return False
    return True


def scope_id(value: Any) -> str | None:
    """The id of a subject; blank is absent, a number is its digits."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not text(value).strip():
        return None
    if problem := scope_id_problem(value):
        raise Problem(problem)
    return str(value)


def uuid(value: Any) -> UUID:
    """An id in a body."""
    try:
        return UUID(text(value))
    except ValueError as exc:  # a Problem is one too
        raise Problem("should be a valid UUID") from exc


def uuid_of(name: str, value: str) -> UUID:
    """An id in a path; raises InvalidRequest."""
    try:
        return UUID(value)
    except ValueError as exc:
        raise invalid(name, "should be a valid UUID") from exc


def query_fields(query: Mapping[str, Any]) -> Fields:
    """A query string's fields, as far as they are there."""
    return Fields(given_in(query))


def given_in(query: Mapping[str, Any]) -> JsonDict:
    """What a query string says; a blank one is absent, of several the last counts."""
    return {name: query[name] for name in query if query[name].strip()}
