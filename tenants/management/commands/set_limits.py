"""``manage.py set_limits acme requests_per_minute=600 per_month.add=10000 soft=add``"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from tenants import selectors, services
from tenants.limits import PER_MINUTE, PER_MONTH, SOFT
from tenants.management.arguments import clear_errors, find_project
from tenants.models import Project, Tenant
from tenants.scopes import tenant_scope

NOTHING = ("", "none")
EPILOG = """\
Limits of a tenant: requests_per_minute (of each key), tenant_requests_per_minute (of
all together), per_month.add, per_month.search, per_month.tokens, and soft=add,search:
quotas that only warn. Of a project: the quotas and soft. Of a key: requests_per_minute.
An empty value takes a limit away; without any, those that hold are shown. --project and
--key stand last."""


class Command(BaseCommand):
    help = "Show or change how much a tenant, a project of it or one key may ask."

    def create_parser(self, *args: Any, **options: Any) -> CommandParser:
        return super().create_parser(*args, epilog=EPILOG, **options)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("changes", nargs="*", metavar="name=value")
        owner = parser.add_mutually_exclusive_group()
        owner.add_argument("--project", metavar="NAME", help="limits of this project")
        owner.add_argument("--key", metavar="PREFIX", help="the rate of this key")

    def handle(self, *args: Any, **options: Any) -> None:
        changes = dict(_parts(change) for change in options["changes"])
        with clear_errors():
            tenant = selectors.get_tenant(options["tenant"])
            with tenant_scope(tenant.id):
                if options["key"]:
                    limits = _limit_key(options["key"], changes)
                elif options["project"]:
                    limits = _limit(find_project(options["project"]), changes)
                else:
                    limits = _limit(tenant, changes)
        self.stdout.write(json.dumps(limits, indent=2))


def _parts(change: str) -> tuple[str, str]:
    name, separator, value = change.partition("=")
    if not separator:
        raise CommandError(f"{change!r} is not name=value.")
    return name, value.strip().lower()


def _limit(owner: Tenant | Project, changes: Mapping[str, str]) -> dict[str, Any]:
    """The limits after the changes; those not named stay."""
    limits: dict[str, Any] = dict(owner.limits or {})
    for name, value in changes.items():
        group, _, of_group = name.partition(".")
        if group == PER_MONTH and of_group:
            quotas = dict(limits.get(PER_MONTH, {}))
            limits[PER_MONTH] = _changed(quotas, of_group, _number(value))
        elif name == SOFT:
            names = [word for word in value.split(",") if word not in NOTHING]
            limits = _changed(limits, SOFT, names or None)
        else:
            limits = _changed(limits, name, _number(value))
    if changes:
        services.set_limits(owner, limits)
    return limits


def _limit_key(prefix: str, changes: Mapping[str, str]) -> dict[str, Any]:
    key = selectors.find_api_key(prefix)
    if key is None:
        raise CommandError(f"The tenant has no key {prefix!r}.")
    if set(changes) - {PER_MINUTE}:
        raise CommandError(f"The only limit of a key is {PER_MINUTE}.")
    if changes:
        services.set_key_rate(key, _number(changes[PER_MINUTE]))
    return {PER_MINUTE: key.requests_per_minute}


def _changed(limits: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    rest = {key: kept for key, kept in limits.items() if key != name}
    return rest if value is None else {**rest, name: value}


def _number(value: str) -> int | None:
    if value in NOTHING:
        return None
    if not value.isascii() or not value.isdigit():
        raise CommandError(f"{value!r} is not a whole number.")
    return int(value)
