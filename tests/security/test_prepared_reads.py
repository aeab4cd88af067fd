"""One prepared plan serves every tenant (docs/adr/0014), and each sees its own rows."""

from __future__ import annotations

import pytest
from django.db import DataError, connection

from tenants.scopes import read_rows, tenant_scope
from tenants.services import create_project
from tests.memories.agents import Agent

MINE = "SELECT text FROM memories_memory WHERE text <> %s"
LEFT = (
    "SELECT current_setting('app.tenant_id', true), current_setting('plan_cache_mode')"
)


@pytest.fixture
def prepared(committed_db, settings):
    """This thread's connection may prepare statements from the first time on."""
    settings.DB_PREPARED_STATEMENTS = True
    connection.ensure_connection()
    connection.connection.prepare_threshold = 0


def kept_plans() -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
            " WHERE statement LIKE %s",
            ["%memories_memory%"],
        )
        return cursor.fetchall()


def test_one_plan_serves_both_tenants_and_each_sees_its_own(prepared, acme, globex):
    for cast in (acme, globex):
        Agent(cast).keep(f"Ann works at {cast.tenant.slug}.")
    for _ in range(3):
        for cast in (acme, globex):
            assert read_rows(cast.id, MINE, ["nothing"]) == [
                (f"Ann works at {cast.tenant.slug}.",)
            ]
    assert kept_plans() == [(6, 0)]


def test_the_announcement_and_its_settings_end_with_the_read(prepared, acme):
    Agent(acme).keep("Ann keeps bees.")
    assert len(read_rows(acme.id, MINE, [""], settings={"work_mem": "1MB"})) == 1
    with connection.cursor() as cursor:
        cursor.execute(LEFT)
        assert cursor.fetchone() in [("", "auto"), (None, "auto")]
        cursor.execute(MINE, [""])
        assert cursor.fetchall() == []


def test_a_project_is_a_wall_in_it_as_well(prepared, acme):
    agent = Agent(acme)
    agent.keep("Ann keeps bees.")
    with tenant_scope(acme.id):
        other = create_project("other")
    assert read_rows(acme.id, MINE, [""], project_id=other.id) == []
    assert len(read_rows(acme.id, MINE, [""], project_id=agent.access.project_id)) == 1


def test_what_fails_is_told_as_ever_and_breaks_nothing(prepared, acme):
    Agent(acme).keep("Ann keeps bees.")
    with pytest.raises(DataError):
        read_rows(acme.id, "SELECT 1 / %s::int", [0])
    assert len(read_rows(acme.id, MINE, [""])) == 1
