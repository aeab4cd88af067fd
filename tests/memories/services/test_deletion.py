"""Deletes of a scope: gone for good, whatever is in flight; what comes later stays."""

from __future__ import annotations

import psycopg
import pytest
from django.db import OperationalError

from memories.models import DeleteBarrier, MemoryEvent
from memories.services import deletion
from memories.services.deletion import delete_scope
from memories.store.operations import LeaseLost, claim
from memories.types import Verdict
from memplatform.lib.errors import InvalidRequest
from tests.memories.agents import ANN, adds, at_once, decides


def delete_all(agent, **pattern):
    return delete_scope(agent.access, pattern or ANN)


# pattern → what is left of (ann's tea, ann's tea in run r1, bea's tea, bot's tea)
LEFT = [
    ({"user_id": "ann"}, ["bea", "bot"]),
    ({"user_id": "ann", "run_id": "r1"}, ["ann", "bea", "bot"]),
    ({"user_id": "*"}, ["bot"]),
    ({"agent_id": "bot"}, ["ann", "ann r1", "bea"]),
    # ``*`` is any value, not none
    ({"run_id": "*"}, ["ann", "bea", "bot"]),
    ({"app_id": "*"}, ["ann", "ann r1", "bea", "bot"]),
]


@pytest.mark.parametrize(("pattern", "left"), LEFT)
def test_a_pattern_deletes_what_it_covers(agent, pattern, left):
    agent.keep("ann")
    agent.keep("ann r1", user_id="ann", run_id="r1")
    agent.keep("bea", user_id="bea")
    agent.keep("bot", agent_id="bot")
    operation = agent.run(delete_all(agent, **pattern))
    assert operation.status == "SUCCEEDED"
    everybody = {"OR": [{"user_id": "*"}, {"agent_id": "*"}]}
    assert sorted(agent.texts(everybody)) == sorted(left)


@pytest.mark.parametrize("pattern", [{}, {"name": "ann"}])
def test_a_delete_names_a_subject(agent, pattern):
    with pytest.raises(InvalidRequest):
        delete_scope(agent.access, pattern)


def test_deleted_memories_keep_their_versions_and_say_who(agent):
    tea = agent.keep("Ann likes tea.")
    operation = agent.run(delete_all(agent))
    assert [v.text for v in agent.versions(tea)] == ["Ann likes tea."] * 2
    last = agent.history(tea)[-1]
    assert (last.kind, last.operation_id) == ("DELETE", operation.id)
    assert last.actor_id == agent.access.key_id
    assert operation.results == [{"id": str(tea), "event": "DELETE", "number": 2}]


def test_running_a_delete_again_changes_nothing(agent):
    tea = agent.keep("Ann likes tea.")
    operation_id = delete_all(agent)
    first = agent.run(operation_id)
    assert agent.run(operation_id).completed_at == first.completed_at
    assert agent.events(tea) == ["ADD", "DELETE"]


def test_it_works_in_chunks_and_keeps_its_lease(agent, monkeypatch, frozen):
    monkeypatch.setattr(deletion, "CHUNK", 1)
    for text in ("one", "two", "three"):
        agent.keep(text)
    operation = agent.run(delete_all(agent))
    assert len(operation.results) == 3
    assert agent.texts() == []


def test_another_runner_takes_a_delete_over(agent):
    agent.keep("one")
    operation_id = delete_all(agent)
    with agent.scope():
        operation = claim(operation_id, lease_s=60)
    stale = deletion.Lease(operation_id, operation.lease_token - 1)
    with pytest.raises(LeaseLost):
        deletion.run_scope_delete(operation, stale)
    assert agent.texts() == ["one"]


def test_the_results_tell_what_every_attempt_deleted(agent):
    one, two = agent.keep("one"), agent.keep("two", user_id="ann", run_id="r1")
    operation_id = delete_all(agent)
    lease = agent.claim(operation_id)
    operation = agent.operation(operation_id)
    anchor = agent.head(one).anchor_id
    deletion._delete_chunk(operation, lease, ANN, anchor)  # and its worker dies
    deletion.run_scope_delete(operation, lease)
    results = agent.operation(operation_id).results
    assert {result["id"] for result in results} == {str(one), str(two)}


# --- what is in flight --------------------------------------------------------


