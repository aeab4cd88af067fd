"""``manage.py create_key acme --owner alice@acme.example --read-only --user ida``"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from memplatform.lib import clock
from memplatform.lib.errors import NotFound
from tenants import selectors, services
from tenants.management.arguments import clear_errors, find_project
from tenants.models import ApiKey, Membership, Operator, Role
from tenants.scopes import tenant_scope

MAX_EXPIRES_DAYS = 36_500


class Command(BaseCommand):
    help = "Create an API key of a project. The key is printed once and not kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("--project", metavar="NAME", help="else the default one")
        parser.add_argument("--owner", metavar="EMAIL", help="else the first owner")
        parser.add_argument("--name", default="API key")
        parser.add_argument("--read-only", action="store_true")
        parser.add_argument("--user", metavar="ID", help="only this user's memories")
        parser.add_argument("--agent", metavar="ID", help="only this agent's memories")
        parser.add_argument("--expires-days", type=int, metavar="DAYS")
        parser.add_argument(
            "--rate", type=int, metavar="N", help="requests a minute; 0 = any number"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["expires_days"]
        if days is not None and not 0 < days <= MAX_EXPIRES_DAYS:
            raise CommandError(f"--expires-days is 1 to {MAX_EXPIRES_DAYS}.")
        read_only = options["read_only"]
        with clear_errors():
            tenant = selectors.get_tenant(options["tenant"])
            with tenant_scope(tenant.id):
                issued = services.issue_api_key(
                    find_project(options["project"]),
                    _find_owner(options["owner"]),
                    name=options["name"],
                    access=ApiKey.Access.READ if read_only else ApiKey.Access.WRITE,
                    only_user_id=options["user"],
                    only_agent_id=options["agent"],
                    requests_per_minute=options["rate"],
                    expires_at=days and clock.now() + timedelta(days=days),
                )
        self.stdout.write(issued.text)
        self.stderr.write("This key is shown once; keep it safe.")


def _find_owner(email: str | None) -> Operator:
    """The member of this e-mail; None means the tenant's first owner."""
    members = selectors.list_members()
    if email is None:
        member: Membership | None = members.filter(role=Role.OWNER).first()
    else:
        member = members.filter(operator__email=email.lower()).first()
    if member is None:
        missing = "owner" if email is None else f"member {email!r}"
        raise NotFound(f"The tenant has no {missing}.")
    owner: Operator = member.operator
    return owner
