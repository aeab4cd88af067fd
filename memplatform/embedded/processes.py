"""Operating-system processes: start one that dies with us, know one again later.

A pid alone proves nothing, it may be another process by now; a pid with its start time
does. On Linux the kernel ends children with their parent (PR_SET_PDEATHSIG); elsewhere
the next start finds them by :class:`Identity` and ends them (decision 28).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from memplatform.embedded.privileges import Account

PR_SET_PDEATHSIG = 1
IS_LINUX = sys.platform == "linux"
# Loaded before any fork: a child may not import between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True) if IS_LINUX else None


@dataclass(frozen=True, slots=True)
class Identity:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    started: str

    @property
    def is_alive(self) -> bool:
        return identify(self.pid) == self


def identify(pid: int) -> Identity | None:
    """The process with this pid; None when there is none, or only its zombie."""
    started = _start_time_linux(pid) if IS_LINUX else _start_time_elsewhere(pid)
    return Identity(pid, started) if started else None


def _start_time_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # proc(5): the name in brackets may hold anything; state and start time follow it.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _start_time_elsewhere(pid: int) -> str | None:
    ps = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    found = subprocess.run(ps, capture_output=True, text=True).stdout.strip()
    state, _, started = found.partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def pids_working_in(directory: Path, program: str) -> list[int]:
    """Processes of that program in that working directory; on Linux only, else none."""
    return [
        int(entry.name)
        for entry in Path("/proc").glob("[0-9]*")
        if _working_directory(entry) == directory and _program(entry) == program
    ]


def _program(entry: Path) -> str:
    try:
        return (entry / "comm").read_text().strip()
    except OSError:
        return ""


def _working_directory(entry: Path) -> Path | None:
    try:
        return (entry / "cwd").readlink()
    except OSError:
        return None


class Process(Protocol):
    """A running program, ours or adopted."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """None while it runs; afterwards its exit status (unknown: 0)."""

    def send_signal(self, number: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Adopted:
    """A live process that another supervisor started."""

    identity: Identity

    @property
    def pid(self) -> int:
        return self.identity.pid

    def poll(self) -> int | None:
        return None if self.identity.is_alive else 0

    def send_signal(self, number: int) -> None:
        if self.identity.is_alive:
            os.kill(self.pid, number)


def spawn(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    directory: Path,
    log: Path,
    account: Account | None = None,
    death_signal: int | None = signal.SIGTERM,
    inherit: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that Ctrl-C reaches us alone.

    ``death_signal`` is what it gets when we die; None lets it outlive us. Call from the
    main thread: the kernel watches the thread that forked.
    """
    options = account.process_options() if account else {}
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
            pass_fds=tuple(inherit),
            preexec_fn=_die_with_parent(death_signal),
            **options,
        )


def _die_with_parent(death_signal: int | None) -> Callable[[], None] | None:
    if _libc is None or death_signal is None:
        return None
    libc, number, parent = _libc, int(death_signal), os.getpid()

    def announce() -> None:
        # Runs after setuid, which would clear it.
        libc.prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(1)

    return announce


def end(identity: Identity, *, grace_s: float = 10.0) -> None:
    """Ask a process to stop, and kill it when it does not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not identity.is_alive:
            return
        os.kill(identity.pid, number)
        deadline = time.monotonic() + grace_s
        while identity.is_alive and time.monotonic() < deadline:
            time.sleep(0.05)
