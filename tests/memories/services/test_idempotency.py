"""The same Idempotency-Key: the same answer, one effect, for 24 hours."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DataError

from memories.models import IdempotencyRecord, Operation
from memories.services.background import keep_house
from memories.services.idempotency import KEPT
from memplatform.lib.errors import Conflict
from tenants.services import admit_key, issue_api_key
from tests.memories.agents import Agent, at_once

KEYED = {"idempotency_key": "k-1", "body_hash": "body"}


def test_the_same_key_gives_the_same_event(agent):
    first = agent.add("I like tea.", **KEYED)
    assert agent.add("I like tea.", **KEYED) == first
    assert agent.count(Operation) == 1


def test_the_stored_answer_is_given_again_though_the_add_has_run(agent):
    """What was answered then: PENDING. How it stands now, the event says."""
    first = agent.add("I like tea.", **KEYED)
    agent.run(first.operation_id)
    again = agent.add("I like tea.", **KEYED)
    assert (again.operation_id, again.status) == (first.operation_id, "PENDING")
    assert again.results is None


def test_a_verbatim_answer_comes_with_its_results(agent):
    first = agent.say("I like tea.", **KEYED)
    again = agent.say("I like tea.", **KEYED)
    assert [r.memory_id for r in again.results] == [r.memory_id for r in first.results]
    assert [r.text for r in again.results] == ["I like tea."]
    assert len(agent.heads()) == 1


def test_a_repeated_answer_does_not_bring_deleted_words_into_the_record(agent):
    """Answers are kept by reference: the record holds no text to be erased."""
    agent.say("I like tea.", **KEYED)
    with agent.scope():
        (record,) = IdempotencyRecord.objects.all()
    assert "tea" not in str(record.answer)


def test_the_same_key_with_another_body_is_refused(agent):
    agent.add("I like tea.", **KEYED)
    with pytest.raises(Conflict):
        agent.add("I like jam.", **KEYED | {"body_hash": "another"})
    assert agent.count(Operation) == 1


def test_another_key_is_another_add(agent):
    agent.add("I like tea.", **KEYED)
    agent.add("I like tea.", **KEYED | {"idempotency_key": "k-2"})
    agent.add("I like tea.")
    assert agent.count(Operation) == 3


def test_api_keys_do_not_share_their_idempotency_keys(agent, other, acme):
    with agent.scope():
        second = issue_api_key(acme.project, acme.owner).text
    adds = [agent.add("I like tea.", **KEYED), other.add("I like tea.", **KEYED)]
    adds.append(_with_key(agent, second).add("I like tea.", **KEYED))
    assert len({answer.operation_id for answer in adds}) == 3


def _with_key(agent: Agent, key: str) -> Agent:
    class Holder(Agent):
        @property
        def access(self):
            return admit_key(key)

    return Holder(agent.company)


@pytest.mark.parametrize("verb", [Agent.add, Agent.say], ids=["inferred", "verbatim"])
def test_racing_requests_with_one_key_are_one_add(committed_db, agent, verb):
    agent.setup  # noqa: B018 - made once, before the race
    answers = at_once(*[lambda: verb(agent, "I like tea.", **KEYED)] * 6)
    assert len({answer.operation_id for answer in answers}) == 1
    assert agent.count(Operation) == 1


def test_racing_requests_with_different_bodies_are_one_add_and_a_refusal(
    committed_db, agent
):
    agent.setup  # noqa: B018 - made once, before the race
    answers = at_once(
        lambda: agent.add("I like tea.", **KEYED),
        lambda: agent.add("I like jam.", **KEYED | {"body_hash": "another"}),
    )
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert len(refused) == 1
    assert agent.count(Operation) == 1


def test_a_request_that_fails_leaves_its_key_free(agent):
    with pytest.raises(DataError):
        agent.add("I like\0tea.", **KEYED)
    assert agent.add("I like tea.", **KEYED | {"body_hash": "mended"})
    assert agent.count(IdempotencyRecord) == 1


# --- for 24 hours -------------------------------------------------------------


def test_it_is_remembered_for_a_day(agent, frozen):
    first = agent.add("I like tea.", **KEYED)
    frozen.move_to(frozen.instant + KEPT)
    assert agent.add("I like tea.", **KEYED) == first


def test_after_a_day_the_key_is_new_whatever_the_body(agent, frozen):
    first = agent.add("I like tea.", **KEYED)
    frozen.move_to(frozen.instant + KEPT + timedelta(seconds=1))
    fresh = KEYED | {"body_hash": "another"}
    second = agent.add("I like jam.", **fresh)
    assert second.operation_id != first.operation_id
    assert agent.add("I like jam.", **fresh) == second


def test_old_records_are_forgotten_by_the_housekeeping(agent, frozen):
    agent.add("I like tea.", **KEYED)
    keep_house()
    assert agent.count(IdempotencyRecord) == 1
    frozen.move_to(frozen.instant + KEPT + timedelta(seconds=1))
    keep_house()
    assert agent.count(IdempotencyRecord) == 0
