"""One prepared plan serves every tenant (docs/adr/0014), and each sees its own rows."""

from __future__ import annotations

import psycopg
import pytest
from django.db import DataError, OperationalError, connection

from tenants.scopes import read_rows, tenant_scope
from tenants.services import create_project
from tests.memories.agents import Agent

MINE = "SELECT text FROM memories_memory WHERE text <> %s"
LEFT = (
    "SELECT current_setting('app.tenant_id', true), current_setting('plan_cache_mode')"
)


@pytest.fixture
def prepared(prepared, committed_db):
    connection.ensure_connection()
    return committed_db


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


def test_a_statement_that_could_not_be_prepared_is_prepared_the_next_time(
    prepared, acme
):
    """Its table is locked for a moment, and whoever waits for that gives up."""
    Agent(acme).keep("Ann keeps bees.")
    impatient = {"lock_timeout": "50ms"}
    assert len(read_rows(acme.id, "SELECT %s", ["warm"], settings=impatient)) == 1
    with psycopg.connect(prepared.owner_url) as owner:
        owner.execute("LOCK TABLE memories_memory IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(OperationalError):
            read_rows(acme.id, MINE, [""], settings=impatient)
        owner.rollback()
    for _ in range(4):
        assert len(read_rows(acme.id, MINE, [""], settings=impatient)) == 1


def test_a_connection_that_has_lost_its_plans_makes_room_for_another(prepared, acme):
    Agent(acme).keep("Ann keeps bees.")
    read_rows(acme.id, MINE, [""])
    lost = connection.connection
    lost.execute("DEALLOCATE ALL")
    assert len(read_rows(acme.id, MINE, [""])) == 1
    assert lost.closed


def test_nobody_keeps_what_others_ask(prepared, acme):
    """psycopg counts statements by their texts, and those of Django hold values."""
    Agent(acme).keep("Ann keeps bees.")
    read_rows(acme.id, MINE, [""])
    kept = connection.connection._prepared
    assert "bees" not in str([*kept._counts, *kept._names])
