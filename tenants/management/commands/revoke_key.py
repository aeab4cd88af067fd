"""``manage.py revoke_key acme a1B2c3D4``"""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from tenants import selectors, services
from tenants.management.arguments import clear_errors
from tenants.scopes import tenant_scope


class Command(BaseCommand):
    help = "Refuse an API key from now on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("prefix", help="the visible part of the key, 8 characters")

    def handle(self, *args: Any, **options: Any) -> None:
        prefix = options["prefix"]
        with clear_errors():
            tenant = selectors.get_tenant(options["tenant"])
            with tenant_scope(tenant.id):
                key = selectors.find_api_key(prefix)
                if key is None:
                    raise CommandError(f"{tenant.slug} has no key {prefix!r}.")
                if key.revoked_at is not None:
                    raise CommandError(f"The key {prefix} is revoked already.")
                services.revoke_api_key(key)
        self.stdout.write(f"Revoked {key.name!r} ({prefix}…).")
