"""``manage.py set_project acme engine=two_phase instructions="Only food"``"""

from __future__ import annotations

import json
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from memories.models.settings import ProjectSettings
from memories.services.configuration import change_settings
from tenants import selectors
from tenants.management.arguments import clear_errors, find_project
from tenants.scopes import tenant_scope


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
                if changes:
                    settings = change_settings(project, changes)
                else:
                    settings = ProjectSettings.of(project.settings)
        for name in ProjectSettings.__dataclass_fields__:
            self.stdout.write(f"{name} = {json.dumps(getattr(settings, name))}")


def _parse(change: str) -> tuple[str, Any]:
    name, separator, raw = change.partition("=")
    if not separator:
        raise CommandError(f"{change!r} is not name=value.")
    if not raw:
        return name, None
    try:
        return name, json.loads(raw)
    except json.JSONDecodeError:
        return name, raw
