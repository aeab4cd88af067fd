"""``make sabotage``: take one wall or lock away at a time; its tests must go red.

    python -m tests.sabotage                      all of ``tests/sabotages.py``
    python -m tests.sabotage anchor-lock barrier  only these
    python -m tests.sabotage --jobs 4             so many at a time, else one a core

Works on copies of the checkout, each with its own PostgreSQL, never on the checkout.
First the tests that are named must pass as they are; then each sabotage is done alone.
Exits with 1 when one is not noticed, or no longer finds what it takes away.
"""

# ruff: noqa: T201 - a program: it prints
from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from memplatform.embedded import processes
from tests.sabotages import SABOTAGES, Sabotage

ROOT = Path(__file__).resolve().parent.parent
FAILED = re.compile(r"^FAILED \S+::(\w+\S*)", re.M)
PACKAGES = ("memplatform", "tenants", "memories")
TESTS_FAILED = 1  # pytest's exit status; above it, nothing was tested
TIMEOUT_S = 900  # a sabotage may also make its tests wait for ever


class Gone(Exception):
    """What a sabotage takes away is not, or not only once, where it was."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the tests took it; ``noticed_by`` is the first that failed, if any."""

    sabotage: Sabotage
    noticed_by: str | None
    seconds: float
    said: str = ""

    def line(self) -> str:
        verdict = "red" if self.noticed_by else "GREEN"
        return (
            f"{verdict:<6} {self.sabotage.name:<26} {self.seconds:4.0f} s  "
            f"{self.noticed_by or 'nobody noticed: ' + self.sabotage.takes_away}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    unknown = set(given.names) - {sabotage.name for sabotage in SABOTAGES}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    chosen = [one for one in SABOTAGES if not given.names or one.name in given.names]
    with ExitStack() as stack:
        jobs = min(given.jobs, len(chosen))
        trees = [stack.enter_context(copied_checkout()) for _ in range(jobs)]
        return run(trees, chosen)


def run(trees: Sequence[Path], chosen: Sequence[Sabotage]) -> int:
    began = time.monotonic()
    whole = sorted({test for sabotage in chosen for test in sabotage.tests})
    untouched = pytest(trees[0], ["-n", str(len(trees)), *whole])
    if untouched.returncode:
        print(untouched.stdout[-6000:])
        print("The tests fail on the checkout as it is: nothing can be proven.")
        return 2
    print(f"as it is: {untouched.stdout.splitlines()[-1]}\n", flush=True)
    outcomes = attempt_all(trees, chosen)
    unnoticed = [outcome for outcome in outcomes if not outcome.noticed_by]
    for outcome in unnoticed:
        print(f"\n{outcome.sabotage.name}: {outcome.said}")
    print(
        f"\n{len(outcomes) - len(unnoticed)} of {len(outcomes)} noticed"
        f" in {time.monotonic() - began:.0f} s"
    )
    return int(bool(unnoticed))


def attempt_all(trees: Sequence[Path], chosen: Sequence[Sabotage]) -> list[Outcome]:
    """Each in whichever tree is free, in their order."""
    free: Queue[Path] = Queue()
    for tree in trees:
        free.put(tree)

    def attempt_somewhere(sabotage: Sabotage) -> Outcome:
        tree = free.get()
        try:
            return attempt(tree, sabotage)
        finally:
            free.put(tree)

    with ThreadPoolExecutor(len(trees)) as pool:
        return list(pool.map(attempt_somewhere, chosen))


def attempt(tree: Path, sabotage: Sabotage) -> Outcome:
    """Do it, ask the tests, and put everything back."""
    began = time.monotonic()
    try:
        originals = spoil(tree, sabotage)
    except Gone as exc:
        outcome = Outcome(sabotage, None, 0, str(exc))
    else:
        tested = pytest(tree, sabotage.tests)
        for path, text in originals.items():
            path.write_text(text)
        failed = FAILED.search(tested.stdout)
        is_red = tested.returncode == TESTS_FAILED and failed is not None
        noticed_by = failed[1] if failed and is_red else None
        seconds = time.monotonic() - began
        outcome = Outcome(sabotage, noticed_by, seconds, tested.stdout[-3000:])
    print(outcome.line(), flush=True)
    return outcome


def spoil(tree: Path, sabotage: Sabotage) -> dict[Path, str]:
    """Edit the copy; returns what the files held."""
    originals: dict[Path, str] = {}
    for edit in sabotage.edits:
        path = tree / edit.path
        text = path.read_text()
        originals.setdefault(path, text)
        if text.count(edit.old) != 1:
            raise Gone(f"{edit.path} holds {edit.old!r} {text.count(edit.old)} times")
    for edit in sabotage.edits:
        path = tree / edit.path
        path.write_text(path.read_text().replace(edit.old, edit.new))
    return originals


@contextmanager
def copied_checkout() -> Iterator[Path]:
    """The files that belong to the checkout, as they are now, in a new directory."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    with tempfile.TemporaryDirectory(prefix="sabotage-") as place:
        tree = Path(place)
        tree.chmod(0o755)  # PostgreSQL's own account passes through
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, tree / name)
        # Bytecode is told from its source by time and size, which a sabotage may keep;
        # by its hash it cannot be mistaken.
        call(tree, "compileall", "-q", "--invalidation-mode", "checked-hash", *PACKAGES)
        try:
            yield tree
        finally:
            stop_services(tree)


def stop_services(tree: Path) -> None:
    """End what the tests have left running, and wait for it."""
    call(tree, "tests.services")
    directory = tree / ".memplatform-test"
    wait_until_gone = time.monotonic() + 20
    while time.monotonic() < wait_until_gone and any(
        processes.pids_working_in((directory / part).resolve(), program)
        for part, program in (
            ("postgres/data", "postgres"),
            ("valkey", "valkey-server"),
        )
    ):
        time.sleep(0.1)


def pytest(tree: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    options = ["-q", "-rf", "--tb=line", "-p", "no:cacheprovider", "-p", "no:randomly"]
    return call(tree, "pytest", *options, "--maxfail=1", *tests)


def call(tree: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["timeout", str(TIMEOUT_S), sys.executable, "-m", module, *arguments],
        cwd=tree,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


if __name__ == "__main__":
    sys.exit(main())
