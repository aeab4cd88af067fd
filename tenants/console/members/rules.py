"""What one member of a tenant may do to another (docs/adr/0461).

Admins invite and remove support and viewers; only owners give roles, and only they
touch owners and admins.
"""

from __future__ import annotations

from collections.abc import Sequence

from memplatform.lib.errors import Forbidden
from tenants.models import Role
from tenants.selectors import RANK, Standing

ONLY_OWNERS = "Only an owner may do this to an owner or an admin."


def roles_to_give(standing: Standing) -> Sequence[Role]:
    """The roles an invitation of theirs may carry, smallest first."""
    smallest_first = sorted(Role, key=RANK.__getitem__)
    return [role for role in smallest_first if may_handle(standing, role)]


def may_handle(standing: Standing, role: str) -> bool:
    """Whether members and invitations of this role are theirs to handle."""
    return standing.may(Role.OWNER) or RANK[Role(role)] < RANK[Role.ADMIN]


def require_power_over(standing: Standing, role: str) -> None:
    """Raises Forbidden."""
    if not may_handle(standing, role):
        raise Forbidden(ONLY_OWNERS)
