"""``manage.py set_provider acme chat https://api.openai.com/v1 gpt-5-mini``"""

from __future__ import annotations

import getpass
import os
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from memories.models import ProviderConfig
from memories.services.configuration import PROVIDER_OPTIONS, configure_provider
from tenants import selectors
from tenants.management.arguments import clear_errors, find_project
from tenants.scopes import tenant_scope


class Command(BaseCommand):
    help = (
        "Give a project its own model endpoint. The key is read from PROVIDER_API_KEY"
        " or asked for, and encrypted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("kind", choices=tuple(PROVIDER_OPTIONS))
        parser.add_argument("base_url")
        parser.add_argument("model")
        parser.add_argument("options", nargs="*", metavar="name=value")
        parser.add_argument("--project", metavar="NAME", help="else the default one")

    def handle(self, *args: Any, **options: Any) -> None:
        pairs = [option.partition("=") for option in options["options"]]
        if any(not separator for _, separator, _ in pairs):
            raise CommandError("Options are name=value.")
        # Never an argument: those stand in the process list and the shell's history.
        key = os.environ.get("PROVIDER_API_KEY")
        if key is None:
            key = _asked_for()
        with clear_errors():
            tenant = selectors.get_tenant(options["tenant"])
            with tenant_scope(tenant.id):
                config = configure_provider(
                    find_project(options["project"]),
                    options["kind"],
                    base_url=options["base_url"],
                    model=options["model"],
                    api_key=key,
                    options={name: value for name, _, value in pairs},
                )
        self.stdout.write(f"{config.kind}: {config.model} at {config.base_url}")
        if config.kind == ProviderConfig.Kind.EMBEDDING:
            named = f' --project "{options["project"]}"' if options["project"] else ""
            self.stdout.write(
                "Existing memories move with:"
                f" manage.py reembed {options['tenant']}{named}"
            )


def _asked_for() -> str:
    """What somebody types; raises CommandError where nobody is there."""
    try:
        return getpass.getpass("API key (empty for none): ")
    except EOFError as exc:
        raise CommandError(
            "There is nobody to ask for the key: set PROVIDER_API_KEY (blank for none)."
        ) from exc
