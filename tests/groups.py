"""What CI expects to have run: each group of tests, and at least how many of it.

A suite that silently shrinks, or skips what it should run, is red. The one allowed
reason to skip is that ``../shared`` is absent, where it is. Judges the last
``make test`` and prints what it counted.
"""

# ruff: noqa: T201 - a program: it prints
from __future__ import annotations

import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / ".memplatform-test" / "junit"
EXPECTED = ROOT / ".ci" / "groups.toml"
SHARED = ROOT.parent / "shared"
ALLOWED_SKIP = "../shared is absent"


class Case(NamedTuple):
    """One test of a JUnit file; ``skipped`` is the reason, None when it ran."""

    module: str
    skipped: str | None


def read_cases(results: Iterable[Path]) -> list[Case]:
    return [
        Case(element.get("classname", ""), _reason(element))
        for path in results
        for element in ElementTree.parse(path).iter("testcase")
    ]


def count(cases: list[Case], expected: Iterable[str]) -> Counter[str]:
    """Tests of each group; where ../shared is absent its tests count as run."""
    return Counter(_groups(cases, expected))


def complaints(
    cases: list[Case], expected: dict[str, int], *, is_shared_absent: bool
) -> list[str]:
    """What is missing, one sentence each; empty when all is well."""
    skipped = [
        case
        for case in cases
        if case.skipped and not (is_shared_absent and ALLOWED_SKIP in case.skipped)
    ]
    present = count(cases, expected)
    return [
        *(f"skipped: {case.module}: {case.skipped}" for case in skipped),
        *(
            f"{group}: {present[group]} tests, expected at least {minimum}"
            for group, minimum in expected.items()
            if present[group] < minimum
        ),
    ]


def _groups(cases: list[Case], expected: Iterable[str]) -> Iterable[str]:
    for case in cases:
        yield from (g for g in expected if f"{case.module}.".startswith(f"{g}."))


def _reason(element: ElementTree.Element) -> str | None:
    found = element.find("skipped")
    return None if found is None else found.get("message") or found.text or "no reason"


def main() -> int:
    expected = tomllib.loads(EXPECTED.read_text())["minimum"]
    cases = read_cases(RESULTS.glob("*.xml"))
    present = count(cases, expected)
    for group, minimum in expected.items():
        print(f"{group:<28} {present[group]:5} tests, at least {minimum}")
    found = complaints(cases, expected, is_shared_absent=not SHARED.exists())
    print("\n".join(found) or "Every expected group of tests has run.")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
