"""Django application configuration."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

EMBEDDING_PATIENCE = 2
"""Timeouts in the deadline of an embedding call (providers/factory.py)."""
DOCUMENT_PATIENCE = 2
"""Fetching one, then reading it (services/attachments.py)."""


class MemoriesConfig(AppConfig):
    """Fills the registries of the layers below and checks the names of tasks."""

    name = "memories"

    def ready(self) -> None:
        from memories.providers.vectors import adapt_directions
        from memories.services.deletion import purge
        from tenants.purge import register_purge

        adapt_directions()
        register_purge(self.name, purge)
        register(check_task_names)
        register(check_patience)
        register(check_connections)
        register(check_webhooks)


def check_task_names(**_: Any) -> list[CheckMessage]:
    """A wake-up goes by name: a name without a task would wait for ever."""
    from memories import tasks, wake

    known = {getattr(task, "name", None) for task in vars(tasks).values()}
    return [
        Error(f"No task is named {name!r}.", id="memories.E001")
        for name in wake.NAMES
        if name not in known
    ]


def check_patience(**_: Any) -> list[CheckMessage]:
    """Visibility timeout > lease > deadline of a model call (decision 21).

    A shorter lease takes work away from a worker that only waits for its model; a
    shorter visibility timeout hands out again what is still being worked on.
    """
    from memplatform.celery import app

    visibility_s = app.conf.broker_transport_options["visibility_timeout"]
    deadlines = {
        "LLM_DEADLINE_S": settings.LLM_DEADLINE_S,
        "EMBEDDING_TIMEOUT_S": settings.EMBEDDING_TIMEOUT_S * EMBEDDING_PATIENCE,
        "DOCUMENT_TIMEOUT_S": settings.DOCUMENT_TIMEOUT_S * DOCUMENT_PATIENCE,
    }
    found: list[CheckMessage] = [
        Error(
            f"LEASE_S={settings.LEASE_S} must exceed {deadline_s:g} s, how long a call"
            f" may take by {name}.",
            id="memories.E002",
        )
        for name, deadline_s in deadlines.items()
        if deadline_s >= settings.LEASE_S
    ]
    if visibility_s <= settings.LEASE_S:
        message = "The broker's visibility timeout must exceed LEASE_S."
        found.append(Error(message, id="memories.E003"))
    return found


def check_connections(**_: Any) -> list[CheckMessage]:
    """Threads that outnumber the pool's connections fail when all are busy."""
    if settings.DB_POOL_SIZE >= settings.WORKER_THREADS:
        return []
    message = (
        f"DB_POOL_SIZE={settings.DB_POOL_SIZE} must be at least"
        f" WORKER_THREADS={settings.WORKER_THREADS}."
    )
    return [Error(message, id="memories.E004")]


def check_webhooks(**_: Any) -> list[CheckMessage]:
    """What webhooks may reach can be read, and they leave threads to adds."""
    from memories.webhooks.addresses import Allowed

    found: list[CheckMessage] = []
    try:
        Allowed.of(settings.ALLOW_PRIVATE_WEBHOOKS)
    except ValueError as exc:
        message = f"ALLOW_PRIVATE_WEBHOOKS lists hosts, addresses and networks: {exc}."
        found.append(Error(message, id="memories.E005"))
    if 1 < settings.WEBHOOK_CONCURRENCY >= settings.WORKER_THREADS:
        message = (
            f"WEBHOOK_CONCURRENCY={settings.WEBHOOK_CONCURRENCY} must be less than"
            f" WORKER_THREADS={settings.WORKER_THREADS}."
        )
        found.append(Error(message, id="memories.E006"))
    return found
