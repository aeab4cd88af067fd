"""A real platform to hurt: everything ``make run`` starts, each part killed at will.

The parts are those of ``memplatform/embedded/services.py`` without the supervisor, so
that what a test has killed stays dead until the test starts it again. Every process
dies with pytest. The model is ``tests/model_server.py`` in a process of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx2
import psycopg
import pytest
from psycopg.rows import dict_row

from memplatform.embedded import processes, services
from memplatform.embedded.bootstrap import (
    APP_ROLE,
    DATABASE,
    OWNER_ROLE,
    as_role,
    at_database,
    bootstrap,
)
from memplatform.embedded.data_directory import DataDirectory
from memplatform.embedded.placement import place
from memplatform.embedded.ports import free_port, listen
from memplatform.embedded.service import Service
from tests.acceptance.installation import ROOT, SETTINGS_OF_OTHERS, wait_for
from tests.webhook_receiver import Receiver

DIMENSION = 64
# Short, so that what waits for a lease or a pause does not wait for long; in the order
# of decision 21: visibility timeout > lease > deadline > timeout. A lease outlasts the
# deadline by far: with 5 s a busy machine took adds over that were still decided.
PACE = {
    "LLM_TIMEOUT_S": "2.5",
    "LLM_DEADLINE_S": "4",
    "EMBEDDING_TIMEOUT_S": "1.5",
    "DOCUMENT_TIMEOUT_S": "1.5",
    "LEASE_S": "12",
    "SWEEP_INTERVAL_S": "0.5",
    "RETRY_BASE_S": "0.1",
    "MAX_ATTEMPTS": "3",
}
MODEL_KEY = "sk-test-of-the-platform"
SERVING = ("web", "worker", "beat")
SETTLED = ("SUCCEEDED", "FAILED")
# The first test of a session waits for the whole platform to be made.
MARKS = [pytest.mark.processes, pytest.mark.timeout(300)]


class Platform:
    """One data directory and the processes that serve it, by name in ``running``."""

    def __init__(self, directory: Path) -> None:
        self.data = DataDirectory(directory / "data")
        self.data.make()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.receiver = Receiver().__enter__()
        self.secrets = self.data.secrets()
        self._cluster = services.postgres_cluster(
            self.data, place(self.data.path), self.secrets["postgres_admin"]
        )
        self._broker, broker_url = services.valkey_service(
            self.data, self.secrets["valkey"]
        )
        self._listener = listen("127.0.0.1", free_port())
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.environment = self._environment(broker_url)

    # --- the parts

    def start_everything(self) -> None:
        """The first start: services, schema, demo tenants, then whoever works."""
        self.start("postgres")
        bootstrap(
            self._cluster.admin_url,
            owner_password=self.secrets["postgres_owner"],
            app_password=self.secrets["postgres_app"],
        )
        self._start_model()
        self.manage("migrate", "--database", "owner", "--no-input")
        self.demo = json.loads(self.manage("seed_first_start"))
        self.ensure_running()
        self._subscribe()

    def ensure_running(self, **environment: str) -> None:
        """Start what is down, with these settings, and wait until all of it serves."""
        for name in ("postgres", "valkey", *SERVING):
            if not self.is_running(name):
                self.start(name, **environment)
        wait_for(self.is_serving, "readiness")
        wait_for(self.is_worker_ready, "the worker")

    def start(self, name: str, **environment: str) -> None:
        """Start a part and wait until it is ready, where it can tell."""
        service = self._service(name, {**self.environment, **environment})
        service.prepare()
        process = processes.spawn(
            service.command,
            environment=service.environment,
            directory=service.directory,
            log=self.log(name),
            account=service.account,
            death_signal=signal.SIGKILL,
            inherit=service.inherit,
        )
        self.running[name] = process
        is_ready = service.is_ready
        if is_ready and name != "web":  # several seconds: others start meanwhile
            wait_for(lambda: is_ready(process.pid), name)

    def kill(self, name: str) -> None:
        """SIGKILL to a part, and to the processes it has made."""
        process = self.running.pop(name)
        if name == "postgres":  # its own business: backends notice and go
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if name == "postgres":
            home = self._cluster.directory.resolve()
            left = lambda: processes.pids_working_in(home, "postgres")  # noqa: E731
            wait_for(lambda: not left(), "the orphans of PostgreSQL")

    def stop(self, name: str) -> int:
        """The signal that asks it to finish; its exit status."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
        return process.wait(30)

    def is_running(self, name: str) -> bool:
        return name in self.running and self.running[name].poll() is None

    def is_serving(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx2.HTTPError:
            return False

    def is_worker_ready(self) -> bool:
        started = self.log("worker").read_text().rpartition("[tasks]")[2]
        return " ready." in started

    def log(self, name: str) -> Path:
        return self.data.log(name)

    def manage(self, *arguments: str) -> str:
        """What a management command prints."""
        command = [*services.MANAGE, *arguments]
        with self.log("manage").open("ab") as log:
            done = subprocess.run(
                command,
                env=self.environment,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                check=True,
                text=True,
            )
        return done.stdout

    def discard(self) -> None:
        self.receiver.__exit__()
        for process in reversed(self.running.values()):
            process.kill()
            process.wait()
        self._listener.close()
        home = self._cluster.home
        if home.is_relative_to("/var/lib/memplatform"):
            shutil.rmtree(home)

    # --- the model

    def renew_model(self, **settings: Any) -> None:
        """A model without faults and memory, but with these settings."""
        self.control(reset=True, dimension=DIMENSION, **settings)

    def control(self, **settings: Any) -> None:
        """Change settings of the model server."""
        httpx2.post(f"{self._model_url}/control", json=settings).raise_for_status()

    def stats(self) -> dict[str, Any]:
        """What the model was asked since it was reset."""
        return httpx2.get(f"{self._model_url}/control/stats").json()

    # --- the database, as its owner: nothing is hidden

    @property
    def owner_url(self) -> str:
        return self.environment["MIGRATION_DATABASE_URL"]

    def rows(self, query: str, *params: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.owner_url, row_factory=dict_row) as owner:
            return owner.execute(query, params).fetchall()

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.owner_url, autocommit=True) as owner:
            owner.execute(statement)

    # --- how it is made

    def _service(self, name: str, environment: Mapping[str, str]) -> Service:
        made = {
            "postgres": lambda: services.postgres_service(self._cluster),
            "valkey": lambda: self._broker,
            "web": lambda: services.web_service(self._listener, environment),
            "worker": lambda: services.worker_service(environment),
            "beat": lambda: services.beat_service(self.data, environment),
        }
        return made[name]()

    def _start_model(self) -> None:
        port = free_port()
        command = [sys.executable, "-m", "tests.model_server", "--port", str(port)]
        self.running["model"] = processes.spawn(
            [*command, "--dimension", str(DIMENSION)],
            environment=os.environ,
            directory=ROOT,
            log=self.log("model"),
            death_signal=signal.SIGKILL,
        )
        self._model_url = f"http://127.0.0.1:{port}"
        for name in ("LLM_BASE_URL", "EMBEDDING_BASE_URL"):
            self.environment[name] = f"{self._model_url}/v1"
        wait_for(self._is_model_up, "the model server")

    def _subscribe(self) -> None:
        """Let the demo's project tell our receiver of every new memory."""
        with Client(self) as client:
            project_id = client.http.get("/v1/ping/").json()["project_id"]
            hook = {"name": "told", "url": self.receiver.url}
            answer = client.http.post(
                f"/api/v1/webhooks/projects/{project_id}/",
                json={**hook, "event_types": ["memory_add"]},
            )
        assert answer.status_code == 201, answer.text
        self.webhook = answer.json()

    def _is_model_up(self) -> bool:
        try:
            return bool(self.stats())
        except httpx2.HTTPError:
            return False

    def _environment(self, broker_url: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in SETTINGS_OF_OTHERS}
        database = at_database(self._cluster.admin_url, DATABASE)
        app, owner = self.secrets["postgres_app"], self.secrets["postgres_owner"]
        return {
            **kept,
            **PACE,
            "DJANGO_SETTINGS_MODULE": "memplatform.settings",
            "MEMPLATFORM_DATA_DIR": str(self.data.path),
            "DATABASE_URL": as_role(database, APP_ROLE, app),
            "MIGRATION_DATABASE_URL": as_role(database, OWNER_ROLE, owner),
            "BROKER_URL": broker_url,
            "DB_PREPARED_STATEMENTS": "true",
            "SECRET_KEY": self.secrets["SECRET_KEY"],
            "ENCRYPTION_KEYS": self.secrets["ENCRYPTION_KEYS"],
            "LLM_API_KEY": MODEL_KEY,
            "ALLOW_PRIVATE_WEBHOOKS": "127.0.0.1",
            "EMBEDDING_MODEL": "stand-in",
            "EMBEDDING_DIMENSION": str(DIMENSION),
        }


