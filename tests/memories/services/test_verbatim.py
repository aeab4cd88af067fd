"""``infer=false``: word for word, without a model, readable when it answers."""

from __future__ import annotations

import pytest

from memories.services import add
from memories.services.deletion import delete_scope
from memories.types import ChatMessage
from tests.memories.agents import at_once, counters

TEA = "I like tea, and  two spaces."


def test_it_is_stored_word_for_word_and_readable_at_once(agent):
    answer = agent.say(TEA)
    (result,) = answer.results
    assert (answer.status, result.event, result.text) == ("SUCCEEDED", "ADD", TEA)
    assert agent.get(result.memory_id).text == TEA
    assert agent.found("What does she like?") == [TEA]
    assert agent.operation(answer.operation_id).results == [
        {"id": str(result.memory_id), "event": "ADD", "number": 1}
    ]


def test_no_model_is_asked(agent, models):
    agent.say(TEA, "I like jam.")
    asked = models.stats()
    assert (asked["chat"], asked["embeddings"]) == (0, 1)


def test_each_turn_is_a_memory_of_who_said_it(agent):
    agent.say(
        ChatMessage("user", "I like tea.", "Ann"), ChatMessage("assistant", "Noted.")
    )
    heads = [(h.text, h.attributed_to, h.speaker) for h in agent.heads()]
    assert heads == [("I like tea.", "user", "Ann"), ("Noted.", "agent", None)]
    assert {h.origin for h in agent.heads()} == {"verbatim"}


def test_the_ledger_says_what_was_not_stored(agent):
    answer = agent.say(
        ChatMessage("system", "Be terse."), TEA, ChatMessage("user", "  ")
    )
    entries = agent.ledger(answer.operation_id)["messages"]
    assert [(e["outcome"], e["reason"]) for e in entries] == [
        ("dropped", "system messages are not stored verbatim"),
        ("learned", ""),
        ("dropped", "empty"),
    ]


def test_the_same_words_again_are_confirmed_and_not_doubled(agent):
    agent.say(TEA)
    again = agent.say(TEA)
    assert again.results == ()
    assert agent.fates(again.operation_id) == [("confirmed", "")]
    assert agent.events() == ["ADD"]


def test_turns_are_listed_in_the_order_in_which_they_were_said(agent):
    turns = [f"Turn number {n}." for n in range(12)]
    agent.say(*turns)
    assert agent.texts() == turns


def test_words_of_another_scope_are_its_own(agent):
    agent.say(TEA)
    agent.say(TEA, user_id="ann", run_id="r1")
    agent.say(TEA, user_id="bea")
    assert len(agent.heads()) == 3


def test_eight_at_once_are_one_memory(committed_db, agent):
    agent.setup  # noqa: B018 - made once, before the race
    answers = at_once(*[lambda: agent.say(TEA)] * 8)
    fates = [agent.fates(answer.operation_id)[0][0] for answer in answers]
    assert sorted(fates) == ["confirmed"] * 7 + ["stored"]
    assert agent.events() == ["ADD"]
    assert counters(agent) == {("user", "ann"): (1, 0)}


def test_it_does_not_wait_for_inferred_adds(agent):
    waiting = agent.accept("I like jam.")
    assert agent.say(TEA).status == "SUCCEEDED"
    assert agent.operation(waiting).status == "PENDING"
    assert agent.run(waiting).status == "SUCCEEDED"


def test_a_procedure_is_stored_as_one(agent):
    agent.say("Step 1: boil.", user_id="ann", agent_id="bot", memory_type="procedure")
    assert [head.kind for head in agent.heads()] == ["procedure"]


# --- left to the worker ----------------------------------------------------------


def left_to_the_worker(agent, answer) -> list[str]:
    """What the worker makes of an add that could not be answered at once."""
    assert (answer.status, answer.results) == ("PENDING", None)
    assert agent.heads() == []
    assert agent.run(answer.operation_id).status == "SUCCEEDED"
    return agent.texts()


def test_too_many_texts_are_left_to_the_worker(agent, settings):
    settings.VERBATIM_MAX_TEXTS = 2
    texts = ["one", "two", "three"]
    assert left_to_the_worker(agent, agent.say(*texts)) == texts


def test_more_than_the_local_model_reads_in_time_is_left_too(agent, monkeypatch):
    monkeypatch.setattr(add, "LOCAL_CHARS_AT_ONCE", len(TEA) - 1)
    assert left_to_the_worker(agent, agent.say(TEA)) == [TEA]


def test_an_endpoint_has_a_deadline_of_its_own(agent, models, monkeypatch):
    monkeypatch.setattr(add, "LOCAL_CHARS_AT_ONCE", len(TEA) - 1)
    assert agent.say(TEA).status == "SUCCEEDED"


@pytest.mark.parametrize("fault", ["unauthorized", "rate_limit"])
def test_an_embedder_that_fails_loses_nothing(agent, models, fault):
    models.order(fault, path="embeddings", retry_after_s=60)
    assert left_to_the_worker(agent, agent.say(TEA)) == [TEA]


def test_a_scope_deleted_meanwhile_bars_it_there_too(agent, settings):
    settings.VERBATIM_MAX_TEXTS = 0
    answer = agent.say(TEA)
    delete_scope(agent.access, {"user_id": "ann"})
    agent.run(answer.operation_id)
    assert agent.fates(answer.operation_id) == [("dropped", "deleted before applied")]


def test_the_worker_does_not_let_it_wait_for_inferred_adds(agent, settings):
    settings.VERBATIM_MAX_TEXTS = 0
    waiting = agent.accept("I like jam.")
    answer = agent.say(TEA)
    assert left_to_the_worker(agent, answer) == [TEA]
    assert agent.operation(waiting).status == "PENDING"
