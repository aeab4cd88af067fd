"""``make run``: everything that the platform consists of, started and kept running."""

from __future__ import annotations

import json
import logging
import os
import socket
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from memplatform import env
from memplatform.embedded import services
from memplatform.embedded.banner import banner
from memplatform.embedded.bootstrap import (
    DATABASE,
    OWNER_ROLE,
    as_role,
    at_database,
    bootstrap,
)
from memplatform.embedded.data_directory import (
    DEMO,
    RUN,
    AlreadyRunning,
    DataDirectory,
    DataUnusable,
)
from memplatform.embedded.environment import Environment, read_environment
from memplatform.embedded.placement import place
from memplatform.embedded.ports import NoFreePort, listen
from memplatform.embedded.postgres import ClusterUnusable
from memplatform.embedded.privileges import NoAccount
from memplatform.embedded.supervisor import GaveUp, StopRequested, Supervisor
from memplatform.health import configured_models
from memplatform.lib.logs import JsonFormatter
from tenants.tables import APP_ROLE

DEFAULT_PORT = 8000
WANTED, TOLD = "wanted", "told"
"""Whether the demo's history is still to come."""
EXPECTED = (
    *(AlreadyRunning, DataUnusable, ClusterUnusable, NoAccount, NoFreePort, GaveUp),
    PermissionError,
)
logger = logging.getLogger("memplatform.embedded")


class Command(BaseCommand):
    help = "Start PostgreSQL, Valkey, web, worker and beat, and keep them running."
    requires_system_checks = []

    def handle(self, *args: object, **options: object) -> None:
        data = DataDirectory(env.data_dir().resolve())
        try:
            data.make()
            with data.locked():
                _log_to(data)
                Start(data).run()
        except StopRequested:
            self.stdout.write("Stopped.")
        except EXPECTED as error:
            raise CommandError(str(error)) from error


