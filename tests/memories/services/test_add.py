"""An accepted add: on disk before the answer, and a worker is woken for it."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from memories import wake
from memories.models import Ingestion, Message, Operation
from memories.types import AddAnswer
from memplatform.lib.errors import NotAuthenticated
from tests.memories.services.conftest import use_engine


def test_it_answers_at_once_and_asks_no_model(agent, models):
    answer = agent.add("I like tea.")
    assert (answer.status, answer.results) == ("PENDING", None)
    assert models.stats()["chat"] == models.stats()["embeddings"] == 0
    assert agent.heads() == []


ON_DISK = """
SELECT o.status, m.content FROM memories_operation o
JOIN memories_ingestion i ON i.operation_id = o.id
JOIN memories_message m ON m.ingestion_id = i.id WHERE o.id = %s
"""


def test_it_is_on_disk_before_the_answer(committed_db, agent):
    """Another session sees it, though no broker and no worker is there."""
    answer = agent.add("I like tea.")
    with psycopg.connect(committed_db.admin_url) as anybody:
        found = anybody.execute(ON_DISK, [answer.operation_id]).fetchall()
    assert found == [("PENDING", "I like tea.")]


def test_a_broker_that_is_down_does_not_fail_it(committed_db, agent, caplog):
    assert isinstance(agent.add("I like tea."), AddAnswer)
    assert "wake-up lost" in caplog.text
    assert agent.count(Operation, status="PENDING") == 1


def test_a_worker_is_woken_by_ids_only(agent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        answer = agent.add("I like tea.")
    (call,) = callbacks
    assert call.args == (wake.RUN_OPERATION, agent.company.id, answer.operation_id)


def test_nothing_is_said_of_what_was_said(committed_db, agent, caplog):
    caplog.set_level("DEBUG")
    agent.add("I like quince jelly.")
    assert "quince" not in caplog.text


def test_the_engine_is_the_one_of_the_moment_it_was_accepted(agent, models):
    use_engine(agent, "two_phase")
    operation_id = agent.accept("I like tea.")
    with agent.scope():
        assert Ingestion.objects.get(operation_id=operation_id).engine == "two_phase"
    agent.run(operation_id)
    assert agent.ledger(operation_id)["engine"] == "two_phase"


def test_overrides_of_this_call_outweigh_the_project(agent, models):
    models.configure(keep_bodies=True)
    agent.learn("I like tea.", instructions="Speak of beverages only.")
    agent.learn("I like jam.")
    first, second = [b for b in models.stats()["bodies"] if "messages" in b]
    assert "beverages" in str(first)
    assert "beverages" not in str(second)


def test_a_stored_fact_carries_what_the_request_gave_it(agent):
    agent.learn("I like tea.", metadata={"from": "chat"}, is_immutable=True, app_id="x")
    (head,) = agent.heads()
    assert (head.metadata, head.is_immutable, head.app_id) == (
        {"from": "chat"},
        True,
        "x",
    )
    assert head.origin == "inferred"


def test_a_procedure_is_remembered_as_one(agent, engine):
    operation = agent.learn(
        "Open the tap.", "Fill the kettle.", agent_id="bot", memory_type="procedure"
    )
    assert operation.status == "SUCCEEDED"
    assert {head.kind for head in agent.heads()} <= {"procedure"}


def test_words_in_any_language_are_kept_as_they_were_said(agent):
    said = "Ich mag grünen Tee 🍵 — 東京に住んでいます。"
    agent.accept(said)
    with agent.scope():
        assert Message.objects.get().content == said


def test_who_has_no_key_adds_nothing(agent, acme):
    with pytest.raises(NotAuthenticated):
        type(agent)(_stranger(acme)).add("I like tea.")
    assert agent.count(Operation) == 0


def _stranger(company):
    return replace(company, key=company.key.swapcase())


def test_tenants_do_not_share_an_anchor(agent, other):
    agent.learn("I live in Lisbon.")
    other.learn("I live in Berlin.")
    assert len(agent.texts()) == len(other.texts()) == 1
    assert agent.texts() != other.texts()
