"""The records of a file that comes in pieces, each with the line it begins on.

JSON Lines; a JSON array; pages ``{"results": […]}``, one or many; CSV with a heading.
Memory stays constant: no more is held than the longest record allowed. What cannot be
read is a record with a ``problem``; behind broken JSON the rest of a file that is not
in lines cannot be read either. No Django.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from memories.exports.parsing import Wrong, check_storable
from memories.types import JsonDict

MAX_RECORD_CHARS = 8_000_000
WINDOW_CHARS = 1_000_000
MAX_COLUMNS = 1_000
LISTS = ("results", "memories")
"""What a page calls its list."""
CSV = "csv"
FORMATS = ("auto", "json", CSV)

csv.field_size_limit(MAX_RECORD_CHARS)


@dataclass(frozen=True, slots=True)
class Record:
    """One record, or why there is none."""

    line: int
    value: JsonDict | None = None
    problem: str = ""


class Unreadable(ValueError):
    """Why a file cannot be read on: a sentence, or the rest of one."""


def read_records(pieces: Iterable[bytes], form: str = "auto") -> Iterator[Record]:
    """Every record of a file, in order."""
    text = _Text(pieces)
    text.fill(1)
    is_json = text.peek() in ("{", "[")
    if form == CSV or (form == "auto" and not is_json):
        yield from _csv_rows(text)
    elif text.is_in_lines():
        yield from _lines(text)
    else:
        yield from _stream(text)


class _Text:
    """Decoded text with a window on it; knows the line it has come to."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        # What is no UTF-8 becomes halves of surrogate pairs, which no record may hold.
        decoder = codecs.getincrementaldecoder("utf-8-sig")
        self._decoder = decoder(errors="surrogateescape")
        self.buffer, self.at = "", 0
        self.line = 1
        self._is_over = False

    @property
    def left(self) -> int:
        """How much of the window is not taken yet."""
        return len(self.buffer) - self.at

    def fill(self, chars: int) -> bool:
        """Have so many characters in the window, if there are; whether there are."""
        if self.left >= chars or self._is_over:
            return self.left >= chars
        parts, length = [self.buffer[self.at :]], self.left
        while length < chars and not self._is_over:
            piece = next(self._pieces, None)
            self._is_over = piece is None
            part = self._decoder.decode(piece or b"", final=self._is_over)
            parts.append(part)
            length += len(part)
        self.buffer, self.at = "".join(parts), 0
        return length >= chars

    def take(self, chars: int) -> str:
        taken = self.buffer[self.at : self.at + chars]
        self.at += len(taken)
        self.line += taken.count("\n")
        return taken

    def peek(self) -> str:
        """The next character that is not blank, which is then the first; or nothing."""
        while self.fill(1):
            found = self.buffer[self.at]
            if not found.isspace():
                return found
            self.take(1)
        return ""

    def is_in_lines(self) -> bool:
        """Whether the first line is a record of its own."""
        self.fill(WINDOW_CHARS)
        first, newline, rest = self.buffer[self.at :].partition("\n")
        if not first.lstrip().startswith("{"):
            return False
        try:
            value = json.loads(first)
        except (ValueError, RecursionError):
            return bool(newline) and rest.lstrip(" ").startswith("{")
        return not _is_page(value)

    def next_line(self) -> tuple[str, bool]:
        """The next line, and whether it is whole: what is too long is cut."""
        end = self.buffer.find("\n", self.at)
        while end < 0 and self.left <= MAX_RECORD_CHARS:
            if not self.fill(self.left + 65_536):
                end = self.buffer.find("\n", self.at)
                break
            end = self.buffer.find("\n", self.at)
        line = self.take(end + 1 - self.at if end >= 0 else self.left)
        is_whole = len(line) <= MAX_RECORD_CHARS
        while end < 0 and not is_whole and self.fill(1):
            end = self.buffer.find("\n", self.at)
            self.take(end + 1 - self.at if end >= 0 else self.left)
        return line, is_whole

    def lines(self) -> Iterator[str]:
        """Every line, cut where it is too long."""
        while self.fill(1):
            yield self.next_line()[0]


def _lines(text: _Text) -> Iterator[Record]:
    while text.fill(1):
        number = text.line
        line, is_whole = text.next_line()
        if not is_whole:
            yield Record(number, problem=_too_long())
        elif line.strip():
            yield _line(number, line)


def _line(number: int, line: str) -> Record:
    try:
        return _record(number, json.loads(line, parse_constant=_refuse))
    except (ValueError, RecursionError):
        return Record(number, problem=_broken(line))


