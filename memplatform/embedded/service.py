"""One program to keep running: what it is, and what became of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from memplatform.embedded import processes
from memplatform.embedded.privileges import Account
from memplatform.embedded.processes import Adopted, Identity, Process

STABLE_AFTER_S = 60.0
FIRST_PAUSE_S = 0.5


def _nothing() -> None:
    """No preparation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How to start, recognise and stop a program."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    directory: Path
    prepare: Callable[[], None] = _nothing
    """Called before every start."""
    is_ready: Callable[[int], bool] | None = None
    """Given the pid; None: ready as soon as it runs."""
    find_running: Callable[[], Identity | None] | None = None
    """A live process of an earlier supervisor to take over."""
    ready_timeout_s: float = 300.0
    """Generous: one that cannot start dies, and that is noticed at once."""
    account: Account | None = None
    stop_signal: int = signal.SIGTERM
    stop_timeout_s: float = 15.0
    death_signal: int = signal.SIGTERM
    """What it gets when the supervisor is killed."""
    inherit: Sequence[int] = ()
    """File descriptors it is born with."""


@dataclass(slots=True)
class Watched:
    """A service and its process; no process: waiting for ``restart_at``."""

    service: Service
    process: Process | None = None
    started_at: float = 0.0
    restart_at: float = 0.0
    crashes: int = 0
    """In a row: a process that ran for a minute starts a new row."""

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def is_ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            return False
        is_ready = self.service.is_ready
        return is_ready is None or is_ready(self.process.pid)

    @property
    def is_due(self) -> bool:
        return self.process is None and time.monotonic() >= self.restart_at

    def start(self, log: Path) -> None:
        self.started_at = time.monotonic()
        find = self.service.find_running
        found = find() if find else None
        self.process = Adopted(found) if found else self._spawn(log)

    def count_crash(self) -> float:
        """Note that it died; the pause before the next start, in seconds."""
        was_stable = time.monotonic() - self.started_at > STABLE_AFTER_S
        self.crashes = 1 if was_stable else self.crashes + 1
        pause_s = FIRST_PAUSE_S * 2.0 ** (self.crashes - 1)
        self.process = None
        self.restart_at = time.monotonic() + pause_s
        return pause_s

    def _spawn(self, log: Path) -> Process:
        service = self.service
        service.prepare()
        return processes.spawn(
            service.command,
            environment=service.environment,
            directory=service.directory,
            log=log,
            account=service.account,
            death_signal=service.death_signal,
            inherit=service.inherit,
        )
