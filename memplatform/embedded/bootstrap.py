"""The roles, the database and the extension, on any PostgreSQL 16 or newer.

Run by someone who may create roles (a superuser, or a managed service's admin), as
often as you like. Migrations create none of this: a role belongs to the server, not to
the schema (decision 2).
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tenants.tables import APP_ROLE, DIRECTORY_ROLE

OWNER_ROLE = "memplatform_owner"
DATABASE = "memplatform"
_ATTRIBUTES = {
    # Owner of every table: FORCE would show it no row, and data migrations would do
    # nothing, hence BYPASSRLS.
    OWNER_ROLE: "LOGIN BYPASSRLS NOSUPERUSER NOCREATEROLE",
    APP_ROLE: "LOGIN NOBYPASSRLS NOSUPERUSER NOCREATEROLE NOCREATEDB",
    # Owns the few functions that tell sweeps which tenants have work due.
    DIRECTORY_ROLE: "NOLOGIN BYPASSRLS NOSUPERUSER NOCREATEROLE NOCREATEDB",
}


def bootstrap(
    admin_url: str,
    *,
    owner_password: str,
    app_password: str,
    database: str = DATABASE,
) -> None:
    """Make roles, database and extension what they should be; idempotent."""
    passwords = {OWNER_ROLE: owner_password, APP_ROLE: app_password}
    with psycopg.connect(admin_url, autocommit=True) as server:
        _create_roles(server, passwords)
    _create_extension(at_database(admin_url, "template1"), is_required=False)
    with psycopg.connect(admin_url, autocommit=True) as server:
        _create_database(server, database)
    _create_extension(at_database(admin_url, database), is_required=True)
    with psycopg.connect(at_database(admin_url, database), autocommit=True) as db:
        _grant(db, database)


def at_database(url: str, database: str) -> str:
    """The same server and role, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(database)}"))


def as_role(url: str, role: str, password: str) -> str:
    """The same server and database, another role."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    login = f"{quote(role, safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{place}"))


def _create_roles(
    server: psycopg.Connection[tuple[object, ...]], passwords: dict[str, str]
) -> None:
    # An admin that is no superuser needs to be a member of what it creates.
    server.execute("SET createrole_self_grant = 'set, inherit'")
    for role, attributes in _ATTRIBUTES.items():
        verb = "ALTER" if _exists(server, "pg_roles", "rolname", role) else "CREATE"
        statement = f"{verb} ROLE {{role}} {attributes}"
        server.execute(sql.SQL(statement).format(role=sql.Identifier(role)))
        _set(server, role, "timezone", "UTC")
    for role, password in passwords.items():
        _set_password(server, role, password)
    server.execute(f"GRANT {DIRECTORY_ROLE} TO {OWNER_ROLE}")


def _set(
    server: psycopg.Connection[tuple[object, ...]], role: str, name: str, value: str
) -> None:
    server.execute(
        sql.SQL("ALTER ROLE {} SET {} = {}").format(
            sql.Identifier(role), sql.Identifier(name), sql.Literal(value)
        )
    )


def _set_password(
    server: psycopg.Connection[tuple[object, ...]], role: str, password: str
) -> None:
    # Hashed here, so that no statement and no server log ever holds the password.
    digest = server.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    )
    server.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(
            sql.Identifier(role), sql.Literal(digest.decode())
        )
    )


def _create_database(
    server: psycopg.Connection[tuple[object, ...]], database: str
) -> None:
    if _exists(server, "pg_database", "datname", database):
        return
    server.execute(
        sql.SQL("CREATE DATABASE {} OWNER {}").format(
            sql.Identifier(database), sql.Identifier(OWNER_ROLE)
        )
    )


def _create_extension(url: str, *, is_required: bool) -> None:
    """In ``template1`` it serves test databases only, so a refusal is no failure."""
    try:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("CREATE EXTENSION IF NOT EXISTS vector")
            db.execute("ALTER EXTENSION vector UPDATE")
    except psycopg.errors.InsufficientPrivilege:
        if is_required:
            raise


def _grant(db: psycopg.Connection[tuple[object, ...]], database: str) -> None:
    name = sql.Identifier(database)
    for statement in (
        "REVOKE ALL ON DATABASE {} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {{}} TO {APP_ROLE}",
        f"GRANT ALL ON DATABASE {{}} TO {OWNER_ROLE}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}",
        f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER_ROLE}, {DIRECTORY_ROLE}",
    ):
        db.execute(sql.SQL(statement).format(name))


def _exists(
    server: psycopg.Connection[tuple[object, ...]], catalog: str, column: str, name: str
) -> bool:
    query = sql.SQL("SELECT 1 FROM {} WHERE {} = %s").format(
        sql.Identifier(catalog), sql.Identifier(column)
    )
    return server.execute(query, [name]).fetchone() is not None
