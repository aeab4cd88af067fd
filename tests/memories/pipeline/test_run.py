"""The story of an add through the whole pipeline: what is asked, recalled and kept."""

from __future__ import annotations

import json

import pytest

from memories.models import Ingestion, LlmCall
from memories.services.configuration import change_settings
from memories.types import ChatMessage
from tests.memories.agents import adds
from tests.memories.pipeline.test_token_budget import (
    ASSISTANT_SAYS,
    BUDGET_TOKENS,
    MEMORY,
    USER_SAYS,
    count_tokens,
)

__all__ = ["count_tokens"]


def assistant(text: str) -> ChatMessage:
    return ChatMessage("assistant", text)


def cost(models, agent, *texts, **details):
    """(chat calls, embedding calls) of one add, run to its end."""
    before = models.stats()
    assert agent.learn(*texts, **details).status == "SUCCEEDED"
    after = models.stats()
    return tuple(after[name] - before[name] for name in ("chat", "embeddings"))


def test_an_add_costs_one_model_call_and_two_embedding_calls(models, agent):
    for n in range(12):
        agent.keep(MEMORY.format(n=n))
    assert cost(models, agent, "I keep bees.", assistant("How nice!")) == (1, 2)
    assert cost(models, agent, "Hello there!") <= (1, 1)


def test_a_verbatim_add_asks_no_model(models, agent):
    before = models.stats()
    agent.say("One.", "Two.", "Three.")
    after = models.stats()
    assert after["chat"] == before["chat"]
    assert after["embeddings"] == before["embeddings"] + 1


def test_the_prompt_stays_in_its_budget_with_ten_memories(models, agent, count_tokens):
    """As it goes out: ten recalled memories, ten earlier turns' worth of nothing."""
    for n in range(15):
        agent.keep(MEMORY.format(n=n), user_id="ann", run_id=f"r{n}")
    with agent.scope():
        change_settings(agent.company.project, {"recent_messages": 0})
    models.configure(keep_bodies=True)
    agent.learn(USER_SAYS, assistant(ASSISTANT_SAYS))
    (body,) = [b for b in models.stats()["bodies"] if "messages" in b]
    text = json.dumps(body, ensure_ascii=False)
    assert text.count("amateur orchestra") == 10
    assert count_tokens(text) <= BUDGET_TOKENS


def test_a_project_chooses_how_much_is_recalled(models, agent):
    for n in range(5):
        agent.keep(MEMORY.format(n=n))
    with agent.scope():
        change_settings(
            agent.company.project, {"recalled_memories": 2, "recent_messages": 0}
        )
    models.configure(keep_bodies=True)
    agent.learn(USER_SAYS)
    (body,) = [b for b in models.stats()["bodies"] if "messages" in b]
    assert json.dumps(body).count("amateur orchestra") == 2


def test_the_last_turns_are_read_with_the_message(models, agent):
    agent.say("I might move to Oslo.")
    models.configure(keep_bodies=True)
    agent.learn("Yes, I did it.")
    (body,) = [b for b in models.stats()["bodies"] if "messages" in b]
    assert "I might move to Oslo." in body["messages"][1]["content"]


def test_the_model_call_is_recorded_with_its_prompt(models, agent):
    operation = agent.learn("I keep bees.")
    with agent.scope():
        (call,) = LlmCall.objects.filter(operation_id=operation.id)
        ingestion = Ingestion.objects.get(operation_id=operation.id)
    assert (call.purpose, call.outcome) == ("single_pass_user", "ok")
    assert call.prompt_version_id is not None
    assert (ingestion.model_calls, ingestion.engine) == (1, "single_pass")
    assert ingestion.prompt_tokens == call.prompt_tokens > 0


# --- which engine --------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["single_pass", "two_phase", "additive", "local"])
def test_a_project_chooses_its_engine(models, agent, engine):
    with agent.scope():
        change_settings(agent.company.project, {"engine": engine})
    operation = agent.learn("I keep bees.")
    assert operation.status == "SUCCEEDED"
    assert agent.ledger(operation.id)["engine"] == engine
    asked = models.stats()["chat"]
    assert (asked == 0) == (engine == "local")


def test_without_a_model_every_choice_is_local(agent):
    with agent.scope():
        change_settings(agent.company.project, {"engine": "two_phase"})
    assert agent.ledger(agent.learn("I keep bees.").id)["engine"] == "local"


# --- our own words (invariant 7) -----------------------------------------------------


def test_what_an_agent_quotes_from_us_is_not_learnt_again(models, agent):
    agent.keep("Ann keeps bees in her garden in Porto.")
    before = len(agent.heads())
    operation = agent.learn(
        "What do you know of me?",
        assistant("Ann keeps bees in her garden in Porto."),
        ChatMessage("tool", "<memories>Ann plays the cello.</memories>"),
    )
    assert len(agent.heads()) == before
    outcomes = [entry["outcome"] for entry in agent.ledger(operation.id)["messages"]]
    assert outcomes[1:] == ["recalled", "recalled"]


def test_what_a_person_says_again_is_heard(models, agent):
    agent.decide(adds("User keeps bees."))
    operation = agent.learn("User keeps bees.")
    assert agent.ledger(operation.id)["messages"][0]["outcome"] != "recalled"


# --- word for word -------------------------------------------------------------------


def test_verbatim_keeps_what_people_and_agents_say(agent):
    answer = agent.say(
        "I keep bees.",
        assistant("How nice!"),
        ChatMessage("system", "Be kind."),
        ChatMessage("tool", "42"),
        "   ",
        "I keep bees.",
    )
    assert sorted(agent.texts()) == ["How nice!", "I keep bees."]
    assert {head.attributed_to for head in agent.heads()} == {"user", "agent"}
    reasons = [
        entry["outcome"] for entry in agent.ledger(answer.operation_id)["messages"]
    ]
    assert reasons[2:5] == ["dropped"] * 3
