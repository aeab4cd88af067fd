"""A real ``manage.py up`` in a data directory of its own, to start, hurt and look at."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from memplatform.embedded.ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
# How long to wait before something has gone wrong; a busy machine is not wrong.
DEADLINE_S = 180.0
SETTINGS_OF_OTHERS = (
    "DATABASE_URL",
    "MIGRATION_DATABASE_URL",
    "BROKER_URL",
    "PUBLIC_URL",
)
# Some processes need a moment to end after their parent was killed.
GONE_WITHIN_S = 60.0
NOBODY = 65534
# Root reads its own checkout and Python as nobody, too, wherever they are; nothing more.
AS_NOBODY = [
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--"),
]


def wait_for(
    condition: Callable[[], Any], what: str, within_s: float = DEADLINE_S
) -> Any:
    """What ``condition`` returns once it is true."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {within_s} s for {what}"
        time.sleep(0.05)
    return found


class Installation:
    """One data directory and, at times, what runs on it."""

    def __init__(self, directory: Path) -> None:
        self.data = directory / "data with spaces"
        self.said = directory / "said.txt"
        self.port = free_port()
        self.prefix: list[str] = []
        self.process: subprocess.Popen[bytes] | None = None

    def become_a_normal_user(self) -> None:
        """From now on it is started without root's rights."""
        if os.geteuid() == 0:
            os.chown(self.said.parent, NOBODY, NOBODY)
            self.prefix = AS_NOBODY

    def command(self, **variables: str) -> subprocess.Popen[bytes]:
        """``manage.py up``; what it says is appended to ``said``."""
        kept = {k: v for k, v in os.environ.items() if k not in SETTINGS_OF_OTHERS}
        ours = {
            "MEMPLATFORM_DATA_DIR": str(self.data),
            "PORT": str(self.port),
            "SEED_DEMO": "false",  # who wants the demo's history says so
        }
        with self.said.open("ab") as said:
            return subprocess.Popen(
                [*self.prefix, sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env={
                    **kept,
                    "DJANGO_SETTINGS_MODULE": "memplatform.settings",
                    **ours,
                    **variables,
                },
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self, **variables: str) -> None:
        if self.process:
            self.process.wait(DEADLINE_S)
        self.said.write_text("")
        self.process = self.command(**variables)
        self.wait_until_up()

    def wait_until_up(self) -> None:
        wait_for(self._is_up_or_dead, "the start")
        assert self.process is not None
        assert self.process.poll() is None, self.text

    def wait_for_history(self) -> None:
        """Until the demo is complete; start with ``SEED_DEMO="true"``."""
        kept = self.data / "demo.json"
        wait_for(
            lambda: json.loads(kept.read_text()).get("history") == "told", "the demo"
        )

    def ensure_running(self) -> None:
        if self.process is None or self.process.poll() is not None:
            self.start()
        self.wait_until_up()

    def stop(self) -> int:
        """Ctrl-C; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(DEADLINE_S)

    def kill(self, name: str) -> int:
        """SIGKILL one part; its pid."""
        pid = self.run["pids"][name]
        os.kill(pid, signal.SIGKILL)
        return pid

    @property
    def run(self) -> dict[str, Any]:
        return json.loads((self.data / "run.json").read_text())

    @property
    def text(self) -> str:
        """What the last start has said."""
        return self.said.read_text()

    @property
    def settings(self) -> dict[str, str]:
        lines = (self.data / "settings.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return httpx2.get(self.run["url"] + path, timeout=10, **options)

    def is_serving(self) -> bool:
        try:
            return self.get("/readyz").status_code == 200
        except httpx2.HTTPError:
            return False

    def processes(self) -> list[int]:
        """Every live process of this installation, found by what the kernel knows."""
        mark = str(self.data).encode()
        return [pid for pid in _all_pids() if mark in _traces(pid)]

    def wait_until_gone(self) -> None:
        wait_for(lambda: not self.processes(), "the processes to end", GONE_WITHIN_S)

    def _is_up_or_dead(self) -> bool:
        assert self.process is not None
        is_up = (self.data / "run.json").exists() and "Ctrl-C" in self.text
        return is_up or self.process.poll() is not None


@contextmanager
def installed() -> Iterator[Installation]:
    """A fresh installation; stopped and removed afterwards."""
    # In the checkout: below pytest's own 0700 directories root would put the data
    # under /var/lib.
    directory = ROOT / ".memplatform-test" / f"run me {uuid4().hex[:8]}"
    directory.mkdir(parents=True)
    installation = Installation(directory)
    try:
        yield installation
    finally:
        if installation.process:
            installation.process.send_signal(signal.SIGTERM)
            installation.process.wait(DEADLINE_S)
        for pid in installation.processes():
            os.kill(pid, signal.SIGTERM)
        installation.wait_until_gone()
        shutil.rmtree(directory)


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def _traces(pid: int) -> bytes:
    """Command line, environment and working directory; nothing for a zombie."""
    entry = Path(f"/proc/{pid}")
    try:
        stat = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        if stat == "Z" or pid == os.getpid():
            return b""
        known = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        return known + str((entry / "cwd").readlink()).encode()
    except OSError:
        return b""
