"""docs/CONTRACT.md names tests for every call, each is there, and no route is left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.urls import URLPattern, get_resolver

from tests.test_invariants_named import ROOT, names_in

PAGE = ROOT / "docs" / "CONTRACT.md"
SECTIONS = [
    *("1", "2", "3", "4", "5", "6 and 7", "8", "9", "10", "11", "12", "13"),
    "Beyond the contract",
]
MARKS = {"MUST", "SHOULD", "LEGACY", "decision", "optional", "ours", "open"}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
EVERY_ROUTE = "all"
NOBODYS = "–"
_HEADING = re.compile(r"^## (\d+(?: and \d+)?|[A-Z][a-z ]+)", re.M)
_TEST = re.compile(r"`([\w/]+\.py)?::(test_\w+)`")
_ROUTE = re.compile(r"`([\w-]+)`")


@dataclass(frozen=True)
class Row:
    """A line of a table: (path, name) of its tests, names of its routes."""

    what: str
    mark: str
    route: str
    cell: str

    @property
    def methods(self) -> set[str]:
        """The methods that begin the row, if it is about calls."""
        words = re.split(r"[ ,]+", self.what.partition("`")[0])
        return {word for word in words if word in METHODS}

    @property
    def routes(self) -> list[str]:
        return _ROUTE.findall(self.route)

    @property
    def tests(self) -> list[tuple[str, str]]:
        """A name without a path is in the file named before it."""
        found: list[tuple[str, str]] = []
        for path, name in _TEST.findall(self.cell):
            found.append((path or found[-1][0], name))
        return found


def rows_of(text: str) -> list[Row]:
    """Every line of every table but its head."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [Row(*row) for row in cells if row[1] != "mark"]


TEXT = PAGE.read_text()
ROWS = rows_of(TEXT)
NAMED = sorted({test for row in ROWS for test in row.tests})


def _each(rows: list[Row]):
    return [pytest.param(row, id=row.what) for row in rows]


def test_every_section_is_there():
    assert _HEADING.findall(TEXT) == SECTIONS


@pytest.mark.parametrize("row", _each(ROWS))
def test_every_row_has_a_mark_and_a_test(row):
    assert row.mark in MARKS | {NOBODYS}
    assert bool(row.tests) == (row.mark != "open")


def test_what_is_open_is_no_call():
    """What has a path is served, or refused by a test."""
    assert not [row for row in ROWS if row.mark == "open" and row.methods]


@pytest.mark.parametrize("path", sorted({path for path, _ in NAMED}))
def test_every_named_test_is_there(path):
    named = {name for where, name in NAMED if where == path}
    assert named - names_in(ROOT / "tests" / path) == set()


def test_everything_that_looks_like_a_test_is_read():
    assert TEXT.count("::test_") == sum(len(row.tests) for row in ROWS)


# --- Routes -----------------------------------------------------------------


def _served() -> set[tuple[str, str]]:
    """(method, name of the route) of everything the API and its tools answer."""
    return {
        (method, pattern.name)
        for app in ("api", "mcp")
        for pattern in _patterns_of(app)
        for method in METHODS
        if hasattr(pattern.callback.view_class, method.lower())
    }


def _patterns_of(app: str) -> list[URLPattern]:
    places = [
        p for p in get_resolver().url_patterns if getattr(p, "app_name", "") == app
    ]
    return [pattern for place in places for pattern in _flat(place.url_patterns)]


def _flat(patterns):
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern
        else:
            yield from _flat(pattern.url_patterns)


def test_every_call_we_answer_has_a_row():
    """The tools are one address, whose methods are not for people."""
    told = {(method, name) for row in ROWS for method in row.methods
            for name in row.routes}  # fmt: skip
    tools = {pattern.name for pattern in _patterns_of("mcp")}
    assert {call for call in _served() if call[1] not in tools} == told
    assert tools <= {name for row in ROWS for name in row.routes}


def test_no_row_names_a_route_that_is_not_there():
    names = {name for _, name in _served()}
    for row in ROWS:
        assert row.route in {EVERY_ROUTE, NOBODYS} or set(row.routes) <= names


# --- The reader itself ------------------------------------------------------

SAMPLE = """## 1. First
| call | mark | route | tests |
|---|---|---|---|
| GET, PUT `/a/{id}/`: POST stays | MUST | `a`, `b-c` | `x/test_a.py::test_one`, `::test_two` |
"""


def test_a_row_is_read():
    (row,) = rows_of(SAMPLE)
    assert row.methods == {"GET", "PUT"}
    assert row.routes == ["a", "b-c"]
    assert row.tests == [("x/test_a.py", "test_one"), ("x/test_a.py", "test_two")]


def test_a_module_that_is_not_there_has_no_tests():
    assert names_in(Path(__file__).with_name("test_no_such_module.py")) == frozenset()
