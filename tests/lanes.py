"""``make test``: the suite in five lanes; those that mostly wait share the two cores.

Each lane writes a JUnit file, which ``tests/groups.py`` reads in CI. Name lanes to run
only those: ``make test LANES="unit browser"``.
"""

# ruff: noqa: T201 - a program: it prints
from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / ".memplatform-test" / "junit"
NOTHING_COLLECTED = 5
SEPARATE = ("starts", "processes", "browser", "conformance")
LANES = {
    "unit": ["-n", "2", "-m", " and ".join(f"not {lane}" for lane in SEPARATE)],
    # Real servers compete for two cores: one test at a time.
    **{lane: ["-m", lane] for lane in SEPARATE},
}
# What starts, kills and waits leaves half of two cores idle (1,130 s in two streams, for
# 1,040 s of processor): three streams share them.
STREAMS = (
    (("unit",),),
    (("starts",), ("processes", "conformance"), ("browser",)),
)


def main(wanted: Sequence[str]) -> int:
    RESULTS.mkdir(parents=True, exist_ok=True)
    outcomes: list[tuple[str, bool]] = []
    for beside in STREAMS:
        streams = [[name for name in s if not wanted or name in wanted] for s in beside]
        with ThreadPoolExecutor(len(streams)) as pool:
            for ran in pool.map(_run_in_turn, streams):
                outcomes += ran
    for line, _ in outcomes:
        print(line)
    return int(any(failed for _, failed in outcomes))


def _run_in_turn(lanes: Sequence[str]) -> list[tuple[str, bool]]:
    return [_run(lane) for lane in lanes]


def _run(lane: str) -> tuple[str, bool]:
    """Its output comes in one piece at its end: lanes do not speak over each other."""
    result = RESULTS / f"{lane}.xml"
    result.unlink(missing_ok=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", f"--junitxml={result}", *LANES[lane]]
    print(f"=== {lane} begins", flush=True)
    ran = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    verdict = {0: "passed", NOTHING_COLLECTED: "no tests"}.get(ran.returncode, "FAILED")
    print(f"\n=== {lane} ===\n{ran.stdout}", flush=True)
    return (
        f"{lane:<12} {verdict:<9} {time.monotonic() - began:5.0f} s",
        verdict == "FAILED",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
