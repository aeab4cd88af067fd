"""The settings that must fit one another are checked, not hoped for (decision 21)."""

from __future__ import annotations

import pytest

from memories.apps import check_connections, check_patience, check_webhooks
from memplatform.celery import app


def ids(found):
    return [message.id for message in found]


def test_the_defaults_fit():
    assert check_patience() == check_connections() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEASE_S", 100),  # exactly the model's deadline: no room for the write
        ("LLM_DEADLINE_S", 150.0),
        ("EMBEDDING_TIMEOUT_S", 75.0),  # a call may take two of them
        ("DOCUMENT_TIMEOUT_S", 75.0),  # fetched, then read
    ],
)
def test_a_lease_outlives_every_call(settings, name, value):
    setattr(settings, name, value)
    assert ids(check_patience()) == ["memories.E002"]


def test_the_broker_waits_longer_than_a_lease(settings):
    settings.LEASE_S = app.conf.broker_transport_options["visibility_timeout"]
    assert ids(check_patience()) == ["memories.E003"]


def test_no_thread_waits_for_a_connection(settings):
    settings.DB_POOL_SIZE = settings.WORKER_THREADS - 1
    assert ids(check_connections()) == ["memories.E004"]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("ALLOW_PRIVATE_WEBHOOKS", ["10.0.0.1/8"], "memories.E005"),
        ("ALLOW_PRIVATE_WEBHOOKS", ["a b"], "memories.E005"),
        ("WEBHOOK_CONCURRENCY", 32, "memories.E006"),
    ],
)
def test_settings_of_webhooks_are_checked_at_the_start(settings, name, value, problem):
    assert check_webhooks() == []
    setattr(settings, name, value)
    assert ids(check_webhooks()) == [problem]
