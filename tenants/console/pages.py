"""The pages of a tenant: ``/console/<tenant>/…``; some are of one project of it.

Roles are on the views (tenants/console/visits.py).
"""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

app_name = "tenants"
urlpatterns: list[URLPattern | URLResolver] = [
    path("<slug:tenant>/usage/", include("tenants.console.usage.urls")),
]
