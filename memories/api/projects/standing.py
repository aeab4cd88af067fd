"""What a key may do here: as much as its owner may, and never beyond its tenant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from memplatform.lib.errors import Forbidden, NotFound
from tenants.models import Membership, Operator, Role
from tenants.selectors import RANK, Access, list_standings

NO_ORGANIZATION = "Organization not found."
NO_PROJECT = "Project not found."


@dataclass(frozen=True, slots=True)
class Standing:
    """The role of a key's owner in the place that is asked for; None: none any more.

    ``project_id`` None is the whole organization.
    """

    access: Access
    project_id: UUID | None
    role: Role | None

    @property
    def owner(self) -> Operator:
        return Operator.objects.get(id=self.access.operator_id)

    def require(self, least: Role = Role.ADMIN) -> Role:
        """The role, if it reaches; raises Forbidden."""
        if self.role is None or RANK[self.role] < RANK[least]:
            what = "owner" if least == Role.OWNER else "owner or admin"
            where = "organization" if self.project_id is None else "project"
            raise Forbidden(f"Only an {what} of this {where} may do that.")
        return self.role

    def granted(self, wire_role: str) -> Role:
        """What a role of the wire gives: OWNER as much as the giver has."""
        return self.require() if wire_role == "OWNER" else Role.VIEWER

    def require_power_over(self, member: Membership) -> None:
        """Raises Forbidden where an admin would change an owner."""
        if RANK[Role(member.role)] > RANK[self.require()]:
            raise Forbidden("Only an owner may change an owner's membership.")


def wire_role(role: str | None) -> str:
    """Owners and admins are OWNER, all others READER (decision 12)."""
    return "OWNER" if role in (Role.OWNER, Role.ADMIN) else "READER"


def in_organization(access: Access, org_id: str) -> Standing:
    """Raises NotFound for every organization but the key's own."""
    if org_id.lower() != str(access.tenant_id):
        raise NotFound(NO_ORGANIZATION)
    return _standings(access, [None])[None]


def in_project(access: Access, org_id: str, project_id: str) -> Standing:
    """Raises NotFound for a project that neither key nor owner reaches."""
    in_organization(access, org_id)
    try:
        known_id = UUID(project_id)
    except ValueError as exc:
        raise NotFound(NO_PROJECT) from exc
    reached = in_projects(access, [known_id])
    if not reached:
        raise NotFound(NO_PROJECT)
    return reached[0]


def in_projects(access: Access, project_ids: Iterable[UUID]) -> list[Standing]:
    """Where the key or its owner reaches, in the given order."""
    standings = _standings(access, project_ids).values()
    return [s for s in standings if s.role or s.project_id == access.project_id]


def _standings(
    access: Access, places: Iterable[UUID | None]
) -> dict[UUID | None, Standing]:
    """The owner's widest role in each place. Opens its own scope."""
    known = [
        membership
        for membership in list_standings(access.operator_id)
        if membership.tenant_id == access.tenant_id
    ]
    roles = {
        place: [m.role for m in known if m.project_id in (None, place)]
        for place in places
    }
    return {
        place: Standing(access, place, max(found, key=RANK.__getitem__, default=None))
        for place, found in roles.items()
    }
