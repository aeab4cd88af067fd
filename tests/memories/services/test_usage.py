"""What models took stands in the usage of the key that asked for it."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Sum

from memories.models import LlmCall, ProviderConfig
from memories.services.background import keep_house, refresh_anchor_summary
from memories.services.configuration import configure_provider
from memories.store.spaces import touch_project
from tenants import usage as accounts
from tenants.models import Project, Usage


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


def test_calls_are_counted_and_cost_what_the_provider_asks_for(agent, models, settings):
    settings.ALLOW_PRIVATE_PROVIDERS = True
    with agent.scope():
        project = Project.objects.get(id=agent.company.project.id)
        configure_provider(project, "chat", base_url=models.base_url, model="stand-in")
        ProviderConfig.objects.update(prompt_price="0.00002", completion_price="0.0001")
        touch_project(project.id)
    agent.learn("I like tea.")
    accounts.flush()
    with agent.scope():
        call, row = LlmCall.objects.get(), Usage.objects.get(operation="add")
    prompt, completion = Decimal("0.00002"), Decimal("0.0001")
    assert (
        call.cost == call.prompt_tokens * prompt + call.completion_tokens * completion
    )
    assert (row.model_calls, row.cost) == (1, call.cost)
    assert row.cost > 0


def test_without_a_price_nothing_is_said_to_cost_anything(agent, models):
    agent.learn("I like tea.")
    accounts.flush()
    with agent.scope():
        assert LlmCall.objects.get().cost is None
        assert Usage.objects.get(operation="add").cost == 0
