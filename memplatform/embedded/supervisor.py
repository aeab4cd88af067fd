"""Starts services in order, restarts what dies, stops all of it in reverse order.

Knows processes, not what they do. One thread: the kernel ends children with the thread
that forked them.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from memplatform.embedded import processes
from memplatform.embedded.data_directory import DataDirectory
from memplatform.embedded.processes import Adopted, Identity, Process
from memplatform.embedded.service import Service, Watched

CHILDREN = "children.json"
CRASHES_IN_A_ROW = 5
PATIENCE_S = 10.0
POLL_S = 0.1
ECHOED_LINES = 15

logger = logging.getLogger("memplatform.embedded")


class StopRequested(Exception):
    """Ctrl-C, SIGTERM or a closed terminal."""


class GaveUp(Exception):
    """A service would not come up, or died again and again."""


def _nothing() -> None:
    """Nobody wants to know."""


class Supervisor:
    """Everything that runs on behalf of one data directory.

    ``on_restart`` is told when pids have changed. Methods that wait raise StopRequested
    on a signal, and GaveUp.
    """

    def __init__(
        self, data: DataDirectory, on_restart: Callable[[], None] = _nothing
    ) -> None:
        self.data = data
        self.on_restart = on_restart
        self._watched: list[Watched] = []
        self._stop_wanted = threading.Event()
        self._stop_requests = 0

    @property
    def pids(self) -> dict[str, int]:
        return {w.name: w.process.pid for w in self._watched if w.process}

    def handle_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request_stop)

    def end_leftovers(self) -> None:
        """End what a killed supervisor left running, where the kernel did not.

        What can be taken over is left to ``Service.find_running``.
        """
        for name, child in (self.data.read(CHILDREN) or {}).items():
            identity = Identity(child["pid"], child["started"])
            if not child["is_adoptable"] and identity.is_alive:
                logger.warning("%s of an earlier start still runs: ending it", name)
                processes.end(identity)

    def start(self, service: Service) -> None:
        """Start a service and wait until it is ready, through crashes if need be."""
        logger.info("starting %s", service.name)
        watched = Watched(service)
        self.data.rotate_log(service.name)
        self._watched.append(watched)
        self._launch(watched)
        deadline = time.monotonic() + service.ready_timeout_s
        patience_ends = time.monotonic() + PATIENCE_S
        while not watched.is_ready:
            self._tend()
            self._pause()
            if time.monotonic() > deadline:
                raise GaveUp(f"{service.name} is not ready.{self._tail(service.name)}")
            if time.monotonic() > patience_ends:
                patience_ends += PATIENCE_S
                logger.info("still waiting for %s", service.name)

    def run(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
    ) -> str:
        """Run a command to its end; its standard output. Its errors go to its log."""
        logger.info("running %s", name)
        self.data.rotate_log(name)
        with self.data.log(name).open("ab") as errors:
            child = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                umask=0o077,
                text=True,
            )
            with child:
                output = self._output_of(child)
        if child.returncode:
            raise GaveUp(f"{name} failed.\n{output}{self._tail(name)}")
        return output

    def watch(self) -> None:
        """Restart what dies, for ever."""
        while True:
            self._tend()
            self._pause()

    def stop(self) -> None:
        """Stop in reverse order of starting, each before the next."""
        while self._watched:
            watched = self._watched.pop()
            if watched.process:
                self._stop(watched.service, watched.process)
        self.data.remove(CHILDREN)

    def _request_stop(self, number: int, frame: object) -> None:
        self._stop_requests += 1
        self._stop_wanted.set()

    def _pause(self, seconds: float = POLL_S) -> None:
        if self._stop_wanted.wait(seconds):
            raise StopRequested

    def _output_of(self, child: subprocess.Popen[str]) -> str:
        """What a command prints, while everything else is looked after."""
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return child.communicate(timeout=POLL_S)[0]
                self._tend()
                self._pause(0)
        except BaseException:
            child.terminate()
            raise

    def _tend(self) -> None:
        for watched in self._watched:
            if watched.is_due:
                self._launch(watched)
                logger.warning("%s restarted, pid %s", watched.name, _pid(watched))
                self.on_restart()
            elif watched.process and (status := watched.process.poll()) is not None:
                self._note_death(watched, status)

    def _launch(self, watched: Watched) -> None:
        watched.start(self.data.log(watched.name))
        if isinstance(watched.process, Adopted):
            logger.info("%s was running: adopted, pid %s", watched.name, _pid(watched))
        self._remember_children()

    def _note_death(self, watched: Watched, status: int) -> None:
        pid, how = _pid(watched), _describe(status)
        pause_s = watched.count_crash()
        if watched.crashes >= CRASHES_IN_A_ROW:
            raise GaveUp(
                f"{watched.name} died {watched.crashes} times in a row ({how})."
                f"{self._tail(watched.name)}"
            )
        logger.error(
            "%s died, pid %s, %s: restarting in %.1f s",
            *(watched.name, pid, how, pause_s),
        )
        if status > 0:
            logger.error("its last words:%s", self._tail(watched.name))

    def _stop(self, service: Service, process: Process) -> None:
        for number, timeout_s in (
            (service.stop_signal, service.stop_timeout_s),
            (signal.SIGQUIT, 5.0),
            (signal.SIGKILL, 5.0),
        ):
            process.send_signal(number)
            if self._is_gone(process, timeout_s):
                logger.info("%s stopped", service.name)
                return
        logger.error("%s does not end, pid %s", service.name, process.pid)

    def _is_gone(self, process: Process, timeout_s: float) -> bool:
        """Whether it ended in time; another Ctrl-C cuts the waiting short."""
        deadline = time.monotonic() + timeout_s
        requests = self._stop_requests
        while process.poll() is None:
            if time.monotonic() > deadline or self._stop_requests > requests:
                return False
            time.sleep(0.02)
        return True

    def _remember_children(self) -> None:
        """For ``end_leftovers`` of the next start."""
        children = {}
        for watched in self._watched:
            identity = (
                processes.identify(watched.process.pid) if watched.process else None
            )
            if identity:
                children[watched.name] = {
                    "pid": identity.pid,
                    "started": identity.started,
                    "is_adoptable": watched.service.find_running is not None,
                }
        self.data.write(CHILDREN, children)

    def _tail(self, name: str) -> str:
        """The end of a log, to be shown beside what happened."""
        log = self.data.log(name)
        lines = log.read_text(errors="replace").splitlines()[-ECHOED_LINES:]
        return "".join(f"\n  {name} | {line}" for line in lines) + f"\n  ({log})"


def _pid(watched: Watched) -> int:
    return watched.process.pid if watched.process else 0


def _describe(status: int) -> str:
    """``killed by SIGKILL``, ``exit status 3``."""
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"
