"""The pages of what is remembered, under ``/console/<tenant>/<project>/``.

Roles are on the views (tenants/console/visits.py).
"""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from memories.console.overview.views import overview
from memories.console.subjects.find import subjects
from memories.console.subjects.privacy import erasure

app_name = "memories"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", overview, name="overview"),
    path("golden-sets/", include("memories.console.golden.urls")),
    path("ingestions/", include("memories.console.ingestions.urls")),
    path("prompts/", include("memories.console.prompts.urls")),
    path("providers/", include("memories.console.providers.urls")),
    path("review/", include("memories.console.review.urls")),
    path("search-lab/", include("memories.console.search_lab.urls")),
    path("settings/", include("memories.console.settings.urls")),
    path("subjects/", subjects, name="subjects"),
    path("webhooks/", include("memories.console.webhooks.urls")),
    path("memories/<uuid:memory_id>/", include("memories.console.memory.urls")),
    path("subjects/<uuid:subject_id>/", include("memories.console.subjects.urls")),
    path("erasures/<uuid:operation_id>/", erasure, name="erasure"),
]
