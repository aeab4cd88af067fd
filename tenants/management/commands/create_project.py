"""``manage.py create_project acme "Support bot" --timezone Europe/Berlin``"""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandParser

from tenants import selectors, services
from tenants.management.arguments import clear_errors
from tenants.scopes import tenant_scope


class Command(BaseCommand):
    help = "Create a project of a tenant."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("name")
        parser.add_argument("--description", default="")
        parser.add_argument("--timezone", default="UTC", help="IANA name")

    def handle(self, *args: Any, **options: Any) -> None:
        with clear_errors():
            tenant = selectors.get_tenant(options["tenant"])
            with tenant_scope(tenant.id):
                project = services.create_project(
                    options["name"],
                    description=options["description"],
                    timezone=options["timezone"],
                )
        self.stdout.write(f"Created project {project.name!r} ({project.id}).")
