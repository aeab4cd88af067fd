"""CI's own judge: what must have run, and which skips are forgiven."""

from __future__ import annotations

from tests.groups import Case, complaints, read_cases

RAN = Case("tests.memories.test_add", None)


def judge(
    cases: list[Case], expected: dict[str, int], *, is_shared_absent: bool = True
) -> list[str]:
    return complaints(cases, expected, is_shared_absent=is_shared_absent)


def test_enough_is_enough():
    assert judge([RAN, RAN], {"tests.memories": 2}) == []


def test_a_shrunken_group_is_named():
    assert judge([RAN], {"tests.memories": 2}) == [
        "tests.memories: 1 tests, expected at least 2"
    ]


def test_a_prefix_of_a_name_is_not_the_group():
    assert judge([Case("tests.memories_extra", None)], {"tests.memories": 1})


def test_only_the_absence_of_shared_excuses_a_skip():
    forgiven = Case("tests.contract.test_sdk", "../shared is absent, and the suite")
    blamed = Case("tests.browser.test_axe", "no chromium")
    assert judge([forgiven, blamed], {}) == [
        "skipped: tests.browser.test_axe: no chromium"
    ]


def test_where_shared_is_its_tests_must_run():
    case = Case("tests.contract.test_sdk", "../shared is absent, and the suite")
    assert judge([case], {}, is_shared_absent=False) == [
        "skipped: tests.contract.test_sdk: ../shared is absent, and the suite"
    ]


def test_it_reads_junit(tmp_path):
    path = tmp_path / "unit.xml"
    path.write_text(
        '<testsuites><testsuite><testcase classname="tests.a" name="x"/>'
        '<testcase classname="tests.b" name="y"><skipped message="why"/></testcase>'
        "</testsuite></testsuites>"
    )
    assert read_cases([path]) == [Case("tests.a", None), Case("tests.b", "why")]
