"""The demo of a first start, as JSON on standard output; ``up`` keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict

from django.core.management.base import BaseCommand

from tenants.services import seed_demo


class Command(BaseCommand):
    help = "Make a demo tenant and an empty second one; print their credentials."

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(json.dumps(asdict(seed_demo())))
