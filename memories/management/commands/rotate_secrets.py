"""``manage.py rotate_secrets``: encrypt stored keys with the first encryption key."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand

from memories.services.configuration import rotate_secrets
from tenants import second_factor
from tenants.management.arguments import clear_errors
from tenants.models import Tenant
from tenants.scopes import tenant_scope


class Command(BaseCommand):
    help = (
        "Put a new key in front of ENCRYPTION_KEYS, run this, and drop the old key."
        " Encrypts provider keys and webhook secrets of every tenant again, and the"
        " secrets of operators' second factors."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with clear_errors():
            rotated = second_factor.rotate_secrets()
        for tenant in Tenant.objects.all():
            with clear_errors(tenant.slug), tenant_scope(tenant.id):
                rotated += rotate_secrets()
        self.stdout.write(f"Rotated {rotated} secrets.")
