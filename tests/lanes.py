"""``make test``: the suite in four lanes, one after the other.

Each lane writes a JUnit file, which ``tests/groups.py`` reads in CI. Name lanes to run
only those: ``make test LANES="unit browser"``.
"""

# ruff: noqa: T201 - a program: it prints
from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / ".memplatform-test" / "junit"
NOTHING_COLLECTED = 5
SEPARATE = ("processes", "browser", "conformance")
LANES = {
    "unit": ["-n", "2", "-m", " and ".join(f"not {lane}" for lane in SEPARATE)],
    # Real servers compete for two cores: one test at a time.
    **{lane: ["-m", lane] for lane in SEPARATE},
}


def main(wanted: list[str]) -> int:
    RESULTS.mkdir(parents=True, exist_ok=True)
    outcomes = [_run(lane) for lane in wanted or LANES]
    for line, _ in outcomes:
        print(line)
    return int(any(failed for _, failed in outcomes))


def _run(lane: str) -> tuple[str, bool]:
    print(f"\n=== {lane} ===", flush=True)
    result = RESULTS / f"{lane}.xml"
    result.unlink(missing_ok=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", f"--junitxml={result}", *LANES[lane]]
    code = subprocess.run(command, cwd=ROOT).returncode
    verdict = {0: "passed", NOTHING_COLLECTED: "no tests"}.get(code, "FAILED")
    return (
        f"{lane:<12} {verdict:<9} {time.monotonic() - began:5.0f} s",
        verdict == "FAILED",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
