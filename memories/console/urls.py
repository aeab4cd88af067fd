"""The pages of what is remembered, under ``/console/<tenant>/<project>/``.

Roles are on the views (tenants/console/visits.py).
"""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from memories.console.overview.views import overview

app_name = "memories"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", overview, name="overview"),
]
