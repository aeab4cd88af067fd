"""``manage.py create_operator bob@acme.example --tenant acme --role viewer``"""

from __future__ import annotations

import getpass
import secrets
import sys
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from tenants import selectors, services
from tenants.management.arguments import clear_errors
from tenants.models import Operator, Role
from tenants.scopes import tenant_scope


class Command(BaseCommand):
    help = "Create a person who may sign in, and make them a member of a tenant."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="")
        parser.add_argument("--tenant", metavar="SLUG")
        parser.add_argument("--role", choices=Role.values, default=Role.VIEWER)
        parser.add_argument("--staff", action="store_true", help="platform staff")
        parser.add_argument(
            "--generate-password",
            action="store_true",
            help="print a password instead of asking for one",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with clear_errors():
            tenant = selectors.get_tenant(slug) if (slug := options["tenant"]) else None
            operator = self._create(options)
            if tenant is not None:
                with tenant_scope(tenant.id):
                    services.add_member(operator, Role(options["role"]))
        self.stdout.write(f"Created operator {operator.email}.")

    def _create(self, options: dict[str, Any]) -> Operator:
        password = self._password(is_generated=options["generate_password"])
        return services.create_operator(
            options["email"], password, name=options["name"], is_staff=options["staff"]
        )

    def _password(self, *, is_generated: bool) -> str:
        """Asked for, or one line of stdin; never an argument others could see."""
        if is_generated:
            password = secrets.token_urlsafe(12)
            self.stdout.write(f"Password: {password}")
            return password
        if not sys.stdin.isatty():
            return sys.stdin.readline().rstrip("\n")
        password = getpass.getpass("Password: ")
        if getpass.getpass("Password again: ") != password:
            raise CommandError("The passwords differ.")
        return password
