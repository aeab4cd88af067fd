"""``manage.py seed_demo``: months of a made-up shop's support, through the pipeline."""

from __future__ import annotations

import os
from typing import Any

from django.core.management import BaseCommand, CommandParser

from memories.management.demo import story
from memories.management.demo.seeding import is_seeded, seed_history
from memories.models.settings import ENGINES
from tenants import selectors
from tenants.management.arguments import clear_errors
from tenants.services import DEMO_SLUG

NICENESS = 10


class Command(BaseCommand):
    help = (
        f"Make the project {story.PROJECT!r} with five months of history: made-up"
        " conversations, added and processed by the real pipeline while its clock"
        " stands at the days they tell of, so that comparing two dates shows what was"
        " known when. Does it once; refuses a tenant that has memories."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", nargs="?", default=DEMO_SLUG, help="its slug")
        parser.add_argument(
            "--engine",
            choices=ENGINES,
            default="local",
            help="what understands the conversations; by rules unless you say so",
        )
        parser.add_argument(
            "--background",
            action="store_true",
            help="as a first start does it: whoever else wants the processor goes"
            " first, and the tenant may have memories by now",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with clear_errors():
            if options["background"]:
                os.nice(NICENESS)
            tenant = selectors.get_tenant(options["tenant"])
            if is_seeded(tenant):
                self.stdout.write(f"{tenant} has had its demo project.")
                return
            played = seed_history(
                tenant,
                engine=options["engine"],
                needs_empty=not options["background"],
            )
        told = ", ".join(f"{count} {kind}" for kind, count in played.items())
        self.stdout.write(f"{story.PROJECT}: {told}.")
