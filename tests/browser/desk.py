"""The demo's support desk in a browser: who sits at it, and what is in its database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from playwright.sync_api import Page

from tests.acceptance.installation import Installation

PROJECT = "Tea & Co. support"
CROWD = 10_000
_ADD_CROWD = """
INSERT INTO memories_subject (id, tenant_id, project_id, kind, external_id,
    memory_count, expiring_count, created_at, last_active_at, declared_at)
SELECT gen_random_uuid(), tenant_id, id, 'user', 'customer-' || n, 0, 0,
       %(at)s::timestamptz, %(at)s::timestamptz, %(at)s::timestamptz
  FROM tenants_project, generate_series(1, %(crowd)s) AS n WHERE name = %(project)s
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """A signed-in owner's page; ``base`` is the address of the demo's project."""

    page: Page
    demo: Installation
    base: str

    def open(self, path: str = "") -> Page:
        self.page.goto(self.base + path)
        return self.page

    def subject(self, name: str) -> str:
        """The path of a user's pages."""
        asked = "SELECT id FROM memories_subject WHERE kind = 'user' AND external_id=%s"
        return f"subjects/{one(self.demo, asked, name)}/"


def rows(demo: Installation, asked: str, *params: Any) -> list[tuple[Any, ...]]:
    """Read as the owner of the database, whom no policy hides anything from."""
    with psycopg.connect(demo.settings["MIGRATION_DATABASE_URL"]) as connection:
        return connection.execute(asked, params or None).fetchall()


def one(demo: Installation, asked: str, *params: Any) -> Any:
    found = rows(demo, asked, *params)
    assert found, asked
    return found[0][0]


def base_of(demo: Installation) -> str:
    asked = "SELECT id FROM tenants_project WHERE name = %s"
    return f"/console/demo/{one(demo, asked, PROJECT)}/"


def add_crowd(demo: Installation) -> None:
    """Ten thousand others, so that whoever is looked for has to be found."""
    with psycopg.connect(demo.settings["MIGRATION_DATABASE_URL"]) as connection:
        values = {"at": "2026-01-01", "crowd": CROWD, "project": PROJECT}
        connection.execute(_ADD_CROWD, values)


def where_it_stands(demo: Installation, word: str) -> list[str]:
    """The tables with a row in which a word stands, whatever the column."""
    tables = rows(
        demo,
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname = 'public'",
    )
    like = f"%{word}%"
    return [
        table
        for (table,) in tables
        if rows(demo, f"SELECT 1 FROM {table} t WHERE t::text ILIKE %s LIMIT 1", like)
    ]
