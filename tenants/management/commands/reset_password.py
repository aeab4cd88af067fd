"""``manage.py reset_password bob@acme.example``: a link, for who cannot get in."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.management import BaseCommand, CommandParser

from tenants import password_reset, selectors
from tenants.management.arguments import clear_errors
from tenants.models import Operator

LOCAL = "http://localhost:8000"


class Command(BaseCommand):
    help = (
        "Print a link with which an operator chooses a new password; it serves once."
        " Make sure that whoever asks is who they say."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument(
            "--url",
            default=settings.PUBLIC_URL or LOCAL,
            help="how the console is reached; PUBLIC_URL, if that is set",
        )
        parser.add_argument(
            "--forget-second-factor",
            action="store_true",
            help="remove the authenticator app, passkeys and recovery codes too",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with clear_errors():
            operator = selectors.get_operator(options["email"])
        if not operator.is_active:
            self.stderr.write(f"{operator.email} is switched off: no link will serve.")
        if options["forget_second_factor"]:
            self._forget_second_factor(operator)
        self.stdout.write(password_reset.link_for(operator, options["url"]))

    def _forget_second_factor(self, operator: Operator) -> None:
        forgotten, _ = Authenticator.objects.filter(user=operator).delete()
        self.stderr.write(f"Forgot {forgotten} second factors of {operator.email}.")
