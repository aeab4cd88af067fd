"""What a run has done so far, on disk, so that it can go on after it was stopped.

A directory of JSON Lines that are only appended to; a line that was cut off in the
middle counts as not written.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

SETTINGS = "run.json"
JOURNALS = ("adds", "links", "searches", "further", "answers")


class OtherRun(ValueError):
    """The directory holds a run over other data, or in another project."""


class Journal:
    """Records of one kind; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = threading.Lock()
        self._is_whole = False

    def append(self, record: Mapping[str, Any]) -> None:
        with self._writing:
            if not self._is_whole:
                self._end_last_line()
            with self._path.open("a") as file:
                file.write(_line(record))

    def read(self) -> Iterator[dict[str, Any]]:
        if not self._path.exists():
            return
        for line in self._path.read_text().split("\n"):
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue  # cut off when the run was killed

    def _end_last_line(self) -> None:
        """What was cut off must not take the next record with it."""
        if self._path.exists() and not self._path.read_bytes().endswith(b"\n"):
            with self._path.open("a") as file:
                file.write("\n")
        self._is_whole = True

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)

    def forget(self, is_past: Callable[[Mapping[str, Any]], bool]) -> None:
        """Keep the others only; all of them or the old ones, whenever it is killed."""
        kept = [record for record in self.read() if not is_past(record)]
        lines = "".join(_line(record) for record in kept)
        with self._writing:
            _replace(self._path, lines)


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":")) + "\n"


def _replace(path: Path, text: str) -> None:
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.write_text(text)
    unfinished.replace(path)


class Run:
    """One run's directory: its settings and its journals."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.adds, self.links, self.searches, self.further, self.answers = (
            Journal(path / f"{name}.jsonl") for name in JOURNALS
        )
        self.settings: dict[str, Any] = {}

    def open(self, **about: Any) -> None:
        """Begin, or go on; raises OtherRun when it was about something else."""
        file = self.path / SETTINGS
        if file.exists():
            self.settings = json.loads(file.read_text())
        else:
            self.settings = {**about, "id": secrets.token_hex(3), "seconds": {}}
            self.save()
        for name, value in about.items():
            if self.settings.get(name) != value:
                raise OtherRun(
                    f"{self.path} holds a run with another {name}; give it another"
                    " directory with --run, or begin anew with --fresh."
                )

    def go_on_in(self, project: str) -> None:
        """What was added is in the project where the run began; raises OtherRun."""
        known = self.settings.setdefault("project", project)
        if known != project:
            raise OtherRun(
                f"{self.path} holds a run in the project {known}, and the key is one of"
                f" {project}, which has nothing of it: give the first one's key, give"
                " the run another directory with --run, or begin anew with --fresh."
            )
        self.save()

    @property
    def id(self) -> str:
        """Part of the user ids, so that no run meets the memories of another."""
        return str(self.settings["id"])

    def save(self) -> None:
        """Replace the settings in one step."""
        self.write(SETTINGS, json.dumps(self.settings, indent=2) + "\n")

    def write(self, name: str, text: str) -> None:
        """All of a file or none of it, whenever the run is killed."""
        _replace(self.path / name, text)

    def took(self, step: str, seconds: float) -> None:
        """Add to how long a step has taken, over all starts."""
        spent = self.settings["seconds"]
        spent[step] = round(spent.get(step, 0.0) + seconds, 1)
        self.save()

    def forget_time(self, step: str) -> None:
        """What is done anew is timed anew."""
        spent = self.settings["seconds"]
        kept = {name: took for name, took in spent.items() if step not in name}
        self.settings["seconds"] = kept
        self.save()
