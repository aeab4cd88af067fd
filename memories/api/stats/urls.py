"""The project as a whole: its figures, and what happened in it."""

from __future__ import annotations

from django.urls import path

from memories.api.stats.views import ProjectHistory, Stats

urlpatterns = [
    path("v1/stats/", Stats.as_view(), name="stats"),
    path("v1/memories/events/", ProjectHistory.as_view(), name="memories-events"),
]
