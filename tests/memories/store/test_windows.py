"""What messages say and mean is kept beside them, and goes with them (ADR 0500)."""

from __future__ import annotations

import pytest

from memories.models import (
    EmbeddingSpace,
    MemorySource,
    Message,
    MessageVector,
    Operation,
)
from memories.services.deletion import erase_subject
from memories.services.run import run_operation
from memories.store.retention import empty_messages
from memories.store.spaces import start_filling
from memories.types import Actor, ChatMessage, Verdict
from memplatform.lib import clock
from tests.memories.agents import ANN, Agent, adds, decides

pytestmark = pytest.mark.django_db


def heard(agent: Agent) -> list[tuple[str, int]]:
    """What was said and is in a window, with its session, in order."""
    with agent.scope():
        rows = MessageVector.objects.order_by("position")
        said = dict(Message.objects.values_list("id", "content"))
        return [(said[row.message_id], row.session) for row in rows]


def sources(agent: Agent, memory_id) -> list[str]:
    with agent.scope():
        rows = MemorySource.objects.filter(memory_id=memory_id)
        ids = list(rows.values_list("message_id", flat=True))
        said = Message.objects.filter(id__in=ids).order_by("position")
        return list(said.values_list("content", flat=True))


def test_what_is_said_word_for_word_is_heard_at_once(agent):
    memory_id = agent.keep("I keep bees.")
    assert [text for text, _ in heard(agent)] == ["I keep bees."]
    assert sources(agent, memory_id) == ["I keep bees."]


def test_an_engine_leaves_every_message_behind_it(agent):
    """The vector that recall asked with is kept: nothing is embedded again."""
    agent.learn("I keep bees.", ChatMessage("assistant", "How many hives?"))
    assert [text for text, _ in heard(agent)] == ["I keep bees.", "How many hives?"]


def test_tools_and_systems_stand_in_no_window(agent):
    agent.learn(
        ChatMessage("system", "Be kind."), "I keep bees.", ChatMessage("tool", "42")
    )
    assert [text for text, _ in heard(agent)] == ["I keep bees."]


def test_a_run_is_a_session_of_its_own(agent):
    agent.say("One.", user_id="ann", run_id="a")
    agent.say("Two.", user_id="ann", run_id="a")
    agent.say("Three.", user_id="ann", run_id="b")
    (_, one), (_, two), (_, three) = heard(agent)
    assert one == two != three


def test_a_memory_comes_from_every_message_that_changed_its_words(agent):
    memory_id = agent.keep("I keep bees.")
    later = agent.accept("Ten hives by now.")
    update = decides(Verdict.UPDATE, "I keep bees in ten hives.", memory_id)
    agent.decide(update, on=later)
    assert sources(agent, memory_id) == ["I keep bees.", "Ten hives by now."]


def test_a_message_of_two_memories_is_the_source_of_both(agent):
    on = agent.accept("I keep bees in Porto.")
    operation = agent.decide(adds("Ann keeps bees."), adds("Ann is in Porto."), on=on)
    for result in operation.results:
        assert sources(agent, result["id"]) == ["I keep bees in Porto."]


def test_an_emptied_message_is_heard_no_more(agent, frozen):
    agent.keep("I keep bees.")
    with agent.scope():
        assert empty_messages(clock.now().replace(year=2100)) == 1
    assert heard(agent) == []


def test_an_erased_subject_is_heard_no_more(agent):
    agent.keep("I keep bees.")
    agent.keep("I sing.", user_id="bob")
    with agent.scope():
        project_id = agent.access.project_id
        erase_subject(project_id, "user", ANN["user_id"], Actor("system", None))
    assert [text for text, _ in heard(agent)] == ["I sing."]


def test_what_was_said_before_windows_were_is_filled_in(agent):
    agent.keep("I keep bees.")
    agent.learn("I sing in a choir.")
    before = heard(agent)
    with agent.scope():
        MessageVector.objects.all().delete()
        space = EmbeddingSpace.objects.get(state="active")
        operation_id = start_filling(space)
    run_operation(agent.access.tenant_id, operation_id)
    assert agent.operation(operation_id).status == Operation.Status.SUCCEEDED
    assert heard(agent) == before


def test_what_waits_or_failed_is_not_filled_in(agent):
    agent.keep("I keep bees.")
    agent.accept("I have yet to be decided.")
    with agent.scope():
        MessageVector.objects.all().delete()
        operation_id = start_filling(EmbeddingSpace.objects.get(state="active"))
    run_operation(agent.access.tenant_id, operation_id)
    assert [text for text, _ in heard(agent)] == ["I keep bees."]


# --- what a search makes of it --------------------------------------------------------


def test_an_answer_is_found_by_the_question_before_it(agent):
    """ "Lisbon." says nothing by itself: the words asked for are next to it."""
    for text in ("I planted tulips.", "My car broke down.", "I read a long novel."):
        agent.say(text, user_id="ann", run_id=text)
    question = ChatMessage("user", "Which city did you travel to for the holidays?")
    agent.say(question, ChatMessage("user", "Lisbon."), user_id="ann", run_id="trip")
    hits = agent.search("Which city was the holiday trip to?", threshold=0.0)
    (answer,) = [hit for hit in hits if hit.memory.text == "Lisbon."]
    assert hits.index(answer) == 1
    assert answer.signals["window_bm25"] > answer.signals["bm25"] == 0.0


def test_a_window_ends_with_its_session(agent):
    agent.say("Which city did you travel to?", user_id="ann", run_id="one")
    agent.say("Lisbon.", user_id="ann", run_id="two")
    hits = agent.search("Which city did she travel to?", threshold=0.0)
    (answer,) = [hit for hit in hits if hit.memory.text == "Lisbon."]
    assert answer.signals["window_bm25"] == 0.0


def test_an_inferred_fact_has_the_window_of_its_message(agent):
    agent.say("I planted tulips.", user_id="ann", run_id="other")
    asked = ChatMessage("assistant", "Where did you spend your summer holidays?")
    agent.learn(asked, "I was in Lisbon with my sister.", run_id="trip", user_id="ann")
    hits = agent.search("summer holidays", threshold=0.0)
    (fact,) = [hit for hit in hits if "Lisbon" in hit.memory.text]
    assert fact.signals["window_bm25"] > fact.signals["bm25"] == 0.0
