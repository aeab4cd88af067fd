"""Roles, database and extension on a PostgreSQL server of your own."""

from __future__ import annotations

import secrets
from argparse import ArgumentParser
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.management.base import BaseCommand, CommandError

from memplatform import env
from memplatform.embedded.bootstrap import (
    DATABASE,
    OWNER_ROLE,
    as_role,
    at_database,
    bootstrap,
)
from tenants.tables import APP_ROLE


class Command(BaseCommand):
    help = (
        "Create or correct the roles, the database and the vector extension on a"
        " PostgreSQL server, and print the URLs to use. Passwords are taken from"
        " DATABASE_URL and MIGRATION_DATABASE_URL where they name the roles, and"
        " generated otherwise."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--admin-url",
            default=env.envstr("ADMIN_DATABASE_URL"),
            help="postgresql:// URL of a superuser, or of one who may create roles.",
        )
        parser.add_argument("--database", default=DATABASE)

    def handle(self, *args: object, **options: Any) -> None:
        admin_url, database = options["admin_url"], options["database"]
        if not admin_url:
            raise CommandError("Give --admin-url, or set ADMIN_DATABASE_URL.")
        owner = _password("MIGRATION_DATABASE_URL", OWNER_ROLE)
        app = _password("DATABASE_URL", APP_ROLE)
        bootstrap(admin_url, owner_password=owner, app_password=app, database=database)
        url = at_database(admin_url, database)
        if options["verbosity"] == 0:
            return
        self.stdout.write(f"DATABASE_URL={as_role(url, APP_ROLE, app)}")
        self.stdout.write(f"MIGRATION_DATABASE_URL={as_role(url, OWNER_ROLE, owner)}")


def _password(variable: str, role: str) -> str:
    url = urlsplit(env.envstr(variable))
    if url.username and unquote(url.username) == role and url.password:
        return unquote(url.password)
    return secrets.token_urlsafe(24)
