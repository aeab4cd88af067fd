"""``manage.py set_project acme engine=two_phase instructions="Only food"``"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from memories.models.settings import ProjectSettings
from memories.services.configuration import change_locale, change_settings
from tenants import selectors
from tenants.management.arguments import clear_errors, find_project
from tenants.models import Project
from tenants.scopes import tenant_scope

LOCALE: Mapping[str, Any] = {"timezone": "UTC", "languages": []}
"""What is no setting but a column of the project, with its default."""


class Command(BaseCommand):
    help = (
        "Show or change how a project remembers: name=value, as JSON or plain text;"
        " name= gives the default back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("changes", nargs="*", metavar="name=value")
        parser.add_argument("--project", metavar="NAME", help="else the default one")

    def handle(self, *args: Any, **options: Any) -> None:
        changes = dict(_parse(change) for change in options["changes"])
        with clear_errors():
            tenant = selectors.get_tenant(options["tenant"])
            with tenant_scope(tenant.id):
                project = find_project(options["project"])
                _change(project, changes)
                project = find_project(options["project"])
        settings = ProjectSettings.of(project.settings)
        self._show(project, LOCALE)
        self._show(settings, ProjectSettings.__dataclass_fields__)

    def _show(self, holder: object, names: Iterable[str]) -> None:
        for name in names:
            self.stdout.write(f"{name} = {json.dumps(getattr(holder, name))}")


def _change(project: Project, changes: Mapping[str, Any]) -> None:
    """All of it or nothing. Raises InvalidRequest."""
    locale = {name: _locale(name, changes[name]) for name in changes if name in LOCALE}
    others = {name: value for name, value in changes.items() if name not in LOCALE}
    if locale:
        change_locale(project, locale)
    if others:
        change_settings(project, others)


def _locale(name: str, value: Any) -> Any:
    """``languages`` may be a list, or codes between commas; None is the default."""
    if value is None:
        return LOCALE[name]
    if name == "languages" and not isinstance(value, list):
        value = str(value).split(",")
    if isinstance(value, list):
        return [str(part).strip() for part in value]
    return str(value)


def _parse(change: str) -> tuple[str, Any]:
    name, separator, raw = change.partition("=")
    if not separator:
        raise CommandError(f"{change!r} is not name=value.")
    if not raw:
        return name, None
    try:
        return name, json.loads(raw)
    except (ValueError, RecursionError):
        return name, raw
