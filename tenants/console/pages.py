"""The pages of a tenant: ``/console/<tenant>/…``; some are of one project of it.

Roles are on the views (tenants/console/visits.py).
"""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from tenants.console.projects import new_project

app_name = "tenants"
urlpatterns: list[URLPattern | URLResolver] = [
    path("<slug:tenant>/projects/new/", new_project, name="new-project"),
    path("<slug:tenant>/members/", include("tenants.console.members.urls")),
    path("<slug:tenant>/audit/", include("tenants.console.audit.urls")),
    path(
        "<slug:tenant>/<uuid:project>/api-keys/",
        include("tenants.console.api_keys.urls"),
    ),
    path("<slug:tenant>/usage/", include("tenants.console.usage.urls")),
]