class Start:
    """One start of everything, told in order by :meth:`run`."""

    def __init__(self, data: DataDirectory) -> None:
        self.data = data
        self.secrets = data.secrets()
        self.environment: Environment = read_environment(data)
        self.supervisor = Supervisor(data, on_restart=self._publish)
        self.url = ""
        self.demo: dict[str, Any] = {}

    def run(self) -> None:
        self.data.remove(RUN)
        self.supervisor.handle_signals()
        self.supervisor.end_leftovers()
        try:
            with self._listen() as listener:
                self._generate_secrets()
                self._show_evaluations()
                self._start_postgres()
                self._start_valkey()
                self.environment.save(self.data)
                self._migrate()
                self._seed()
                self._start_work()
                self._start_web(listener)
                self._publish()
                self._greet()
                self._tell_demo()
                self.supervisor.watch()
        finally:
            self.data.remove(RUN)
            self.supervisor.stop()

    def _listen(self) -> socket.socket:
        host = env.envstr("HOST", "127.0.0.1")
        wanted = env.envint("PORT", DEFAULT_PORT, minimum=1)
        listener = listen(host, wanted)
        port = listener.getsockname()[1]
        if port != wanted:
            logger.warning("port %s is taken: using %s", wanted, port)
        address = services.reachable(host)
        self.url = f"http://{f'[{address}]' if ':' in address else address}:{port}"
        self.environment.generate(PUBLIC_URL=self.url)
        return listener

    def _generate_secrets(self) -> None:
        for name in ("SECRET_KEY", "ENCRYPTION_KEYS"):
            self.environment.generate(**{name: self.secrets[name]})

    def _show_evaluations(self) -> None:
        """Those of this checkout; beside a given database only where asked for."""
        if not self.environment.is_given("DATABASE_URL"):
            runs = env.BASE_DIR / ".memplatform-evaluation"
            self.environment.generate(EVALUATION_RUNS=str(runs))

    def _start_postgres(self) -> None:
        if self.environment.is_given("DATABASE_URL"):
            return
        where = place(self.data.path)
        for note in where.notes:
            logger.warning("%s", note)
        passwords = {
            OWNER_ROLE: self.secrets["postgres_owner"],
            APP_ROLE: self.secrets["postgres_app"],
        }
        cluster = services.postgres_cluster(
            self.data, where, self.secrets["postgres_admin"]
        )
        self.supervisor.start(services.postgres_service(cluster))
        bootstrap(
            cluster.admin_url,
            owner_password=passwords[OWNER_ROLE],
            app_password=passwords[APP_ROLE],
        )
        url = at_database(cluster.admin_url, DATABASE)
        self.environment.generate(
            DATABASE_URL=as_role(url, APP_ROLE, passwords[APP_ROLE]),
            MIGRATION_DATABASE_URL=as_role(url, OWNER_ROLE, passwords[OWNER_ROLE]),
            DB_PREPARED_STATEMENTS="true",  # nobody stands between
        )

    def _start_valkey(self) -> None:
        if self.environment.is_given("BROKER_URL"):
            return
        service, url = services.valkey_service(self.data, self.secrets["valkey"])
        self.supervisor.start(service)
        self.environment.generate(BROKER_URL=url)

    def _migrate(self) -> None:
        self._manage("migrate", "--database", "owner", "--no-input")

    def _seed(self) -> None:
        """A demo to try, once; its credentials are shown at every start."""
        if self.environment.is_given("DATABASE_URL"):
            return
        demo = self.data.read(DEMO)
        if demo is None:
            demo = json.loads(self._manage("seed_first_start"))
            if demo and env.envbool("SEED_DEMO", default=True):
                demo["history"] = WANTED
            self.data.write(DEMO, demo)
        self.demo = demo

    def _tell_demo(self) -> None:
        """The demo's months of history, while all is served already.

        Who interrupts it finds it begun anew by the next start. Without it everything
        works: nothing stops for it.
        """
        if self.demo.get("history") != WANTED:
            return
        try:
            self._manage("seed_demo", "--background")
        except GaveUp as error:
            logger.warning("the demo has no history: %s", error)
            return
        self.demo["history"] = TOLD
        self.data.write(DEMO, self.demo)

    def _start_work(self) -> None:
        environment = self.environment.as_mapping()
        self.supervisor.start(services.worker_service(environment))
        self.supervisor.start(services.beat_service(self.data, environment))

    def _start_web(self, listener: socket.socket) -> None:
        environment = self.environment.as_mapping()
        self.supervisor.start(services.web_service(listener, environment))

    def _manage(self, name: str, *arguments: str) -> str:
        # A start checks nothing that a release has not: that takes a second of two.
        return self.supervisor.run(
            name,
            [*services.MANAGE, name, "--skip-checks", *arguments],
            environment=self.environment.as_mapping(),
        )

    def _publish(self) -> None:
        """run.json appears when all is up, and follows every restart."""
        pids = {"supervisor": os.getpid(), **self.supervisor.pids}
        if "web" in pids or (self.data.path / RUN).exists():
            self.data.write(RUN, self._facts() | {"pids": pids})

    def _facts(self) -> dict[str, Any]:
        names = ("api_key", "api_key_2", "email", "password")
        return {"url": self.url} | {name: self.demo.get(name) for name in names}

    def _greet(self) -> None:
        is_to_come = self.demo.get("history") == WANTED
        facts = self._facts() | {"history_is_to_come": is_to_come}
        print(banner(facts, configured_models()), flush=True)  # noqa: T201


def _log_to(data: DataDirectory) -> None:
    """Plain lines for whoever watches, JSON lines in the supervisor's log."""
    data.rotate_log("supervisor")
    shown = logging.StreamHandler()
    shown.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    kept = logging.FileHandler(data.log("supervisor"))
    kept.setFormatter(JsonFormatter())
    logger.handlers = [shown, kept]
    logger.propagate = False
    logger.setLevel(logging.INFO)
