"""How a project is doing, at a glance."""

from __future__ import annotations

from django.http import HttpResponse

from tenants.console.rendering import show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role


@project_page(read=Role.VIEWER)
def overview(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    return show(request, visit, "memories/overview.html")
