"""The directory of one installation: its lock, secrets, logs and what a start writes.

Every file is readable by its owner only. ``flock`` on ``lock`` is the truth about "is
it running": the kernel drops it with the process, however that dies (decision 28).
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from memplatform.embedded.processes import identify

LOG_LIMIT_BYTES = 10 * 1024 * 1024
NAMED_WITHIN_S = 2.0
"""How long whoever has just taken the lock may need to write its pid into it."""
RUN = "run.json"
DEMO = "demo.json"
SECRETS = "secrets.json"
SETTINGS = "settings.env"


class AlreadyRunning(Exception):
    """Another start holds the data directory."""


class DataUnusable(Exception):
    """A file that a start cannot do without is damaged or missing."""


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """``.memplatform``, or wherever MEMPLATFORM_DATA_DIR points."""

    path: Path

    def make(self) -> None:
        # Root lends PostgreSQL an account, which must pass through to its own part.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        self.path.mkdir(mode=mode, parents=True, exist_ok=True)
        self.logs.mkdir(mode=0o700, exist_ok=True)

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def rotate_log(self, name: str) -> None:
        """Put a log that has grown large aside; one older copy is kept."""
        log = self.log(name)
        if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))
        log.touch(mode=0o600)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory, or raise AlreadyRunning with who does."""
        path = self.path / "lock"
        path.touch(mode=0o600)
        with path.open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunning(self._who_runs(_pid_in(lock))) from None
            lock.truncate()
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    def _who_runs(self, pid: str) -> str:
        url = (self.read(RUN) or {}).get("url", "still starting")
        return f"Already running: {url} (pid {pid}, data directory {self.path})."

    def read(self, name: str) -> dict[str, Any] | None:
        """A JSON object; None when the file is absent."""
        try:
            found = json.loads((self.path / name).read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise DataUnusable(f"{self.path / name} is damaged: {error}") from error
        return dict(found)

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        self.write_text(name, json.dumps(content, indent=2) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Replace a file in one step: a reader sees the old or the new, never half."""
        unfinished = self.path / f"{name}.new"
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        unfinished.write_text(text)
        unfinished.replace(self.path / name)

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def secrets(self) -> dict[str, str]:
        """What was generated at the first start; a new release may add to it."""
        known = self.read(SECRETS)
        if known is None and (self.path / SETTINGS).exists():
            raise DataUnusable(
                f"{self.path / SECRETS} is missing, and without its passwords and"
                " encryption keys the data cannot be read: restore it from a backup."
            )
        complete = {**_fresh_secrets(), **(known or {})}
        if complete != known:
            self.write(SECRETS, complete)
        return complete


def _pid_in(lock: TextIO) -> str:
    """Of a lock that is held: what stands there first may be nothing, or of a dead."""
    deadline = time.monotonic() + NAMED_WITHIN_S
    while True:
        lock.seek(0)
        pid = lock.read().strip()
        is_named = pid.isdigit() and identify(int(pid)) is not None
        if is_named or time.monotonic() > deadline:
            return pid or "unknown"
        time.sleep(0.02)


def _fresh_secrets() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        # A Fernet key; more of them, newest first, separated by commas, rotate it.
        "ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "postgres_admin": secrets.token_hex(24),
        "postgres_owner": secrets.token_hex(24),
        "postgres_app": secrets.token_hex(24),
        "valkey": secrets.token_hex(24),
    }
