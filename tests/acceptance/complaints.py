"""What the processes behind a failed test complained of, for who reads its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from memplatform.embedded.data_directory import DataDirectory

FIXTURES = ("platform", "installation")
MOST_LINES = 15
QUIET = ('"level": "INFO"', '"level": "DEBUG"', "SecurityWarning")


def of_test(funcargs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A title and the last lines for each log of the platform that a test drives."""
    for name in FIXTURES:
        if name in funcargs:
            data = funcargs[name].data
            yield from _of(
                data.logs if isinstance(data, DataDirectory) else data / "logs"
            )


def _of(logs: Path) -> Iterator[tuple[str, str]]:
    for log in sorted(logs.glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()
        told = [line for line in lines if not any(quiet in line for quiet in QUIET)]
        if told:
            yield f"{log.name} complains", "\n".join(told[-MOST_LINES:])