@contextmanager
def running_platform() -> Iterator[Platform]:
    """A fresh platform; killed and removed afterwards."""
    # In the checkout: below pytest's own 0700 directories root would put the data
    # under /var/lib.
    directory = ROOT / ".memplatform-test" / f"platform {uuid4().hex[:8]}"
    directory.mkdir(parents=True)
    platform = Platform(directory)
    try:
        platform.start_everything()
        yield platform
    finally:
        platform.discard()
        shutil.rmtree(directory)


class Client:
    """What an agent does: adds, polls, searches, deletes; over HTTP, with a key."""

    def __init__(self, platform: Platform, key: str | None = None) -> None:
        headers = {"Authorization": f"Token {key or platform.demo['api_key']}"}
        limits = httpx2.Limits(max_connections=32, max_keepalive_connections=16)
        self.http = httpx2.Client(
            base_url=platform.url, headers=headers, timeout=30, limits=limits
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def add(self, user: str, text: str, *, retry_key: str = "", **options: Any) -> str:
        """The event's id. With a key, asks again until there is an answer."""
        body = {"messages": [{"role": "user", "content": text}], "user_id": user}
        headers = {"Idempotency-Key": retry_key} if retry_key else {}

        def ask() -> httpx2.Response | None:
            try:
                return self.http.post(
                    "/v3/memories/add/", json={**body, **options}, headers=headers
                )
            except httpx2.HTTPError:
                if not retry_key:
                    raise
                return None

        answer = wait_for(ask, "an answer")
        assert answer.status_code == 200, answer.text
        return answer.json()["event_id"]

    def add_all(self, facts: Sequence[tuple[str, str]], **options: Any) -> list[str]:
        """Adds of many users at once; those of one user in their order.

        The events' ids, in the order of ``facts``.
        """
        numbers: dict[str, list[int]] = {}
        for number, (user, _) in enumerate(facts):
            numbers.setdefault(user, []).append(number)

        def add(mine: list[int]) -> list[tuple[int, str]]:
            return [(number, self.add(*facts[number], **options)) for number in mine]

        with ThreadPoolExecutor(8) as pool:
            events = dict(
                pair for pairs in pool.map(add, numbers.values()) for pair in pairs
            )
        return [events[number] for number in range(len(facts))]

    def event(self, event_id: str) -> dict[str, Any]:
        return self._ask("GET", f"/v1/event/{event_id}/")

    def settled(self, event_id: str, within_s: float = 30) -> dict[str, Any]:
        """The event once it has ended."""

        def ended() -> dict[str, Any] | None:
            event = self.event(event_id)
            return event if event["status"] in SETTLED else None

        return wait_for(ended, f"the end of {event_id}", within_s)

    def search(self, user: str, query: str) -> list[dict[str, Any]]:
        body = {"query": query, "filters": {"user_id": user}}
        return self._ask("POST", "/v3/memories/search/", body)["results"]

    def list(self, user: str) -> list[dict[str, Any]]:
        return self._ask("POST", "/v3/memories/", {"filters": {"user_id": user}})[
            "results"
        ]

    def texts(self, user: str) -> list[str]:
        return [memory["memory"] for memory in self.list(user)]

    def delete(self, memory_id: str) -> None:
        self._ask("DELETE", f"/v1/memories/{memory_id}/")

    def delete_all(self, user: str) -> None:
        self._ask("DELETE", f"/v1/memories/?user_id={user}")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


def wait_settled(
    platform: Platform, event_ids: Sequence[str], within_s: float = 60
) -> None:
    """Until every operation has ended; asks the database, which costs the web nothing."""
    wait_for(
        lambda: count_in(platform, event_ids, *SETTLED) == len(event_ids),
        f"{len(event_ids)} operations to end",
        within_s,
    )


def count_in(platform: Platform, event_ids: Sequence[str], *statuses: str) -> int:
    query = (
        "SELECT count(*) AS n FROM memories_operation"
        " WHERE id = ANY(%s::uuid[]) AND status = ANY(%s)"
    )
    return platform.rows(query, list(event_ids), list(statuses))[0]["n"]


def seconds_of(call: Any, *args: Any) -> float:
    began = time.perf_counter()
    call(*args)
    return time.perf_counter() - began
