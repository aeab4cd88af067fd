"""Which tenants and projects are yours, and the way into each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from tenants import selectors
from tenants.models import Operator, Project, Role
from tenants.scopes import tenant_scope
from tenants.selectors import RANK, Standing


@dataclass(frozen=True, slots=True)
class ProjectCard:
    """A project; ``last_used_at`` is when one of its keys was."""

    project: Project
    role: Role
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class TenantCard:
    """A tenant as one operator sees it; ``role`` None: they reach only projects."""

    slug: str
    name: str
    role: Role | None
    projects: Sequence[ProjectCard]

    @property
    def may_admin(self) -> bool:
        return self.role is not None and RANK[self.role] >= RANK[Role.ADMIN]


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The operator's tenants and projects."""
    operator = cast("Operator", request.user)
    standings = selectors.list_standings(operator.id)
    by_tenant = groupby(standings, key=lambda standing: standing.tenant_id)
    tenants = [_tenant_card(list(found)) for _, found in by_tenant]
    with timezone.override(ZoneInfo(operator.timezone)):
        return render(request, "console/home.html", {"tenants": tenants})


def _tenant_card(standings: Sequence[Standing]) -> TenantCard:
    """``standings`` are all that one operator has in one tenant."""
    tenant = standings[0]
    roles = {standing.project_id: standing.role for standing in standings}
    with tenant_scope(tenant.tenant_id):
        projects = list(selectors.list_projects())
        used = selectors.last_used_by_project()
    reached = [
        ProjectCard(project, role, used.get(project.id))
        for project in projects
        if (role := _role_in(project.id, roles))
    ]
    return TenantCard(tenant.tenant_slug, tenant.tenant_name, roles.get(None), reached)


def _role_in(project_id: UUID, roles: dict[UUID | None, Role]) -> Role | None:
    """The widest that reaches a project; None where none does."""
    reaching = [roles[place] for place in (None, project_id) if place in roles]
    return max(reaching, key=RANK.__getitem__, default=None)
