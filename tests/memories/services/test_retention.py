"""Texts are kept as long as a project says, in chunks; their rows stay."""

from __future__ import annotations

import pytest

from memories.models import LlmCall, Message, Operation
from memories.selectors.operations import list_failed
from memories.services.again import retry_operation
from memories.services.background import empty_what_is_over
from memories.services.configuration import change_settings
from memories.store import operations, retention
from memories.types import ModelCall
from memplatform.lib.errors import InvalidRequest
from tests.memories.agents import adds

CALL = ModelCall(
    "single_pass", "m", "openai", "ok", prompt_tokens=7, reply="Ann sings.",
    request=({"role": "user", "content": "I sing."},),
)  # fmt: skip


def keep_for(agent, **days) -> None:
    with agent.scope():
        change_settings(agent.company.project, days)


def kept(agent) -> tuple[list, list, list]:
    """Messages, replies and queries, oldest first."""
    with agent.scope():
        searches = Operation.objects.filter(kind="SEARCH")
        return (
            list(
                Message.objects.order_by("created_at").values_list("content", flat=True)
            ),
            list(
                LlmCall.objects.order_by("created_at").values_list("reply", flat=True)
            ),
            [o.payload.get("query") for o in searches.order_by("created_at")],
        )


def live(agent) -> None:
    """A message, a model's call and a search."""
    agent.decide(adds("Ann sings."), calls=(CALL,), user_id="ann")
    agent.search("sings?", threshold=0)


def test_texts_are_emptied_when_their_days_are_over(agent, frozen):
    keep_for(agent, message_days=10, model_text_days=10, search_days=10)
    live(agent)
    frozen.advance(days=9)
    live(agent)
    assert empty_what_is_over() == 0
    frozen.advance(days=2)
    assert (empty_what_is_over(), empty_what_is_over()) == (3, 0)
    assert kept(agent) == ([None, "Hello."], [None, "Ann sings."], [None, "sings?"])


def test_what_came_of_them_stays(agent, frozen):
    keep_for(agent, message_days=1)
    live(agent)
    frozen.advance(days=100)
    empty_what_is_over()
    assert agent.texts() == ["Ann sings."]
    (entry,) = agent.history(agent.heads()[0].id)
    assert [message.content for message in entry.messages] == [""]
    with agent.scope():
        assert LlmCall.objects.get().prompt_tokens == 7
        assert len(Operation.objects.get(kind="SEARCH").results) == 1


def test_unless_said_otherwise_messages_are_kept_for_ever(agent, frozen):
    live(agent)
    frozen.advance(days=29)
    assert empty_what_is_over() == 0
    frozen.advance(days=70)
    empty_what_is_over()
    assert kept(agent) == (["Hello."], [None], [None])


def test_each_project_keeps_what_it_wants(agent, other, frozen):
    keep_for(agent, message_days=1)
    for who in (agent, other):
        live(who)
    frozen.advance(days=2)
    assert empty_what_is_over() == 1
    assert (kept(agent)[0], kept(other)[0]) == ([None], ["Hello."])


def test_many_are_emptied_chunk_by_chunk(agent, frozen, monkeypatch):
    monkeypatch.setattr(retention, "CHUNK", 2)
    keep_for(agent, message_days=1)
    agent.accept("one", "two", "three", "four", "five")
    agent.decide(on=agent.accept("six", user_id="bea"))
    frozen.advance(days=2)
    assert empty_what_is_over() == 1  # five have yet to be read
    agent.decide(on=list_pending(agent))
    assert empty_what_is_over() == 5
    assert kept(agent)[0] == [None] * 6


def list_pending(agent):
    with agent.scope():
        return Operation.objects.get(status="PENDING").id


def test_an_add_whose_words_are_gone_cannot_be_tried_again(agent, frozen):
    keep_for(agent, message_days=1)
    operation_id = agent.accept("I sing.")
    lease = agent.claim(operation_id)
    with agent.scope():
        operations.fail(operations.hold(lease), "provider_rejected", "HTTP 401")
        assert list_failed() == [operation_id]
    frozen.advance(days=2)
    empty_what_is_over()
    with pytest.raises(InvalidRequest, match="erased"):
        retry_operation(agent.access, operation_id)
    with agent.scope():
        assert list_failed() == []
