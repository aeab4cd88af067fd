"""The only opener of a tenant's data: a transaction that names the tenant.

The tenant is announced per transaction (``set_config(…, true)``), never per session, so
that it stays right behind PgBouncer in transaction mode. Row-level security reads it.
Never hold a scope open across a model, embedder or webhook call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings as platform
from django.db import connection, transaction
from psycopg import errors

from memplatform.lib.errors import ScopeError

_ANNOUNCE = (
    "SELECT set_config('app.tenant_id', %s, true),"
    " set_config('app.project_id', %s, true),"
    " set_config('app.operator_id', %s, true)"
)

_NO_SETTINGS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class OpenScope:
    """What the current transaction may see; None is wider, never wildcard."""

    tenant_id: UUID | None = None
    project_id: UUID | None = None
    operator_id: UUID | None = None

    def values(self) -> list[str]:
        """The parameters of the announcement."""
        ids = (self.tenant_id, self.project_id, self.operator_id)
        return [str(value or "") for value in ids]

    def announce(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_ANNOUNCE, self.values())


_NOTHING = OpenScope()
_open: ContextVar[OpenScope | None] = ContextVar("open_scope", default=None)


@contextmanager
def tenant_scope(
    tenant_id: UUID, *, project_id: UUID | None = None
) -> Iterator[OpenScope]:
    """Open a transaction in which exactly this tenant's rows exist.

    With ``project_id`` (every API key request) only that project's rows exist. The
    outermost scope is durable: its commit is real. A nested one is a savepoint and
    gives the outer scope back on exit.
    """
    with _opened(OpenScope(tenant_id=tenant_id, project_id=project_id)) as scope:
        yield scope


def read_rows(
    tenant_id: UUID,
    statement: str,
    params: Sequence[Any],
    *,
    project_id: UUID | None = None,
    settings: Mapping[str, str] = _NO_SETTINGS,
) -> list[tuple[Any, ...]]:
    """The rows of one SELECT in a scope of its own, in one round trip instead of four.

    Announced and asked at once, which PostgreSQL runs as one transaction: the
    announcement ends with it, behind PgBouncer too, as do ``settings``, which are
    PostgreSQL's own. Inside an open transaction it is a nested scope like any other,
    but for ``settings``, which last as long as that.

    Where the platform may prepare statements (ADR 0014), PostgreSQL binds ``params``
    itself, and outside a transaction one plan serves all of them: what a plan hangs on
    stands in the statement.
    """
    if connection.in_atomic_block:
        with tenant_scope(tenant_id, project_id=project_id):
            return _read_nested(statement, params, settings)
    scope = OpenScope(tenant_id, project_id)
    if platform.DB_PREPARED_STATEMENTS:
        announce, chosen = _announcement(scope, {**settings, **_ONE_PLAN})
        return _read_prepared(announce, chosen, statement, params)
    announce, chosen = _announcement(scope, settings)
    with connection.cursor() as cursor:
        cursor.execute(f"{announce};\n{statement}", [*chosen, *params])
        cursor.nextset()
        return list(cursor.fetchall())


def _read_nested(
    statement: str, params: Sequence[Any], settings: Mapping[str, str]
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        for setting in settings.items():
            cursor.execute("SELECT set_config(%s, %s, true)", setting)
        if not platform.DB_PREPARED_STATEMENTS:
            cursor.execute(statement, params)
            return list(cursor.fetchall())
    server = connection.connection
    with connection.wrap_database_errors, psycopg.RawCursor(server) as own:
        return own.execute(_numbered(statement), params).fetchall()


_ONE_PLAN = {"plan_cache_mode": "force_generic_plan"}


def _announcement(
    scope: OpenScope, settings: Mapping[str, str]
) -> tuple[str, list[str]]:
    announce = _ANNOUNCE + ", set_config(%s, %s, true)" * len(settings)
    chosen = [part for setting in settings.items() for part in setting]
    return announce, [*scope.values(), *chosen]


def _read_prepared(
    announce: str, chosen: Sequence[str], statement: str, params: Sequence[Any]
) -> list[tuple[Any, ...]]:
    """The rows; with a new connection where the old one has lost its plans (26000), or
    holds them of tables as they were (0A000)."""
    with connection.wrap_database_errors:
        try:
            return _pipeline(announce, chosen, statement, params)
        except (errors.InvalidSqlStatementName, errors.FeatureNotSupported):
            connection.connection.close()
            connection.close()
            return _pipeline(announce, chosen, statement, params)


def _pipeline(
    announce: str, chosen: Sequence[str], statement: str, params: Sequence[Any]
) -> list[tuple[Any, ...]]:
    """Both as one transaction, which is waited for once.

    Django's own cursors write values into the text of a statement, which PostgreSQL
    then has to read and plan each time.
    """
    connection.ensure_connection()
    server = connection.connection
    cursor = psycopg.RawCursor(server)
    # For these two alone: psycopg would keep the texts of all others, values and all.
    server.prepare_threshold = 0
    try:
        with server.pipeline():
            psycopg.RawCursor(server).execute(_numbered(announce), chosen)
            cursor.execute(_numbered(statement), params)
        return cursor.fetchall()
    finally:
        server.prepare_threshold = None


@lru_cache(maxsize=256)
def _numbered(statement: str) -> str:
    """With PostgreSQL's own places: psycopg reads a long statement anew each time."""
    first, *rest = statement.replace("%%", "%").split("%s")
    return first + "".join(f"${n}{piece}" for n, piece in enumerate(rest, start=1))


@contextmanager
def operator_scope(operator_id: UUID) -> Iterator[OpenScope]:
    """Open a transaction that sees one operator's memberships, in every tenant."""
    with _opened(OpenScope(operator_id=operator_id)) as scope:
        yield scope


@contextmanager
def _opened(scope: OpenScope) -> Iterator[OpenScope]:
    outer = _open.get()
    nested = connection.in_atomic_block
    with transaction.atomic(durable=outer is None):
        scope.announce()
        token = _open.set(scope)
        try:
            yield scope
        finally:
            _open.reset(token)
        # SET LOCAL outlives RELEASE SAVEPOINT (ran on PostgreSQL 18), so a nested
        # scope gives the setting back itself; a rollback does it by itself.
        if nested:
            (outer or _NOTHING).announce()


def open_scope() -> OpenScope | None:
    """The scope open in this context, if any."""
    return _open.get()


def require_tenant() -> OpenScope:
    """The open tenant scope; raises ScopeError outside one."""
    scope = _open.get()
    if scope is None or scope.tenant_id is None:
        raise ScopeError
    return scope


def current_tenant_id() -> UUID:
    """The tenant of the open scope; the default of every ``tenant`` column."""
    tenant_id = require_tenant().tenant_id
    if tenant_id is None:
        raise ScopeError
    return tenant_id


def forbid_open_scope() -> None:
    """Raise ScopeError inside a scope: nothing slow may run in a transaction."""
    if _open.get() is not None:
        raise ScopeError("A model or network call was made inside a transaction.")
