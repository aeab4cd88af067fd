"""``manage.py create_tenant acme "Acme Inc." --owner alice@acme.example``"""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandParser

from tenants import selectors, services
from tenants.management.arguments import clear_errors
from tenants.models import Role
from tenants.scopes import tenant_scope


class Command(BaseCommand):
    help = "Create a tenant, optionally with an existing operator as its owner."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="lower-case letters, digits, hyphens")
        parser.add_argument("name", nargs="?", default="", help="as people read it")
        parser.add_argument("--owner", metavar="EMAIL", help="an existing operator")

    def handle(self, *args: Any, **options: Any) -> None:
        with clear_errors():
            email = options["owner"]
            owner = selectors.get_operator(email) if email else None
            tenant = services.create_tenant(options["slug"], options["name"])
            if owner is not None:
                with tenant_scope(tenant.id):
                    services.add_member(owner, Role.OWNER)
        self.stdout.write(f"Created tenant {tenant.slug} ({tenant.id}).")
