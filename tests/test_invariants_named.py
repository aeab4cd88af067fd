"""docs/INVARIANTS.md names a test for every invariant, and each of them is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "INVARIANTS.md"
NUMBERS = list(range(1, 9))
_HEADING = re.compile(r"^## (\d+)\. .+$", re.M)
_TEST = re.compile(r"^\* `(tests/[\w/]+\.py)::(test_\w+)`$", re.M)


def read_page(text: str) -> dict[int, list[tuple[str, str]]]:
    """(path, name) of the tests of each invariant, by its number."""
    _, *parts = _HEADING.split(text)
    numbers, bodies = parts[::2], parts[1::2]
    return {
        int(number): _TEST.findall(body)
        for number, body in zip(numbers, bodies, strict=True)
    }


@cache
def names_in(path: Path) -> frozenset[str]:
    """The test functions of a module; none when there is no such module."""
    if not path.exists():
        return frozenset()
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in tree.body if _is_test(node))


def _is_test(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name.startswith("test_")


INVARIANTS = read_page(PAGE.read_text())
NAMED = [test for tests in INVARIANTS.values() for test in tests]


def test_every_invariant_is_there():
    assert sorted(INVARIANTS) == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
def test_every_invariant_has_a_test(number):
    assert INVARIANTS.get(number)


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_named_test_is_there(path, name):
    assert name in names_in(ROOT / path)


def test_every_line_that_looks_like_a_test_is_read():
    assert PAGE.read_text().count("::") == len(NAMED)


# --- the reader itself ----------------------------------------------------------

SAMPLE = """# Invariants
## 1. First
A sentence.
* `tests/test_a.py::test_one`
* `tests/b/test_b.py::test_two`

## 3. Third
"""


def test_a_page_is_read_by_number():
    assert read_page(SAMPLE) == {
        1: [("tests/test_a.py", "test_one"), ("tests/b/test_b.py", "test_two")],
        3: [],
    }


def test_what_is_not_there_is_not_found():
    here = Path(__file__)
    assert "test_a_page_is_read_by_number" in names_in(here)
    assert "test_that_was_never_written" not in names_in(here)
    assert names_in(here.with_name("test_no_such_module.py")) == frozenset()
