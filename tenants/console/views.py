"""Which tenants and projects are yours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tenants import selectors
from tenants.models import ApiKey, Operator, Project
from tenants.scopes import tenant_scope
from tenants.selectors import Standing


@dataclass(frozen=True, slots=True)
class ProjectCard:
    """A project and the visible part of its keys."""

    project: Project
    keys: list[ApiKey]


@dataclass(frozen=True, slots=True)
class TenantCard:
    """A tenant as one operator sees it."""

    standing: Standing
    projects: list[ProjectCard]


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The operator's tenants and projects, and how to send a first memory."""
    operator = cast("Operator", request.user)
    standings = selectors.list_standings(operator.id)
    context = {
        "tenants": [_tenant_card(standing) for standing in standings],
        "base_url": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "console/home.html", context)


def _tenant_card(standing: Standing) -> TenantCard:
    with tenant_scope(standing.tenant_id, project_id=standing.project_id):
        projects = [
            ProjectCard(project, list(selectors.list_api_keys(project.id)))
            for project in selectors.list_projects()
        ]
    return TenantCard(standing, projects)
