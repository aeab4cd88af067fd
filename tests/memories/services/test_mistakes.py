"""What nobody foresaw ends an add visibly and at once, and holds nothing up."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import OperationalError, connections

from memories.models import LlmCall
from memories.pipeline.run import LeaseKeeper
from memories.services.again import retry_operation
from memories.services.configuration import change_settings
from memories.store.operations import LeaseLost
from memplatform.lib import clock
from tests.memories.agents import at_once
from tests.memories.services.conftest import use_engine

LISBON = "I live in Lisbon."
CANARY = "a canary that nobody may read"


def spoil(agent, operation_id) -> None:
    """Something is stored that the code cannot read."""
    options = f'{{"created_at": "{CANARY}"}}'
    agent.sql(
        "UPDATE memories_ingestion SET options = %s WHERE operation_id = %s",
        options,
        operation_id,
    )


# --- mistakes of ours -------------------------------------------------------------------


def test_a_mistake_fails_the_add_at_once_and_frees_its_anchor(agent, models):
    operation_id, following = agent.accept(LISBON), agent.accept("I like tea.")
    spoil(agent, operation_id)
    failed = agent.run(operation_id)
    assert (failed.status, failed.error_code) == ("FAILED", "internal_error")
    assert failed.error.startswith("ValueError: ")
    assert agent.ledger(operation_id)["messages"][0]["outcome"] == "failed"
    assert agent.run(following).status == "SUCCEEDED"


def test_a_mistake_is_logged_where_it_happened_without_what_it_said(agent, caplog):
    operation_id = agent.accept(LISBON)
    spoil(agent, operation_id)
    failed = agent.run(operation_id)
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.operation == str(operation_id)
    assert (line.exception, "in read_add" in line.traceback) == ("ValueError", True)
    told = "".join(str(vars(record)) for record in caplog.records)
    assert CANARY not in told + failed.error
    assert LISBON not in told


def test_a_mistake_can_be_tried_again_once_it_is_mended(agent, models):
    operation_id = agent.accept(LISBON)
    spoil(agent, operation_id)
    agent.run(operation_id)
    agent.sql("UPDATE memories_ingestion SET options = '{}'")
    retry_operation(agent.access, operation_id)
    assert agent.run(operation_id).status == "SUCCEEDED"
    assert agent.texts() == ["User lives in Lisbon."]


def test_a_fault_of_the_database_is_no_verdict(committed_db, agent, models, settings):
    """The lease is cut short, and another attempt has the effect, once."""
    agent.setup  # noqa: B018 - made before the connections end
    operation_id = agent.accept(LISBON)
    models.configure(hold="chat")
    run, _ = at_once(
        lambda: agent.run(operation_id), lambda: _end_connections(committed_db, models)
    )
    connections.close_all()
    assert isinstance(run, OperationalError)
    left = agent.operation(operation_id)
    assert (left.status, left.error) == ("RUNNING", None)
    assert left.lease_until < clock.now() + timedelta(seconds=settings.RETRY_BASE_S)
    with clock.frozen(left.lease_until + timedelta(seconds=1)):
        assert agent.run(operation_id).status == "SUCCEEDED"
    assert agent.events() == ["ADD"]


def _end_connections(server, models) -> None:
    """While the model is asked, PostgreSQL ends every connection of the application."""
    deadline = time.monotonic() + 30
    while not models.stats()["chat"]:
        assert time.monotonic() < deadline, "the model was never asked"
    with psycopg.connect(server.admin_url) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    models.configure(hold="")


# --- the ends of the calendar ------------------------------------------------------------


@pytest.mark.parametrize("year", [1, 9999])
@pytest.mark.parametrize("timezone", ["America/New_York", "Asia/Tokyo"])
def test_instants_at_the_ends_of_the_calendar_harm_no_add(
    agent, engine, year, timezone
):
    edge = datetime(year, 1, 1, tzinfo=UTC) if year == 1 else datetime.max
    edge = edge.replace(tzinfo=UTC)
    agent.keep("User lives in Lisbon with Rex.", created_at=edge)
    operation = agent.learn(LISBON, timezone=timezone, reference=edge)
    assert operation.status == "SUCCEEDED"


# --- the lease ---------------------------------------------------------------------------


def test_who_was_taken_over_asks_no_more(
    committed_db, agent, models, while_asked, settings
):
    """Two runners of one add would each pay for the rest of its calls."""
    use_engine(agent, "two_phase")
    operation_id = agent.accept(LISBON)
    with while_asked(operation_id):
        with clock.frozen(clock.now() + timedelta(hours=1)):
            agent.claim(operation_id)
        settings.LEASE_S = 10_000  # what is left of the first lease is old by this
    assert models.stats()["chat"] == 1
    assert agent.heads() == []


def test_an_add_keeps_its_lease_from_call_to_call(agent, settings, frozen):
    operation_id = agent.accept()
    lease = agent.claim(operation_id)
    keep = LeaseKeeper(agent.setup, lease, agent.operation(operation_id).lease_until)
    for _ in range(4):
        frozen.advance(seconds=50)
        keep()
    still_mine = agent.operation(operation_id)
    assert still_mine.lease_token == lease.token
    whole = timedelta(seconds=settings.LEASE_S)
    assert still_mine.lease_until == frozen.instant + whole
    frozen.advance(hours=1)
    agent.claim(operation_id)
    with pytest.raises(LeaseLost):
        keep()


# --- what a project keeps, and looks at ---------------------------------------------------


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_project_may_keep_no_texts_of_its_model(agent, models, is_kept):
    with agent.scope():
        change_settings(agent.company.project, {"keep_model_texts": is_kept})
    operation = agent.learn(LISBON)
    with agent.scope():
        call = LlmCall.objects.get(operation_id=operation.id)
    assert call.prompt_tokens > 0
    assert (bool(call.request), bool(call.reply)) == (is_kept, is_kept)
    assert agent.texts() == ["User lives in Lisbon."]


def test_a_project_may_show_more_than_thirty_memories(agent, models):
    with agent.scope():
        change_settings(agent.company.project, {"recalled_memories": 50})
    for n in range(40):
        agent.keep(f"User plants tree number {n}.")
    operation = agent.learn("I like to plant a tree.")
    with agent.scope():
        call = LlmCall.objects.get(operation_id=operation.id)
    shown = call.request[1]["content"].partition("# MEMORIES")[2]
    assert shown.count("User plants tree number") == 40