def test_an_add_accepted_before_and_applied_after_is_dropped(agent):
    operation_id = agent.accept()
    agent.run(delete_all(agent))
    agent.decide(adds("Ann likes tea."), on=operation_id)
    assert agent.texts() == []
    assert agent.fates(operation_id) == [("dropped", "deleted before applied")]
    assert agent.operation(operation_id).status == "SUCCEEDED"


def test_an_add_accepted_before_is_dropped_though_the_delete_has_not_run(agent):
    operation_id = agent.accept()
    delete_all(agent)
    agent.decide(adds("Ann likes tea."), on=operation_id)
    assert agent.fates(operation_id) == [("dropped", "deleted before applied")]


def test_a_retraction_is_dropped_as_well(agent):
    tea = agent.keep("Ann likes tea.")
    operation_id = agent.accept()
    agent.run(delete_all(agent))
    agent.decide(decides(Verdict.DELETE, None, tea, evidence="no tea"), on=operation_id)
    assert agent.events(tea) == ["ADD", "DELETE"]


def test_another_scope_is_not_barred(agent):
    operation_id = agent.accept(user_id="bea")
    agent.run(delete_all(agent))
    agent.decide(adds("Bea likes tea."), on=operation_id)
    assert agent.texts({"user_id": "bea"}) == ["Bea likes tea."]


def test_what_is_accepted_after_the_delete_stays(agent):
    delete = delete_all(agent)
    tea = agent.keep("Ann likes tea.")
    agent.run(delete)
    assert agent.texts() == ["Ann likes tea."]
    assert agent.events(tea) == ["ADD"]


def test_the_same_words_said_before_a_pending_delete_has_run_stay(agent):
    old = agent.keep("Ann likes tea.")
    delete = delete_all(agent)
    new = agent.keep("Ann likes tea.")
    agent.run(delete)
    assert new != old
    assert agent.texts() == ["Ann likes tea."]
    assert agent.events(old) == ["ADD", "DELETE"]


# verdict on a memory that a pending delete will come to → the newer fact stays
@pytest.mark.parametrize("verdict", [v for v in Verdict if v != Verdict.ADD])
def test_a_newer_fact_does_not_die_with_a_doomed_memory(agent, verdict):
    old = agent.keep("Ann likes tea.")
    delete = delete_all(agent)
    operation_id = agent.accept()
    plan = agent.plan(operation_id, decides(verdict, "Ann likes green tea.", old))
    agent.apply(agent.claim(operation_id), plan, accept_stale=False)
    assert agent.run(delete).status == "SUCCEEDED"
    assert agent.texts() == ["Ann likes green tea."]
    assert agent.events(old) == ["ADD", "DELETE"]
    with agent.scope():
        assert (
            MemoryEvent.objects.get(memory_id=old, kind="DELETE").operation_id == delete
        )


def test_a_delete_waits_for_what_is_being_written(committed_db, agent):
    """Else it might miss the memory, and the memory its barrier."""
    agent.keep("Ann likes tea.")
    with psycopg.connect(committed_db.admin_url) as writer, agent.scope():
        writer.execute(
            "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))",
            [str(agent.company.project.id)],
        )
        agent.sql("SELECT set_config('lock_timeout', '50ms', true)")
        with pytest.raises(OperationalError, match="lock timeout"):
            delete_all(agent)


def test_what_is_being_written_holds_deletes_back(committed_db, agent):
    operation_id = agent.accept()
    plan = agent.plan(operation_id, adds("Ann likes tea."))
    lease = agent.claim(operation_id)
    with psycopg.connect(committed_db.admin_url) as rival, agent.scope():
        agent.apply(lease, plan)
        (is_free,) = rival.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))",
            [str(agent.company.project.id)],
        ).fetchone()
    assert not is_free


def test_verbatim_adds_and_a_delete_at_once_leave_only_what_is_newer(
    committed_db, agent
):
    agent.keep("before all")
    for turn in range(5):
        said = [lambda t=turn, i=i: agent.say(f"{t} {i}") for i in range(3)]
        *_, delete = at_once(*said, lambda: delete_all(agent))
        agent.run(delete)
        with agent.scope():
            barrier = DeleteBarrier.objects.get(operation_id=delete)
        left = [h for h in agent.heads() if h.state == "active"]
        assert all(head.accepted_at > barrier.accepted_at for head in left)
        agent.run(delete_all(agent))
