"""A real PostgreSQL, the cast, and the few things every test may ask for.

``db``            a transaction that is rolled back (pytest-django), as role ``app``
``committed_db``  real commits and threads; every row is removed afterwards
``acme, globex``  tenants with a project and keys; ``alice, bob, carol`` their operators
``api``           ``api(acme.key).post("/v3/…/", {…})``
``frozen``        a clock that stands still until it is told to advance
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import hypothesis
import pytest
from django.db import connections
from rest_framework.test import APIClient

from memplatform.lib import clock
from tenants import counters, services, usage
from tenants.models import ApiKey, Operator, Project, Role, Tenant
from tenants.scopes import tenant_scope
from tests.acceptance import complaints
from tests.databases import Server, empty_tables, point_django_at, worker_database
from tests.services import start_postgres, start_valkey

PASSWORD = "correct horse battery"

# How long an example takes is no property of ours: on a busy machine it is any time.
hypothesis.settings.register_profile(
    "unhurried",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("unhurried")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A test of whole processes fails with what those wrote to their logs."""
    report = yield
    if report.failed:
        report.sections += complaints.of_test(getattr(item, "funcargs", {}))
    return report


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--live-llm", action="store_true", help="Call LLM_BASE_URL.")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if not config.getoption("--live-llm"):
        live = [item for item in items if item.get_closest_marker("live_llm")]
        config.hook.pytest_deselected(items=live)
        items[:] = [item for item in items if item not in live]


@pytest.fixture
def prepared(settings) -> None:
    """Searches as `make run` has them: PostgreSQL binds their values, plans are kept.

    Django's listeners hear nothing of them.
    """
    settings.DB_PREPARED_STATEMENTS = True


# --- PostgreSQL and Valkey --------------------------------------------------


@pytest.fixture(scope="session")
def postgres() -> Server:
    """The test server; its database ``memplatform`` is empty and nobody's."""
    return Server(*start_postgres())


@pytest.fixture(scope="session")
def django_db_setup(
    postgres: Server, request: pytest.FixtureRequest, django_db_blocker
) -> Iterator[Server]:
    """This worker's database, under both aliases; ``owner`` for those who ask."""
    workerinput = getattr(request.config, "workerinput", {"workerid": "main"})
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            copy = worker_database(postgres, workerinput["workerid"])
            server = stack.enter_context(copy)
            point_django_at(server)
        yield server
        with django_db_blocker.unblock():
            connections.close_all()


@pytest.fixture
def committed_db(django_db_setup: Server, django_db_blocker) -> Iterator[Server]:
    """The database without a test transaction; threads must close what they open."""
    with django_db_blocker.unblock():
        yield django_db_setup
        with usage._buffer.writing:  # or its thread would write when it no more may
            usage._buffer.take()
        connections.close_all()
        empty_tables(django_db_setup)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> None:
    """``committed_db`` where the test asks for it, else ``db``."""
    is_committed = "committed_db" in request.fixturenames
    request.getfixturevalue("committed_db" if is_committed else "db")


@pytest.fixture
def valkey(settings, monkeypatch) -> str:
    """A real Valkey behind ``settings.BROKER_URL``, and nobody who thinks it is away."""
    settings.BROKER_URL = start_valkey()
    monkeypatch.setattr(counters, "shared", counters.SharedCounters())
    return settings.BROKER_URL


@pytest.fixture(autouse=True)
def _nothing_counted(monkeypatch) -> Iterator[None]:
    """Usage that one test counted is not written in the middle of another: its thread
    sleeps, as a test that wants it written says so."""
    monkeypatch.setattr(usage, "WRITE_EVERY_S", 3600)
    usage._buffer.take()
    yield
    usage._buffer.take()


# --- The cast ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Company:
    """A tenant with what tests need of it; the keys are plain text."""

    tenant: Tenant
    project: Project
    owner: Operator
    key: str
    read_key: str

    @property
    def id(self):
        return self.tenant.id


@pytest.fixture
def alice(database: None) -> Operator:
    """Owner of acme."""
    return services.create_operator("alice@acme.example", PASSWORD, name="Alice")


@pytest.fixture
def bob(acme: Company) -> Operator:
    """Viewer of acme."""
    bob = services.create_operator("bob@acme.example", PASSWORD, name="Bob")
    with tenant_scope(acme.id):
        services.add_member(bob, Role.VIEWER)
    return bob


@pytest.fixture
def carol(database: None) -> Operator:
    """Owner of globex."""
    return services.create_operator("carol@globex.example", PASSWORD, name="Carol")


@pytest.fixture
def acme(alice: Operator) -> Company:
    return _found("acme", alice)


@pytest.fixture
def globex(carol: Operator) -> Company:
    return _found("globex", carol)


def _found(slug: str, owner: Operator) -> Company:
    tenant = services.create_tenant(slug, slug.title())
    with tenant_scope(tenant.id):
        services.add_member(owner, Role.OWNER)
        project = services.create_project(f"{slug} project")
        key = services.issue_api_key(project, owner)
        read_key = services.issue_api_key(project, owner, access=ApiKey.Access.READ)
    return Company(tenant, project, owner, key.text, read_key.text)


Api = Callable[..., APIClient]


@pytest.fixture
def api() -> Api:
    """``api(key)`` is a JSON client with that key, ``api()`` one without."""

    def client(key: str | None = None, **extra: str) -> APIClient:
        client = APIClient()
        authorization = {} if key is None else {"HTTP_AUTHORIZATION": f"Token {key}"}
        client.credentials(**authorization, **extra)
        return client

    return client


# --- Time -------------------------------------------------------------------


class FrozenClock:
    """Stands still; threads keep the real time."""

    def __init__(self, stack: ExitStack, instant: datetime) -> None:
        self._stack = stack
        self.move_to(instant)

    def move_to(self, instant: datetime) -> None:
        self.instant = instant
        self._stack.enter_context(clock.frozen(instant))

    def advance(self, **duration: float) -> None:
        """``advance(minutes=5)``."""
        self.move_to(self.instant + timedelta(**duration))


@pytest.fixture
def frozen() -> Iterator[FrozenClock]:
    """Sunday, 1 March 2026, 09:30 UTC."""
    with ExitStack() as stack:
        yield FrozenClock(stack, datetime(2026, 3, 1, 9, 30, tzinfo=UTC))
