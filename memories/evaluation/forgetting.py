"""Take away what a run wrote, so that it can begin anew; nothing else goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from memories.evaluation.runs import JOURNALS, SETTINGS
from memories.evaluation.server import remove_server

SERVER = "server"
FIGURES = ("baselines.json", "results.json", "report.md", "report.html")
CORRECTED = "-corrected"
"""Figures by corrected keys stand in files of their own."""


class NoRun(ValueError):
    """The directory is not one that a run has begun in."""


def forget(path: Path, *, keep: tuple[Path, ...] = ()) -> None:
    """A run's files and its platform, and the directory where that empties it.

    Raises NoRun for a directory that no run began, and where one of ``keep``, the
    user's own, has the name of something a run writes; AlreadyRunning as a platform.
    """
    if not path.exists() or _is_empty(path):
        return
    settings = _settings_in(path)
    written = [path / name for name in _names() if (path / name).is_file()]
    _refuse(path, keep, written)
    # An address: the run began no platform.
    if settings["url"] is None:
        remove_server(path / SERVER)
    # Its settings last: killed before that, it still is a run.
    for file in sorted(written, key=lambda file: file.name == SETTINGS):
        file.unlink()
    if _is_empty(path):
        path.rmdir()


def _settings_in(path: Path) -> dict[str, Any]:
    """What every run begins with; raises NoRun."""
    try:
        found = json.loads((path / SETTINGS).read_text())
    except (OSError, ValueError):
        found = None
    if isinstance(found, dict) and {"id", "seconds", "data", "url"} <= found.keys():
        return found
    raise NoRun(
        f"{path} holds no run of an evaluation, so --fresh takes nothing away there:"
        " give a run's directory, or another, empty one, with --run."
    )


def _refuse(path: Path, keep: tuple[Path, ...], written: list[Path]) -> None:
    for own in keep:
        if own.resolve() in written or (path / SERVER) in own.resolve().parents:
            raise NoRun(
                f"--data: {own} stands where the run writes its own files, and --fresh"
                " would take it away: move it first."
            )


def _names() -> Iterator[str]:
    for name in _last_names():
        yield name
        yield f"{name}.new"  # cut off while it was written


def _last_names() -> Iterator[str]:
    yield SETTINGS
    yield from (f"{name}.jsonl" for name in JOURNALS)
    for name in FIGURES:
        stem, dot, kind = name.partition(".")
        yield name
        yield f"{stem}{CORRECTED}{dot}{kind}"


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
