"""A whole installation of its own for one run: database, broker, web, worker, model.

As ``make run`` starts it, by the same descriptions, but with 1 GB of shared buffers,
the stand-in model server, and nothing kept when it ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bench.load import call_json
from memplatform import env
from memplatform.embedded import services
from memplatform.embedded.bootstrap import (
    DATABASE,
    OWNER_ROLE,
    as_role,
    at_database,
    bootstrap,
)
from memplatform.embedded.data_directory import DataDirectory
from memplatform.embedded.placement import POINTER, place
from memplatform.embedded.ports import free_port, listen
from memplatform.embedded.service import Service
from memplatform.embedded.supervisor import StopRequested, Supervisor
from tenants.tables import APP_ROLE

SHARED_BUFFERS = "1GB"
DIMENSION = 1536
EMBEDDING_MODEL = "text-embedding-3-small"
CHAT_MODEL = "gpt-5-mini"


@dataclass
class Stack:
    """A running installation and how to reach its parts."""

    supervisor: Supervisor
    environment: dict[str, str] = field(default_factory=dict)
    admin_url: str = ""
    url: str = ""
    model_url: str = ""

    @property
    def pids(self) -> dict[str, int]:
        return self.supervisor.pids

    def configure_model(self, **settings: object) -> None:
        """Change the stand-in's settings; ``reset=True`` clears its counters first."""
        call_json(self.model_url, "POST", "/control", settings)

    def model_stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = call_json(self.model_url, "GET", "/control/stats")
        return stats


@contextmanager
def running_stack(directory: Path, *, keep: bool = False) -> Iterator[Stack]:
    """Everything up, migrated and empty; stopped at the end. Main thread only.

    The directory is removed, unless it is to be kept or an exception makes its logs
    worth reading. Raises AlreadyRunning when another run uses it, StopRequested on a
    signal, and GaveUp.
    """
    os.environ["EMBEDDED_SHARED_BUFFERS"] = SHARED_BUFFERS
    data = DataDirectory(directory.resolve())
    data.make()
    with data.locked(), listen("127.0.0.1", free_port()) as listener:
        stack = Stack(Supervisor(data))
        stack.supervisor.handle_signals()
        stack.supervisor.end_leftovers()
        _remove_data(data)
        data.make()
        try:
            _start(stack, data, listener)
            with _signals_interrupt():
                yield stack
        finally:
            stack.supervisor.stop()
        if not keep:
            _remove_data(data)
            shutil.rmtree(data.path)


def roles_connected(admin: psycopg.Connection) -> list[str]:
    """As whom the platform is in the database: row-level security must hold it."""
    rows = admin.execute(
        "SELECT DISTINCT usename FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename <> current_user ORDER BY 1"
    )
    return [str(row[0]) for row in rows]


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let a signal end a measurement at once; the supervisor hears it in its own."""

    def interrupt(number: int, frame: object) -> None:
        raise StopRequested

    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _remove_data(data: DataDirectory) -> None:
    """Leave nothing but the lock, which whoever calls this holds."""
    homes = [place(data.path).home] if (data.path / POINTER).exists() else []
    for path in [*homes, *data.path.iterdir()]:
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()


def _start(stack: Stack, data: DataDirectory, listener: socket.socket) -> None:
    secrets = data.secrets()
    _start_databases(stack, data, secrets)
    model_port = free_port()
    stack.supervisor.start(_model_service(model_port))
    stack.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    stack.model_url = f"http://127.0.0.1:{model_port}"
    stack.environment |= {
        "SECRET_KEY": secrets["SECRET_KEY"],
        "ENCRYPTION_KEYS": secrets["ENCRYPTION_KEYS"],
        "LLM_BASE_URL": f"{stack.model_url}/v1",
        "LLM_MODEL": CHAT_MODEL,
        "EMBEDDING_BASE_URL": f"{stack.model_url}/v1",
        "EMBEDDING_MODEL": EMBEDDING_MODEL,
        "EMBEDDING_DIMENSION": str(DIMENSION),
        "PUBLIC_URL": stack.url,
        # Built when bench/huge.py says so, not while something else is measured.
        "HUGE_SCOPE_VECTORS": "0",
    }
    manage = [*services.MANAGE, "migrate", "--database", "owner", "--no-input"]
    stack.supervisor.run("migrate", manage, environment=stack.environment)
    for service in (
        services.worker_service(stack.environment),
        services.beat_service(data, stack.environment),
        services.web_service(listener, stack.environment),
    ):
        stack.supervisor.start(service)


def _start_databases(
    stack: Stack, data: DataDirectory, secrets: Mapping[str, str]
) -> None:
    """PostgreSQL with its roles, and Valkey; the environment that leads to both."""
    cluster = services.postgres_cluster(
        data, place(data.path), secrets["postgres_admin"]
    )
    stack.supervisor.start(services.postgres_service(cluster))
    bootstrap(
        cluster.admin_url,
        owner_password=secrets["postgres_owner"],
        app_password=secrets["postgres_app"],
    )
    stack.admin_url = at_database(cluster.admin_url, DATABASE)
    broker, broker_url = services.valkey_service(data, secrets["valkey"])
    stack.supervisor.start(broker)
    stack.environment = {
        **os.environ,
        "MEMPLATFORM_DATA_DIR": str(data.path),
        "DATABASE_URL": as_role(stack.admin_url, APP_ROLE, secrets["postgres_app"]),
        "MIGRATION_DATABASE_URL": as_role(
            stack.admin_url, OWNER_ROLE, secrets["postgres_owner"]
        ),
        "BROKER_URL": broker_url,
        "DB_PREPARED_STATEMENTS": "true",  # as `make run` has it
    }


def _model_service(port: int) -> Service:
    return Service(
        name="model",
        command=[
            *(sys.executable, "-m", "tests.model_server"),
            *("--port", str(port), "--dimension", str(DIMENSION)),
        ],
        environment=dict(os.environ),
        directory=env.BASE_DIR,
        is_ready=lambda pid: _listens(port),
    )


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