def _stream(text: _Text) -> Iterator[Record]:
    """Values one after another: arrays, pages, objects."""
    try:
        while start := text.peek():
            if start == "[":
                yield from _array(text)
            elif start == ",":
                text.take(1)
            else:
                yield from _value(text)
    except Unreadable as exc:
        yield Record(text.line, problem=f"{exc} The rest cannot be read.")


def _array(text: _Text) -> Iterator[Record]:
    text.take(1)
    while start := text.peek():
        if start in ",]":
            text.take(1)
            if start == "]":
                return
        else:
            yield from _value(text)
    raise Unreadable("The file ends within a list.")


def _value(text: _Text) -> Iterator[Record]:
    """The next value; a page is gone through by its keys, for the lines in it."""
    number = text.line
    try:
        value, end = _seen(text, WINDOW_CHARS)
    except _DoesNotFit:
        if text.peek() == "{":
            yield from _object_by_keys(text)
            return
        raise Unreadable(_too_long()) from None
    if _is_page(value):
        yield from _object_by_keys(text)
    else:
        text.take(end)
        yield _record(number, value)


def _object_by_keys(text: _Text) -> Iterator[Record]:
    text.take(1)
    while (start := text.peek()) and start != "}":
        if start == ",":
            text.take(1)
            continue
        name = _decoded(text, WINDOW_CHARS)
        if text.peek() != ":":
            raise Unreadable("The JSON is broken.")
        text.take(1)
        if name in LISTS and text.peek() == "[":
            yield from _array(text)
        else:
            _decoded(text, MAX_RECORD_CHARS)
    if not start:
        raise Unreadable("The file ends within an object.")
    text.take(1)


class _DoesNotFit(ValueError):
    """A value goes on behind what may be held of it."""


def _decoded(text: _Text, most: int) -> Any:
    """The JSON value at the window's start, taken from it."""
    value, end = _seen(text, most)
    text.take(end)
    return value


def _seen(text: _Text, most: int) -> tuple[Any, int]:
    """The JSON value at the window's start, and how long it is."""
    text.peek()
    decoder = json.JSONDecoder(parse_constant=_refuse)
    chars = min(65_536, most)
    while True:
        is_more = text.fill(chars)
        try:
            value, end = decoder.raw_decode(text.buffer, text.at)
        except json.JSONDecodeError as exc:
            if not is_more:
                raise Unreadable(_broken(text.buffer[text.at :])) from exc
            if chars >= most:
                raise _DoesNotFit from exc
        except (ValueError, RecursionError) as exc:
            raise Unreadable(_broken(text.buffer[text.at :])) from exc
        else:
            return value, end - text.at
        chars = min(chars * 4, most)


def _csv_rows(text: _Text) -> Iterator[Record]:
    text.fill(WINDOW_CHARS)
    heading = text.buffer[text.at :].partition("\n")[0]
    delimiter = max(",;\t", key=heading.count)
    lines = _RowLines(text)
    reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
    last = 1
    try:
        if len(reader.fieldnames or ()) > MAX_COLUMNS:
            raise csv.Error(f"more than {MAX_COLUMNS} columns")
        for row in reader:
            number, last, lines.chars = last + 1, reader.line_num, 0
            if None in row:
                yield Record(number, problem="has more fields than the heading.")
            else:
                named = {k.strip(): v for k, v in row.items() if k and v}
                yield _record(number, named)
    except csv.Error as exc:
        yield Record(last + 1, problem=f"is not CSV ({exc}). The rest cannot be read.")


class _RowLines:
    """Lines of CSV; a row of so many that it is longer than a record may be is none."""

    def __init__(self, text: _Text) -> None:
        self._lines = text.lines()
        self.chars = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.chars += len(line)
        if self.chars > MAX_RECORD_CHARS:
            raise csv.Error("a row is too long")
        return line


def _record(number: int, value: Any) -> Record:
    if not isinstance(value, dict):
        return Record(number, problem="is not a JSON object.")
    try:
        check_storable(value)
    except Wrong as exc:
        return Record(number, problem=str(exc))
    return Record(number, value)


def _is_page(value: Any) -> bool:
    return isinstance(value, dict) and any(
        isinstance(value.get(name), list) for name in LISTS
    )


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _broken(text: str) -> str:
    """Whether it is no text at all, or no JSON."""
    try:
        text[:WINDOW_CHARS].encode()
    except UnicodeEncodeError:
        return "is not UTF-8 text."
    return "is not JSON."


def _too_long() -> str:
    return f"is longer than {MAX_RECORD_CHARS} characters."
