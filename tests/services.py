"""PostgreSQL and Valkey for the tests, shared by all workers and left running.

A second ``make test`` finds them up. Everything is in the given directory
(``.memplatform-test`` in the checkout); stop them with ``python -m tests.services``.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from memplatform.embedded import processes
from memplatform.embedded.bootstrap import (
    DATABASE,
    OWNER_ROLE,
    as_role,
    at_database,
    bootstrap,
)
from memplatform.embedded.placement import place
from memplatform.embedded.ports import free_port
from memplatform.embedded.postgres import ENVIRONMENT, Cluster
from memplatform.embedded.valkey import Valkey
from tenants.tables import APP_ROLE

DIRECTORY = Path(__file__).resolve().parent.parent / ".memplatform-test"
START_TIMEOUT_S = 60
# Held, for a Popen that is collected while its process runs warns.
_LEFT_RUNNING: list[subprocess.Popen[bytes]] = []
# Nothing here must survive a power cut; a run must be fast.
FAST_AND_LOSSY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


def start_postgres(directory: Path = DIRECTORY) -> tuple[str, str, str]:
    """URLs of (admin, owner, app); the latter two at database ``memplatform``."""
    with _locked(directory, "postgres"):
        passwords = _remember(
            directory / "postgres.json", lambda: _passwords() | {"port": free_port()}
        )
        cluster = _cluster(directory, passwords)
        if cluster.postmaster() is None:
            _start_cluster(cluster, directory / "postgres.log")
        # Once, and not beside running tests: it would disturb their CREATE DATABASE.
        done = directory / "postgres.bootstrapped"
        if not done.exists():
            bootstrap(
                cluster.admin_url,
                owner_password=passwords["owner"],
                app_password=passwords["app"],
            )
            done.touch()
    at_home = at_database(cluster.admin_url, DATABASE)
    return (
        cluster.admin_url,
        as_role(at_home, OWNER_ROLE, passwords["owner"]),
        as_role(at_home, APP_ROLE, passwords["app"]),
    )


def start_valkey(directory: Path = DIRECTORY) -> str:
    """The broker's URL."""
    with _locked(directory, "valkey"):
        known = _remember(
            directory / "valkey.json",
            lambda: {"password": secrets.token_hex(16), "port": free_port()},
        )
        valkey = Valkey(directory / "valkey", int(known["port"]), known["password"])
        if not valkey.is_ready():
            valkey.prepare()
            _spawn(
                valkey.command,
                valkey.directory,
                directory / "valkey.log",
                dict(os.environ),
                None,
            )
            _wait_until(valkey.is_ready, "Valkey", directory / "valkey.log")
    return valkey.url


def stop(directory: Path = DIRECTORY) -> None:
    """End whatever earlier runs left running here."""
    for path, program, number in (
        (directory / "postgres" / "data", "postgres", signal.SIGINT),
        (directory / "valkey", "valkey-server", signal.SIGTERM),
    ):
        for pid in processes.pids_working_in(path.resolve(), program):
            # A backend may have gone with its postmaster.
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _cluster(directory: Path, known: dict[str, str]) -> Cluster:
    placement = place(directory)
    options = {**FAST_AND_LOSSY, "max_connections": "300"}
    return Cluster(
        placement.home,
        int(known["port"]),
        known["admin"],
        placement.account,
        placement.installed,
        options,
    )


def _start_cluster(cluster: Cluster, log: Path) -> None:
    cluster.prepare()
    _spawn(cluster.command, cluster.directory, log, ENVIRONMENT, cluster.account)
    _wait_until(lambda: _is_ready(cluster), "PostgreSQL", log)


def _spawn(command, folder, log, environment, account) -> None:
    # Without a death signal: it serves later runs too.
    process = processes.spawn(
        command,
        environment=environment,
        directory=folder,
        log=log,
        account=account,
        death_signal=None,
    )
    _LEFT_RUNNING.append(process)


def _is_ready(cluster: Cluster) -> bool:
    postmaster = cluster.postmaster()
    return postmaster is not None and cluster.is_ready(postmaster.pid)


def _passwords() -> dict[str, str]:
    return {role: secrets.token_hex(16) for role in ("admin", "owner", "app")}


def _remember(path: Path, make: Callable[[], dict]) -> dict:
    if not path.exists():
        path.write_text(json.dumps(make()))
        path.chmod(0o600)
    return json.loads(path.read_text())


@contextmanager
def _locked(directory: Path, name: str) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _wait_until(condition: Callable[[], bool], what: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.02)


if __name__ == "__main__":
    stop()
    sys.exit(0)
