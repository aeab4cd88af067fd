"""Reads of operations: newest first, by kind and state, with their texts."""

from __future__ import annotations

from uuid import uuid4

import pytest

from memories.selectors.operations import (
    OperationFilter,
    get_operation,
    list_failed,
    list_operations,
)
from memplatform.lib.errors import NotFound


def page(agent, *, page=1, page_size=10, **wanted):
    with agent.scope():
        return list_operations(
            OperationFilter(**wanted), page=page, page_size=page_size
        )


def test_the_newest_come_first_in_pages(agent):
    ids = [agent.say(f"Fact {n}.").operation_id for n in range(3)]
    first, second = page(agent, page_size=2), page(agent, page=2, page_size=2)
    found = [view.id for view in (*first.items, *second.items)]
    assert found == list(reversed(ids))
    assert (first.count, first.has_next, second.has_next) == (3, True, False)


def test_they_can_be_asked_for_by_kind_and_state(agent):
    kept = agent.say("Fact.").operation_id
    waiting = agent.accept("I keep bees.")
    agent.search("bees")
    assert [view.id for view in page(agent, status="PENDING").items] == [waiting]
    assert [view.id for view in page(agent, kind="ADD").items] == [waiting, kept]
    assert [view.kind for view in page(agent, kind="SEARCH").items] == ["SEARCH"]
    assert page(agent, kind="EXPORT").count == 0


def test_messages_and_effects_are_told_with_their_texts(agent):
    operation_id = agent.learn("I keep bees.").id
    with agent.scope():
        view = get_operation(operation_id)
    assert view.payload["messages"] == [{"role": "user", "content": "I keep bees."}]
    assert [(r.event, r.text) for r in view.results] == [("ADD", "User keeps bees")]
    assert view.ledger["totals"]["facts"] == {"stored": 1}


def test_an_effect_tells_what_the_memory_said_then(agent):
    answer = agent.say("Ann keeps bees.")
    agent.edit(answer.results[0].memory_id, text="Ann keeps wasps.")
    with agent.scope():
        (result,) = get_operation(answer.operation_id).results
    assert result.text == "Ann keeps bees."


def test_what_failed_is_listed_oldest_first(agent, models):
    models.order("refusal", times=2)
    failed = [agent.learn(f"I keep {pet}.").id for pet in ("bees", "wasps")]
    agent.learn("I live in Oslo.")
    with agent.scope():
        assert list_failed() == failed


def test_anothers_operation_is_not_there(agent, other):
    theirs = other.accept("I keep bees.")
    for operation_id in (theirs, uuid4()):
        with agent.scope(), pytest.raises(NotFound):
            get_operation(operation_id)
    assert page(agent).count == 0
