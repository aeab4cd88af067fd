"""A real PgBouncer in transaction mode before a PostgreSQL of the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from memplatform.embedded.ports import free_port

PGBOUNCER = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")
POOL_SIZE = 2
UNPRIVILEGED = 65534  # nobody: pgbouncer refuses to run as root

CONFIG = """
[databases]
{database} = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {directory}/users.txt
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 200
logfile = {directory}/log
"""


@contextmanager
def pgbouncer(url: str) -> Iterator[str]:
    """``url`` through PgBouncer, whose pool has POOL_SIZE server connections."""
    assert PGBOUNCER, "install Debian's pgbouncer"
    port = free_port()
    as_user = {"user": UNPRIVILEGED, "group": UNPRIVILEGED} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory() as directory:
        _write_config(urlsplit(url), Path(directory), port)
        command = [PGBOUNCER, "-q", f"{directory}/pgbouncer.ini"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, **as_user) as process:
            try:
                _wait_for(port, process)
                yield _at_port(url, port)
            finally:
                process.kill()


def _at_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{login}@127.0.0.1:{port}").geturl()


def _write_config(url: SplitResult, directory: Path, port: int) -> None:
    database = url.path.strip("/")
    config = CONFIG.format(
        database=database,
        host=url.hostname,
        port=url.port,
        listen_port=port,
        directory=directory,
        pool_size=POOL_SIZE,
    )
    (directory / "pgbouncer.ini").write_text(config)
    (directory / "users.txt").write_text(
        f'"{url.username}" "{unquote(url.password)}"\n'
    )
    if os.getuid() == 0:
        for path in (directory, *directory.iterdir()):
            os.chown(path, UNPRIVILEGED, UNPRIVILEGED)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("pgbouncer did not start")
