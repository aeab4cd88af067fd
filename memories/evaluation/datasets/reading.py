"""Fields of a benchmark's files, read with their place: what is wrong can be found."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from memories.exports.parsing import Wrong, check_storable


class DatasetProblem(ValueError):
    """A file that is not what it should be; names file, record and field."""


@dataclass(frozen=True, slots=True)
class Record:
    """A JSON object, and where it stands: ``locomo10.json, sample 3, question 12``."""

    fields: Mapping[str, Any]
    place: str

    def problem(self, field: str, sentence: str) -> DatasetProblem:
        return DatasetProblem(f"{self.place}: {field} {sentence}")

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Raise DatasetProblem for a field that nobody reads: a slip would make another
        question of it, and quietly.
        """
        for field in self.fields:
            if field not in known:
                meant = get_close_matches(field, known, n=1)
                others = f"; known are {', '.join(known)}."
                hint = f" ({meant[0]}?)" if meant else ""
                raise self.problem(field, f"is unknown{hint}{others}")

    def text(self, field: str) -> str:
        """A text with something in it; a number counts as what it looks like."""
        value = self.fields.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            raise self.problem(field, "must be a text.")
        return value

    def optional_text(self, field: str) -> str:
        """Blank where it is absent or null."""
        return "" if self.fields.get(field) in (None, "") else self.text(field)

    def items(self, field: str) -> list[Any]:
        value = self.fields.get(field)
        if not isinstance(value, list):
            raise self.problem(field, "must be a list.")
        return value

    def records(self, field: str, noun: str) -> Iterator[Record]:
        """The objects of a list, each with its number, from 1."""
        for number, value in enumerate(self.items(field), 1):
            yield record_of(value, f"{self.place}, {noun} {number}")

    def record(self, field: str) -> Record:
        return record_of(self.fields.get(field), f"{self.place}, {field}")

    def time(self, field: str, *formats: str) -> datetime:
        """An instant in one of these ``strptime`` formats, as UTC."""
        value = self.text(field)
        for form in formats:
            try:
                return datetime.strptime(value, form).replace(tzinfo=UTC)
            except ValueError:
                continue
        raise self.problem(field, f"is not a time: {value!r}.")

    def iso_time(self, field: str) -> datetime | None:
        """An ISO 8601 instant, as UTC where it names no zone; None where absent."""
        value = self.optional_text(field)
        if not value:
            return None
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            raise self.problem(field, f"is not an ISO 8601 time: {value!r}.") from None
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def record_of(value: Any, place: str) -> Record:
    if not isinstance(value, dict):
        raise DatasetProblem(f"{place}: must be an object.")
    return Record(value, place)


def read_lines(text: str, source: str) -> Iterator[Record]:
    """The objects of JSON Lines, each with its number, from 1; blank lines are passed
    over. ``source`` is how problems call it.

    Only a newline ends a line: JSON may hold the others of Unicode within a text.
    """
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if line.strip():
            place = f"{source}, line {number}"
            yield record_of(_value_of(line, place), place)


def _value_of(line: str, place: str) -> Any:
    try:
        value = json.loads(line, parse_constant=_refuse_constant)
        check_storable(value)
    except json.JSONDecodeError as exc:
        raise DatasetProblem(f"{place}: is not JSON: {exc.msg}.") from exc
    except RecursionError as exc:
        raise DatasetProblem(f"{place}: is nested too deeply.") from exc
    except Wrong as exc:
        raise DatasetProblem(f"{place}: {exc}") from exc
    except ValueError as exc:  # more digits than Python reads
        raise DatasetProblem(f"{place}: holds a number of too many digits.") from exc
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise Wrong(f"{name} is no JSON.")


def read_json(path: Path) -> Any:
    """Raises DatasetProblem for what cannot be read or is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise DatasetProblem(f"{path}: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise DatasetProblem(f"{path}: is not UTF-8 text.") from exc
    except json.JSONDecodeError as exc:
        raise DatasetProblem(f"{path}, line {exc.lineno}: {exc.msg}.") from exc


def read_list(path: Path, noun: str) -> list[Record]:
    """A file that is a list of objects."""
    content = read_json(path)
    if not isinstance(content, list):
        raise DatasetProblem(f"{path}: must be a list.")
    return [
        record_of(value, f"{path.name}, {noun} {number}")
        for number, value in enumerate(content, 1)
    ]
