"""docker-compose.yml and Dockerfile, as far as they can be judged without an engine."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from memplatform.embedded.bootstrap import DATABASE, OWNER_ROLE
from tenants.tables import APP_ROLE
from tests.memplatform.test_settings_documented import DOCUMENTED, names_read

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
OURS = ("web", "worker", "beat", "migrate")
# What the images themselves read, not the platform.
OF_IMAGES = {
    "pgbouncer": {"DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD", "AUTH_TYPE"}
    | {"POOL_MODE", "DEFAULT_POOL_SIZE", "MAX_CLIENT_CONN"},
    "postgres": {"POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS"},
    "valkey": {"VALKEY_PASSWORD"},
}


def url(service: str, name: str):
    filled_in = re.sub(r"\$\{[^}]+\}", "word", SERVICES[service]["environment"][name])
    return urlsplit(filled_in)


def test_it_has_every_part():
    assert set(SERVICES) == {*OURS, "pgbouncer", "postgres", "valkey"}


@pytest.mark.parametrize("service", SERVICES)
def test_references_lead_somewhere(service):
    assert set(SERVICES[service].get("depends_on", {})) <= set(SERVICES)
    volumes = {v.split(":")[0] for v in SERVICES[service].get("volumes", [])}
    assert volumes <= set(COMPOSE["volumes"])


@pytest.mark.parametrize("service", SERVICES)
def test_every_variable_is_known(service):
    known = OF_IMAGES.get(service) or names_read()
    assert set(SERVICES[service]["environment"]) <= known


def test_every_interpolated_name_is_documented():
    documented = set(DOCUMENTED.findall((ROOT / ".env.example").read_text()))
    assert set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", TEXT)) <= documented


@pytest.mark.parametrize("service", OURS)
def test_queries_go_through_pgbouncer_as_app(service):
    database = url(service, "DATABASE_URL")
    assert (database.username, database.hostname) == (APP_ROLE, "pgbouncer")
    assert database.path == f"/{DATABASE}"


def test_only_who_migrates_or_builds_indexes_is_the_owner():
    owners = [s for s in OURS if "MIGRATION_DATABASE_URL" in SERVICES[s]["environment"]]
    assert owners == ["worker", "migrate"]
    for service in owners:
        owner = url(service, "MIGRATION_DATABASE_URL")
        assert (owner.username, owner.hostname) == (OWNER_ROLE, "postgres")


def test_only_the_migration_knows_the_superuser():
    assert [s for s in OURS if "ADMIN_DATABASE_URL" in SERVICES[s]["environment"]] == [
        "migrate"
    ]


def test_pgbouncer_pools_transactions():
    pool = SERVICES["pgbouncer"]["environment"]
    assert pool["POOL_MODE"] == "transaction"
    assert (pool["DB_HOST"], pool["DB_USER"]) == ("postgres", APP_ROLE)


def test_nothing_starts_before_the_migration():
    for service in ("web", "worker", "beat"):
        migration = SERVICES[service]["depends_on"]["migrate"]
        assert migration == {"condition": "service_completed_successfully"}


def test_one_service_migrates_once_as_the_owner():
    commands = {name: SERVICES[name].get("command", "") for name in SERVICES}
    assert [n for n, text in commands.items() if "manage.py migrate" in text] == [
        "migrate"
    ]
    assert "migrate --database owner" in commands["migrate"]
    assert SERVICES["migrate"]["restart"] == "no"


def test_who_waits_waits_for_health():
    """And whoever is waited for can tell: its own check, or the image's for web."""
    for name in ("postgres", "pgbouncer", "valkey"):
        assert SERVICES[name]["healthcheck"]["test"]
    assert "healthcheck" not in SERVICES["web"]
    for service in SERVICES.values():
        conditions = {d["condition"] for d in service.get("depends_on", {}).values()}
        assert conditions <= {"service_healthy", "service_completed_successfully"}


@pytest.mark.parametrize("service", OURS)
def test_our_containers_can_do_little(service):
    assert SERVICES[service]["read_only"]
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert "user" not in SERVICES[service]  # the image's, which is not root


def test_postgres_logs_no_memory_text():
    command = SERVICES["postgres"]["command"]
    assert "log_min_error_statement=panic" in command
    assert "log_error_verbosity=terse" in command


def test_the_image_is_not_root_and_is_watched():
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER (?!root|0)", dockerfile, re.MULTILINE)
    assert "HEALTHCHECK" in dockerfile
    for source in re.findall(r"^COPY (?!--from)(\S+) ", dockerfile, re.MULTILINE):
        assert (ROOT / source).exists()
