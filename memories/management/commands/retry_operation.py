"""``manage.py retry_operation acme 5c0e1d7a-…``, or all that failed: ``--all``"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management import BaseCommand, CommandError, CommandParser

from memories.selectors.operations import list_failed
from memories.services.again import reopen_operation
from tenants import selectors
from tenants.management.arguments import clear_errors
from tenants.scopes import tenant_scope


class Command(BaseCommand):
    help = "Run failed operations again, after what has already been accepted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("operations", nargs="*", type=UUID, metavar="ID")
        parser.add_argument("--all", action="store_true", help="every failed one")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen: list[UUID] = options["operations"]
        if bool(chosen) == options["all"]:
            raise CommandError("Name operations, or say --all.")
        with clear_errors():
            tenant = selectors.get_tenant(options["tenant"])
            with tenant_scope(tenant.id):
                wanted = chosen or list_failed()
        for operation_id in wanted:
            with clear_errors(operation_id), tenant_scope(tenant.id):
                reopen_operation(operation_id)
            self.stdout.write(f"{operation_id} will be run again.")
