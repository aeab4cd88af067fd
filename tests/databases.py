"""One migrated template database per state of the migrations; copies for the workers.

The owner migrates, the copies are opened as ``app``: the role that serves in earnest.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import allauth
import django
import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from memplatform.embedded.bootstrap import OWNER_ROLE, at_database, bootstrap

ROOT = Path(__file__).resolve().parent.parent
KEPT_TABLES = ("django_migrations", "django_content_type", "auth_permission")
_LOCK = 0x6D656D70  # advisory, on the server's database `postgres`


@dataclass(frozen=True, slots=True)
class Server:
    """How to reach the test server as its three roles."""

    admin_url: str
    owner_url: str
    app_url: str

    def at(self, database: str) -> Server:
        urls = (self.admin_url, self.owner_url, self.app_url)
        return Server(*(at_database(url, database) for url in urls))


@contextmanager
def worker_database(server: Server, worker: str) -> Iterator[Server]:
    """A fresh copy of the migrated template, dropped afterwards."""
    name = f"test_{os.getpid()}_{worker}"
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        template = _migrated_template(server, admin)
        _drop_abandoned(admin)
        _copy(admin, template, name)
    try:
        yield server.at(name)
    finally:
        with psycopg.connect(server.admin_url, autocommit=True) as admin:
            _drop(admin, name)


def point_django_at(server: Server) -> None:
    """Let both aliases reach this server's database, each as its own role."""
    for alias, url in (("default", server.app_url), ("owner", server.owner_url)):
        parts = urlsplit(url)
        connections[alias].close()
        connections.settings[alias].update(
            NAME=unquote(parts.path.strip("/")),
            USER=unquote(parts.username or ""),
            PASSWORD=unquote(parts.password or ""),
            HOST=parts.hostname,
            PORT=str(parts.port),
        )


def empty_tables(server: Server) -> None:
    """Remove every row that a test has committed."""
    with psycopg.connect(server.owner_url, autocommit=True) as owner:
        owner.execute("SET lock_timeout = '10s'")
        tables = owner.execute(
            "SELECT tablename FROM pg_tables"
            " WHERE schemaname = 'public' AND tablename <> ALL(%s)",
            [list(KEPT_TABLES)],
        ).fetchall()
        filled = [name for (name,) in tables if _has_rows(owner, name)]
        if filled:
            names = sql.SQL(", ").join(map(sql.Identifier, filled))
            owner.execute(sql.SQL("TRUNCATE {} CASCADE").format(names))


def _has_rows(owner: psycopg.Connection, table: str) -> bool:
    query = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table))
    return owner.execute(query).fetchone() is not None


def _migrated_template(server: Server, admin: psycopg.Connection) -> str:
    name = f"template_{_migrations_hash()}"
    admin.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    try:
        known = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if known.fetchone() is None:
            _migrate(server, admin, name)
    finally:
        admin.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    return name


def _migrate(server: Server, admin: psycopg.Connection, template: str) -> None:
    """Under another name first, so that a failed migration leaves no template."""
    draft = f"draft_{template}"
    _drop(admin, draft)
    bootstrap(
        server.admin_url,
        owner_password=unquote(urlsplit(server.owner_url).password or ""),
        app_password=unquote(urlsplit(server.app_url).password or ""),
        database=draft,
    )
    point_django_at(server.at(draft))
    call_command("migrate", database="owner", verbosity=0)
    connections["owner"].close()
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    admin.execute(rename.format(sql.Identifier(draft), sql.Identifier(template)))


def _migrations_hash() -> str:
    digest = hashlib.sha256(f"{django.__version__} {allauth.__version__}".encode())
    files = [ROOT / "tenants/tables.py", ROOT / "memplatform/embedded/bootstrap.py"]
    for app in ("tenants", "memories"):
        files += sorted((ROOT / app / "migrations").rglob("*.py"))
        files += sorted((ROOT / app / "migrations").rglob("*.sql"))
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _copy(admin: psycopg.Connection, template: str, name: str) -> None:
    _drop(admin, name)
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
    names = map(sql.Identifier, (name, template, OWNER_ROLE))
    admin.execute(statement.format(*names))


def _drop(admin: psycopg.Connection, name: str) -> None:
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    admin.execute(statement.format(sql.Identifier(name)))


def _drop_abandoned(admin: psycopg.Connection) -> None:
    """Databases of test runs that were killed: their process is gone."""
    rows = admin.execute(
        "SELECT datname FROM pg_database WHERE datname ~ '^test_[0-9]+_'"
    ).fetchall()
    for (name,) in rows:
        if not Path(f"/proc/{name.split('_')[1]}").exists():
            _drop(admin, name)


def as_owner(statement: str, *values: object) -> None:
    """What a test does beside the application, at once and committed."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement, values)
