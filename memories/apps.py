"""Django application configuration."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register


class MemoriesConfig(AppConfig):
    """Fills the registries of the layers below and checks the names of tasks."""

    name = "memories"

    def ready(self) -> None:
        from memories.services.deletion import purge
        from tenants.purge import register_purge

        register_purge(self.name, purge)
        register(check_task_names)


def check_task_names(**_: Any) -> list[CheckMessage]:
    """A wake-up goes by name: a name without a task would wait for ever."""
    from memories import tasks, wake

    known = {getattr(task, "name", None) for task in vars(tasks).values()}
    return [
        Error(f"No task is named {name!r}.", id="memories.E001")
        for name in wake.NAMES
        if name not in known
    ]
