"""``manage.py reembed acme``: move a project to the embedder it is configured for."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandParser

from memories.selectors.projects import get_setup
from memories.services.reembedding import change_embedder, return_to_previous
from tenants import selectors
from tenants.management.arguments import clear_errors, find_project
from tenants.scopes import tenant_scope


class Command(BaseCommand):
    help = (
        "Re-embed a project's memories in the background, into the space of its"
        " configured embedder or, with --back, of the one before; reads switch when"
        " it is complete."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("--project", metavar="NAME", help="else the default one")
        parser.add_argument("--back", action="store_true", help="the space before")

    def handle(self, *args: Any, **options: Any) -> None:
        with clear_errors():
            tenant = selectors.get_tenant(options["tenant"])
            with tenant_scope(tenant.id):
                project = find_project(options["project"])
                setup = get_setup(project.id)
            if options["back"]:
                space = return_to_previous(tenant.id, project.id)
                self.stdout.write(f"On the way back to {space.model}.")
                return
            config = setup.embedding_config
            operation_id = change_embedder(
                tenant.id,
                project.id,
                setup.configured_space,
                base_url=config.base_url if config else "",
                api_key_encrypted=config.api_key_encrypted if config else "",
            )
        model = setup.configured_space.model
        if operation_id is None:
            self.stdout.write(f"{model} is still read, at the address configured now.")
        else:
            self.stdout.write(f"Re-embedding with {model} started: {operation_id}")
