"""Deleting a subject: accepted at once, erased in the background, exactly once."""

from __future__ import annotations

from uuid import UUID

import pytest

from memories.models import Subject
from memories.models.ingestion import Operation
from memories.services.configuration import change_settings
from memories.services.run import run_operation
from memories.services.subjects import delete_subject, run_subject_delete
from memories.store.operations import LeaseLost
from memories.types import Verdict
from memplatform.lib.errors import InvalidRequest
from tenants.models import AuditEntry
from tests.memories.agents import Agent, adds, decides
from tests.memories.services.test_erasure import CANARY, NAME, traces_of


def delete(agent: Agent, kind: str = "user", name: str = NAME) -> UUID:
    return delete_subject(agent.access, kind, name)


def run(agent: Agent, operation_id: UUID) -> Operation:
    run_operation(agent.access.tenant_id, operation_id)
    return agent.operation(operation_id)


def test_nothing_tells_of_whom_it_was(agent):
    agent.keep(f"A {CANARY}.", user_id=NAME, agent_id="bot")
    operation = run(agent, delete(agent))
    assert operation.status == "SUCCEEDED"
    assert traces_of(agent, CANARY, NAME) == []
    with agent.scope():
        entry = AuditEntry.objects.get(action="erase_subject")
    assert entry.actor_id == agent.access.key_id
    assert entry.changes == operation.payload["erased"]


def test_two_at_once_both_end_well(frozen, agent):
    agent.keep(f"A {CANARY}.", user_id=NAME)
    first = delete(agent)
    frozen.advance(seconds=1)
    second = delete(agent)
    assert run(agent, second).payload["erased"]["memories"] == 1
    assert run(agent, first).status == "SUCCEEDED"
    assert traces_of(agent, CANARY, NAME) == []


def test_running_it_again_does_nothing(frozen, agent):
    agent.keep(f"A {CANARY}.", user_id=NAME)
    operation_id = delete(agent)
    run(agent, operation_id)
    frozen.advance(seconds=1)
    agent.keep("Hello again.", user_id=NAME)
    run(agent, operation_id)
    assert agent.texts({"user_id": NAME}) == ["Hello again."]


def test_who_was_taken_over_erases_nothing(agent):
    agent.keep(f"A {CANARY}.", user_id=NAME)
    operation_id = delete(agent)
    lease = agent.claim(operation_id)
    with agent.scope():
        Operation.objects.filter(id=operation_id).update(lease_token=lease.token + 1)
    with pytest.raises(LeaseLost):
        run_subject_delete(agent.operation(operation_id), lease)
    assert agent.texts({"user_id": NAME}) == [f"A {CANARY}."]


def test_a_later_add_does_not_write_into_what_is_doomed(frozen, agent):
    """Else its words would go with the memory that it changed."""
    agent.keep("Ann has a pet.", user_id=NAME)
    pet = agent.heads()[0]
    operation_id = delete(agent)
    frozen.advance(seconds=1)
    agent.decide(decides(Verdict.UPDATE, "Ann has a dog.", pet.id), user_id=NAME)
    run(agent, operation_id)
    assert agent.texts({"user_id": NAME}) == ["Ann has a dog."]


def test_an_add_from_before_it_never_arrives(frozen, agent):
    agent.accept("Hello.", user_id=NAME)
    waiting = agent.accept("I keep bees.", user_id=NAME, agent_id="bot")
    lease, plan = agent.claim(waiting), agent.plan(waiting, adds("Ann keeps bees."))
    frozen.advance(seconds=1)
    delete(agent)
    agent.apply(lease, plan)
    assert agent.texts({"user_id": NAME}) == []


def test_a_soft_one_leaves_what_can_be_restored(agent):
    with agent.scope():
        change_settings(agent.company.project, {"subject_deletion": "soft"})
    memory_id = agent.keep(f"A {CANARY}.", user_id=NAME)
    assert run(agent, delete(agent)).status == "SUCCEEDED"
    assert agent.texts({"user_id": NAME}) == []
    assert agent.events(memory_id) == ["ADD", "DELETE"]
    assert agent.versions(memory_id)[0].text == f"A {CANARY}."
    assert agent.count(Subject, memory_count=0) == 1


def test_there_are_two_ways_to_delete(agent):
    with agent.scope(), pytest.raises(InvalidRequest, match="erase, soft"):
        change_settings(agent.company.project, {"subject_deletion": "hide"})
