"""What may be used, for an operator who looks: quotas of tenant and project."""

from __future__ import annotations

from collections.abc import Iterable

from tenants import quotas, selectors
from tenants.console.visits import Visit
from tenants.models import Project
from tenants.quotas import QuotaState

NEAR = 0.8
"""From this part of a quota on somebody should know."""


def quota_states(visit: Visit, projects: Iterable[Project]) -> list[QuotaState]:
    """How much of this month's quotas is used: the tenant's, and each project's own.

    Outside a scope; asks nothing where there are none.
    """
    tenant = selectors.get_tenant(visit.tenant_slug)
    owners = [(None, tenant.limits), *((p.id, p.limits) for p in projects if p.limits)]
    return [
        state
        for project_id, limits in owners
        for state in quotas.states_of_owner(tenant.id, project_id, limits)
    ]


def is_near(state: QuotaState) -> bool:
    """Whether little is left."""
    return state.used >= NEAR * state.quota.limit
