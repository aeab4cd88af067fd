"""What a project tells its model reaches it, or the add says why not."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from memories.models import LlmCall
from memories.services.again import retry_operation
from memories.services.configuration import change_settings, configure_provider
from memories.types import ChatMessage

OF_USERS, OF_AGENTS = "Only what they eat.", "Only what it promises."
TALK = (ChatMessage("user", "I like tea."), ChatMessage("assistant", "I will brew it."))


@pytest.mark.parametrize(
    ("ids", "heard"),
    [
        ({"user_id": "ann"}, {OF_USERS}),
        ({"agent_id": "bot"}, {OF_AGENTS}),
        ({"user_id": "ann", "agent_id": "bot"}, {OF_USERS, OF_AGENTS}),
    ],
)
@pytest.mark.parametrize("is_of_call", [True, False])
def test_the_assistants_part_of_a_mixed_add_has_instructions_too(
    agent, models, ids, heard, is_of_call
):
    texts = {"instructions": OF_USERS, "agent_instructions": OF_AGENTS}
    if not is_of_call:
        with agent.scope():
            change_settings(agent.company.project, texts)
    operation = agent.learn(*TALK, **ids, **(texts if is_of_call else {}))
    with agent.scope():
        call = LlmCall.objects.get(operation_id=operation.id)
    system = call.request[0]["content"]
    assert {text for text in (OF_USERS, OF_AGENTS) if text in system} == heard


def test_the_model_is_told_what_the_memory_is_for_and_how_much_to_keep(agent, models):
    told = {"usecase": "A support desk.", "memory_depth": "Every detail."}
    with agent.scope():
        change_settings(agent.company.project, told)
    operation = agent.learn("I like tea.")
    with agent.scope():
        call = LlmCall.objects.get(operation_id=operation.id)
    assert all(text in call.request[0]["content"] for text in told.values())


def test_instructions_beyond_the_window_fail_the_add_visibly(agent, models, settings):
    settings.LLM_CONTEXT_TOKENS = 8_000
    operation = agent.learn(
        "I like tea.", instructions="word " * 2_000, includes="x " * 5_000
    )
    assert (operation.status, operation.error_code) == (
        "FAILED",
        "provider_window_too_small",
    )
    assert "Shorten custom instructions" in operation.error
    assert models.stats()["chat"] == 0
    settings.LLM_CONTEXT_TOKENS = 32_000
    agent.setup.__dict__.pop("chat")  # as a worker started anew would have it
    retry_operation(agent.access, operation.id)
    assert agent.run(operation.id).status == "SUCCEEDED"


@pytest.mark.parametrize("keys", [[], [Fernet.generate_key().decode()]])
def test_an_add_is_on_disk_although_the_providers_key_cannot_be_read(
    api, agent, settings, keys
):
    """The keys were rotated away or lost: the worker says so, the request does not."""
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with agent.scope():
        configure_provider(
            agent.company.project, "chat", base_url="https://models.example/v1",
            model="m", api_key="sk-1",
        )  # fmt: skip
    settings.ENCRYPTION_KEYS = keys
    body = {"messages": "I like tea.", "user_id": "ann"}
    answer = api(agent.company.key).post("/v3/memories/add/", body, format="json")
    assert (answer.status_code, answer.json()["status"]) == (200, "PENDING")
    failed = agent.run(answer.json()["event_id"])
    assert (failed.status, failed.error_code) == ("FAILED", "provider_rejected")
    assert "ENCRYPTION_KEYS" in failed.error
