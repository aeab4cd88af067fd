"""Schemathesis against ``make run``: what the API document says is what is served.

Bounded: a fixed number of examples an operation, in four phases, the last of which
feeds one operation's answers to the next.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.acceptance.installation import Installation, installed

pytestmark = pytest.mark.conformance

EXAMPLES = 8
TIMEOUT_S = 400
# These may take the key its project or its rights, and all after them would be a 401.
SUICIDAL = r"members|organizations/\{org_id\}/(projects/\{project_id\}/)?$"
# Our rules say more than a JSON schema can: a good body may be refused, with a 400.
NOT_CHECKED = "negative_data_rejection,positive_data_acceptance"


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with installed() as installation:
        installation.start()
        yield installation


@pytest.mark.timeout(2 * TIMEOUT_S + 60)
def test_no_request_meets_a_5xx_or_an_answer_that_is_not_documented(
    installation: Installation, tmp_path: Path
):
    survivors = fuzz(installation, tmp_path, "--exclude-path-regex", SUICIDAL)
    assert is_known(installation)
    suicidal = fuzz(installation, tmp_path, "--include-path-regex", SUICIDAL)
    assert len(survivors | suicidal) == len(operations(installation))


def fuzz(installation: Installation, directory: Path, *which: str) -> set[str]:
    """The operations that were tried, none of which failed."""
    report = directory / "fuzz.xml"
    run = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "run"),
            f"{installation.run['url']}/api/schema/",
            *("--header", f"Authorization: Token {installation.run['api_key_2']}"),
            *("--max-examples", str(EXAMPLES), "--workers", "2", "--no-shrink"),
            *("--exclude-checks", NOT_CHECKED, "--continue-on-failure"),
            *("--report-junit-path", report),
            *which,
        ],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert run.returncode == 0, run.stdout[-6000:]
    cases = ElementTree.parse(report).iter("testcase")
    return {case.get("name") or "" for case in cases} & operations(installation)


def operations(installation: Installation) -> set[str]:
    paths = installation.get("/api/schema/").json()["paths"]
    return {f"{verb.upper()} {path}" for path in paths for verb in paths[path]}


def is_known(installation: Installation) -> bool:
    """Whether the key still opens the door: else what was fuzzed was the door."""
    key = installation.run["api_key_2"]
    answer = installation.get("/v1/ping/", headers={"Authorization": f"Token {key}"})
    return answer.status_code == 200
