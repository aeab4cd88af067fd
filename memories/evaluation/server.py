"""A platform of the run's own, as ``make run`` starts it, in the run's directory.

So that an evaluation needs nothing but the checkout, and meets nobody else's data.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memplatform import env
from memplatform.embedded import processes
from memplatform.embedded.data_directory import RUN, AlreadyRunning, DataDirectory
from memplatform.embedded.environment import read_environment
from memplatform.embedded.placement import POINTER, place
from memplatform.embedded.ports import free_port

START_WITHIN_S = 300.0
STOP_WITHIN_S = 60.0
HELD_POLL_S = 0.2
TENANT = "demo"
ELSEWHERE = ("DATABASE_URL", "MIGRATION_DATABASE_URL", "BROKER_URL", "PUBLIC_URL")
"""What leads to another installation: an evaluation never writes there."""


Tell = Callable[[str], object]


class NoServer(Exception):
    """The platform did not start; says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running platform and how to give it commands."""

    url: str
    key: str
    environment: dict[str, str]

    def manage(self, *arguments: str) -> str:
        """What a management command prints. Raises NoServer with what it says."""
        done = subprocess.run(
            [sys.executable, str(env.BASE_DIR / "manage.py"), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise NoServer(f"manage.py {arguments[0]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def key_of_engine(self, engine: str) -> str:
        """A key of a new project whose adds this engine decides."""
        name = f"Evaluation of {engine}"
        with suppress(NoServer):  # it is there when a start was cut short
            self.manage("create_project", TENANT, name)
        self.manage("set_project", TENANT, f"engine={engine}", "--project", name)
        return self.manage("create_key", TENANT, "--project", name)


@contextmanager
def running_server(directory: Path, tell: Tell = sys.stderr.write) -> Iterator[Server]:
    """Started, and stopped at the end; its data stay for the next start.

    Call from the main thread. Raises NoServer, and AlreadyRunning as :func:`held`.
    """
    environment = _environment(directory)
    directory.mkdir(parents=True, exist_ok=True)
    with held(directory, tell):
        (directory / RUN).unlink(missing_ok=True)
    log = directory / "up.log"
    process = processes.spawn(
        [sys.executable, env.BASE_DIR / "manage.py", "up"],
        environment=environment,
        directory=env.BASE_DIR,
        log=log,
        # Whoever kills the evaluation leaves no platform behind.
        death_signal=signal.SIGINT,
    )
    try:
        facts = _wait_until_up(directory / RUN, process, log)
        yield Server(facts["url"], facts["api_key"], environment)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_WITHIN_S)


@contextmanager
def held(
    directory: Path, tell: Tell, within_s: float = STOP_WITHIN_S
) -> Iterator[None]:
    """Nobody's but ours meanwhile: a platform that was left behind when its evaluation
    was killed takes some seconds to end, and is waited for.

    Raises AlreadyRunning when it is still there after ``within_s``.
    """
    deadline = time.monotonic() + within_s
    with ExitStack() as lock:
        is_told = False
        while True:
            try:
                lock.enter_context(DataDirectory(directory).locked())
                break
            except AlreadyRunning:
                if time.monotonic() > deadline:
                    raise
            if not is_told:
                tell("The platform of the run before is still stopping: waiting.\n")
                is_told = True
            time.sleep(HELD_POLL_S)
        yield


def remove_server(directory: Path, tell: Tell = sys.stderr.write) -> None:
    """Its data, wherever PostgreSQL's part of them stands; raises AlreadyRunning."""
    if not directory.exists():
        return
    with held(directory, tell):
        if (directory / POINTER).exists():
            shutil.rmtree(place(directory).home, ignore_errors=True)
    shutil.rmtree(directory)


def _environment(directory: Path) -> dict[str, str]:
    """What the user gave, without what leads to another installation."""
    given = read_environment(DataDirectory(env.data_dir())).given
    kept = {name: value for name, value in given.items() if name not in ELSEWHERE}
    return {
        **kept,
        "MEMPLATFORM_DATA_DIR": str(directory),
        "PORT": str(free_port()),
        "SEED_DEMO": "false",
        # A question is asked several times; each time is to take what a new one does.
        "QUERY_CACHE_S": "0",
    }


def _wait_until_up(
    facts: Path, process: subprocess.Popen[bytes], log: Path
) -> dict[str, Any]:
    deadline = time.monotonic() + START_WITHIN_S
    while _supervisor_in(facts) != process.pid:
        if process.poll() is not None or time.monotonic() > deadline:
            told = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise NoServer(f"The platform did not start ({log}):\n{told}")
        time.sleep(0.1)
    return dict(json.loads(facts.read_text()))


def _supervisor_in(facts: Path) -> int | None:
    """Whose they are: another start, in the same moment, writes there too."""
    if not facts.exists():
        return None
    pid: int | None = json.loads(facts.read_text()).get("pids", {}).get("supervisor")
    return pid
