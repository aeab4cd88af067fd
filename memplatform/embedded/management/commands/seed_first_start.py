"""The demo of a first start, as JSON on standard output; ``up`` keeps it."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict
from io import StringIO

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from memplatform.lib.errors import NotFound
from tenants import selectors
from tenants.services import DEMO_EMAIL, AlreadySeeded, DemoAccess, seed_demo


class Command(BaseCommand):
    help = "Make a demo tenant and an empty second one; print their credentials."

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(json.dumps(_seed_or_renew()))


def _seed_or_renew() -> dict[str, str]:
    """Empty when the demo was taken apart: that is its owner's right."""
    try:
        return asdict(seed_demo())
    except AlreadySeeded:
        pass
    try:
        return asdict(_renew_demo())
    except (NotFound, CommandError):
        return {}


def _renew_demo() -> DemoAccess:
    """New credentials for a demo whose first ones are lost.

    A start was killed between making the demo and keeping them, or ``demo.json`` was
    removed.
    """
    operator = selectors.get_operator(DEMO_EMAIL)
    password = secrets.token_urlsafe(12)
    operator.set_password(password)
    operator.save(update_fields=["password"])
    return DemoAccess(
        api_key=_new_key("demo"),
        api_key_2=_new_key("demo-neighbour"),
        email=operator.email,
        password=password,
    )


def _new_key(tenant: str) -> str:
    printed = StringIO()
    call_command("create_key", tenant, stdout=printed, stderr=StringIO())
    return printed.getvalue().strip()
