"""The services of ``make run``, each described for the supervisor."""

from __future__ import annotations

import http.client
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from memplatform import env
from memplatform.embedded import postgres
from memplatform.embedded.data_directory import DataDirectory
from memplatform.embedded.placement import Placement
from memplatform.embedded.ports import LOOPBACK, free_port
from memplatform.embedded.postgres import Cluster
from memplatform.embedded.processes import Identity
from memplatform.embedded.service import Service
from memplatform.embedded.valkey import Valkey

PORTS = "ports.json"
MANAGE = [sys.executable, str(env.BASE_DIR / "manage.py")]
SHUTDOWN_TIMEOUT_S = 60.0
RECOVERY_TIMEOUT_S = 1800.0


def postgres_cluster(data: DataDirectory, where: Placement, password: str) -> Cluster:
    """The cluster of this data directory, on the port it had if that is free."""
    cluster = Cluster(where.home, 0, password, where.account, where.installed)
    is_running = _settled_postmaster(cluster) is not None
    port = cluster.running_port() if is_running else _remembered_port(data, "postgres")
    return Cluster(where.home, port, password, where.account, where.installed)


def postgres_service(cluster: Cluster) -> Service:
    return Service(
        name="postgres",
        command=cluster.command,
        environment=postgres.ENVIRONMENT,
        directory=cluster.directory,
        prepare=cluster.prepare,
        is_ready=cluster.is_ready,
        find_running=lambda: _settled_postmaster(cluster),
        ready_timeout_s=RECOVERY_TIMEOUT_S,
        account=cluster.account,
        # "Fast": ends sessions and writes a checkpoint; SIGTERM would wait for clients.
        stop_signal=signal.SIGINT,
        stop_timeout_s=SHUTDOWN_TIMEOUT_S,
        death_signal=signal.SIGINT,
    )


def valkey_service(data: DataDirectory, password: str) -> tuple[Service, str]:
    """The broker and its URL."""
    valkey = Valkey(data.path / "valkey", _remembered_port(data, "valkey"), password)
    service = Service(
        name="valkey",
        command=valkey.command,
        environment=postgres.ENVIRONMENT,
        directory=valkey.directory,
        prepare=valkey.prepare,
        is_ready=lambda pid: valkey.is_ready(),
    )
    return service, valkey.url


def worker_service(environment: Mapping[str, str]) -> Service:
    threads = env.envint("WORKER_THREADS", 32, minimum=1)
    return _celery(
        "worker",
        [
            *("-P", "threads", "-c", str(threads)),
            *("-Q", "memplatform,maintenance,webhooks"),
            *("--without-gossip", "--without-mingle"),
        ],
        environment,
        # Its operations are rows with a lease: nothing is lost, and a graceful end
        # would wait for a broker and a database that are going away as well.
        death_signal=signal.SIGKILL,
    )


def beat_service(data: DataDirectory, environment: Mapping[str, str]) -> Service:
    schedule = data.path / "beat-schedule"
    return _celery(
        "beat",
        ["--schedule", str(schedule), "--pidfile="],
        environment,
        # All it holds is when each entry last ran; a torn file would stop the beat.
        prepare=lambda: _remove_all(schedule),
    )


def web_service(listener: socket.socket, environment: Mapping[str, str]) -> Service:
    """gunicorn on a socket that outlives it (ports.listen)."""
    host, port = listener.getsockname()[:2]
    return Service(
        name="web",
        command=[
            *(sys.executable, "-m", "gunicorn", "memplatform.wsgi"),
            *("--config", "python:memplatform.embedded.gunicorn_conf"),
            *("--bind", f"fd://{listener.fileno()}"),
        ],
        environment=environment,
        directory=env.BASE_DIR,
        is_ready=lambda pid: answers(reachable(host), port),
        inherit=[listener.fileno()],
    )


def reachable(host: str) -> str:
    """An address to call a server that listens on ``host``, maybe on all of them."""
    return {"0.0.0.0": LOOPBACK, "::": "::1", "": LOOPBACK}.get(host, host)  # noqa: S104


def answers(host: str, port: int) -> bool:
    """Whether the web application says that it is alive."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _celery(
    name: str,
    arguments: list[str],
    environment: Mapping[str, str],
    *,
    prepare: Callable[[], None] = lambda: None,
    death_signal: int = signal.SIGTERM,
) -> Service:
    return Service(
        name=name,
        command=[
            *(sys.executable, "-m", "celery", "-A", "memplatform", "--quiet"),
            *(name, *arguments),
        ],
        environment=environment,
        directory=env.BASE_DIR,
        prepare=prepare,
        death_signal=death_signal,
        stop_timeout_s=20.0,
    )


def _settled_postmaster(cluster: Cluster) -> Identity | None:
    """The server that runs and will go on; one that is shutting down is awaited."""
    deadline = time.monotonic() + SHUTDOWN_TIMEOUT_S
    while (running := cluster.postmaster()) and cluster.is_stopping():
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return running


def _remembered_port(data: DataDirectory, name: str) -> int:
    """The same port at every start while it is free, so that URLs stay valid."""
    ports = data.read(PORTS) or {}
    ports[name] = free_port(ports.get(name, 0))
    data.write(PORTS, ports)
    return int(ports[name])


def _remove_all(stem: Path) -> None:
    """Remove a file and its siblings with a suffix; dbm flavours differ."""
    for path in stem.parent.glob(f"{stem.name}*"):
        path.unlink()
