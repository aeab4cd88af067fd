"""Files of records, however they come in pieces."""

from __future__ import annotations

import json

import pytest

from memories.exports import reading
from memories.exports.reading import read_records


def read(content: bytes | str, form: str = "auto", size: int = 7) -> list[tuple]:
    """(line, value or problem) of each record; the content comes in small pieces."""
    content = content.encode() if isinstance(content, str) else content
    pieces = (content[at : at + size] for at in range(0, len(content), size))
    return [(r.line, r.value or r.problem) for r in read_records(pieces, form)]


A, B, C = ({"m": name} for name in "abc")
# a file, and its records with the lines they begin on
FILES = {
    "lines": ('{"m":"a"}\n\n{"m":"b"}\n{"m":"c"}', [(1, A), (3, B), (4, C)]),
    "lines with \\r\\n": ('{"m":"a"}\r\n{"m":"b"}\r\n', [(1, A), (2, B)]),
    "a list": ('[{"m":"a"},\n{"m":"b"}\n]', [(1, A), (2, B)]),
    "a page": ('{"count": 2,\n "results": [{"m":"a"},\n{"m":"b"}]}', [(2, A), (3, B)]),
    "pages": ('{"results":[{"m":"a"}]}\n{"results":[{"m":"b"}]}', [(1, A), (2, B)]),
    "a list of pages": ('[{"results":[{"m":"a"}]},{"results":[]}]', [(1, A)]),
    "an object over lines": ('{\n"m":\n"a"}', [(1, A)]),
    "csv": ('m,n\na,\n"b\nb",2\n', [(2, A), (3, {"m": "b\nb", "n": "2"})]),
    "csv by semicolons": ("m;n\na;1\n", [(2, {"m": "a", "n": "1"})]),
    "a byte order mark": ('\ufeff{"m":"a"}', [(1, A)]),
    "nothing": ("", []),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_it_reads(name, size):
    content, records = FILES[name]
    assert read(content, size=size) == records


BROKEN = {
    "a bad line": (
        b'{"m":"a"}\n{"m"\n{"m":"b"}',
        [(1, A), (2, "is not JSON."), (3, B)],
    ),
    "no UTF-8": (b'{"m":"\xff"}\n{"m":"a"}', [(1, "is not UTF-8 text."), (2, A)]),
    "half a pair": (b'{"m":"\\ud800"}', [(1, "is not UTF-8 text.")]),
    "no object": (b"[1]", [(1, "is not a JSON object.")]),
    "NaN": (b'{"m":NaN}', [(1, "is not JSON.")]),
    "a list that ends": (
        b'[{"m":"a"},',
        [(1, A), (1, "The file ends within a list. The rest cannot be read.")],
    ),
    "a deep one": (
        b'{"m":' + b"[" * 80 + b"]" * 80 + b"}",
        [(1, "is nested deeper than 64 levels.")],
    ),
    "one too deep to be read": (
        b'{"m":' + b"[" * 200_000 + b'\n{"m":"a"}',
        [(1, "is not JSON."), (2, A)],
    ),
    "csv of very many columns": (
        b",".join(b"%d" % n for n in range(1_001)) + b"\na,b\n",
        [
            (
                2,
                "is not CSV (more than 1000 columns). The rest cannot be read.",
            )
        ],
    ),
    "csv with too much": (
        b"m,n\na,1,2\n",
        [(2, "has more fields than the heading.")],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_it_says_what_is_broken_and_where(name):
    content, records = BROKEN[name]
    assert read(content) == records


def test_a_line_that_is_too_long_is_passed_over(monkeypatch):
    monkeypatch.setattr(reading, "MAX_RECORD_CHARS", 100)
    long = json.dumps({"m": "x" * 200_000})
    assert read(f'{{"m":"a"}}\n{long}\n{{"m":"b"}}', size=1000) == [
        (1, A),
        (2, "is longer than 100 characters."),
        (3, B),
    ]


def test_a_row_without_an_end_is_held_no_longer_than_a_record(monkeypatch):
    monkeypatch.setattr(reading, "MAX_RECORD_CHARS", 100)
    endless = "m,n\na,1\n" + '"\n",' * 1_000
    *rows, (_, problem) = read(endless, size=50)
    assert rows == [(2, {"m": "a", "n": "1"})]
    assert problem == "is not CSV (a row is too long). The rest cannot be read."


def test_a_page_larger_than_the_window_is_read(monkeypatch):
    monkeypatch.setattr(reading, "WINDOW_CHARS", 1_000)
    rows = [{"m": "x" * 300, "n": n} for n in range(100)]
    page = json.dumps({"count": 100, "results": rows, "next": None})
    assert [value for _, value in read(page, size=64)] == rows
