"""What may be used, for an operator who looks: quotas of tenant and project."""

from __future__ import annotations

from collections.abc import Sequence

from tenants import quotas, selectors
from tenants.console.visits import Visit
from tenants.models import Project
from tenants.quotas import QuotaState
from tenants.selectors import Access

NEAR = 0.8
"""From this part of a quota on somebody should know."""


def quota_states(visit: Visit, project: Project) -> Sequence[QuotaState]:
    """How much of this month's quotas is used, the tenant's first; outside a scope."""
    tenant = selectors.get_tenant(visit.tenant_slug)
    return quotas.states_of(
        Access(
            tenant_id=tenant.id,
            project_id=project.id,
            key_id=None,
            operator_id=visit.operator.id,
            operator_email=visit.operator.email,
            limits=tenant.limits,
            project_limits=project.limits or {},
        )
    )


def is_near(state: QuotaState) -> bool:
    """Whether little is left."""
    return state.used >= NEAR * state.quota.limit
