"""What models took stands in the usage of the key that asked for it."""

from __future__ import annotations

from django.db.models import Sum

from memories.models import LlmCall
from memories.services.background import keep_house, refresh_anchor_summary
from tenants import usage as accounts
from tenants.models import Usage


def usage(agent) -> dict[str, tuple[int, int, int]]:
    """(requests, prompt tokens, completion tokens) by operation name, as written."""
    with agent.scope():
        rows = Usage.objects.values_list(
            "operation", "requests", "prompt_tokens", "completion_tokens"
        )
        return {name: tuple(amounts) for name, *amounts in rows}


def taken(agent) -> tuple[int, int]:
    """Prompt and completion tokens of all model calls."""
    with agent.scope():
        used = LlmCall.objects.aggregate(
            prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens")
        )
    return used["prompt"], used["completion"]


def test_an_add_puts_its_tokens_on_the_account_of_its_key(agent, models):
    agent.learn("I like tea.")
    agent.learn("I live in Lisbon.")
    keep_house()  # what the worker counted and nobody wrote yet
    assert usage(agent) == {"add": (0, *taken(agent))}
    assert min(taken(agent)) > 0
    with agent.scope():
        assert Usage.objects.get().api_key_id == agent.access.key_id


def test_an_attempt_that_failed_cost_as_much(agent, models):
    models.reply("nonsense", "nonsense", "nonsense")
    assert agent.learn("I like tea.").status == "PENDING"
    accounts.flush()
    assert usage(agent) == {"add": (0, *taken(agent))}
    assert min(taken(agent)) > 0


def test_a_summary_is_on_nobodys_key(agent, models):
    operation = agent.learn("I like tea.")
    refresh_anchor_summary(agent.company.id, operation.anchor_id)
    accounts.flush()
    with agent.scope():
        row = Usage.objects.get(operation="summary")
    assert row.api_key_id is None
    assert row.prompt_tokens > 0
