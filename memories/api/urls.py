"""Every path of the memory API; each ends in a slash, as clients never redirect.

Ids are any text here, so that a malformed one is a 400 that says so and not a 404.
"""

from __future__ import annotations

from django.urls import include, path

from memories.api.views.memories import (
    AddMemories,
    ListMemories,
    SearchMemories,
)
from memories.api.views.memory import ConfirmMemory, MemoryHistory, OneMemory
from memories.api.views.operations import ListOperations, OneOperation
from memories.api.views.ping import Ping

app_name = "api"

urlpatterns = [
    # Groups stand before the memories by id: neither "events" nor "search" is one.
    path("", include("memories.api.batch.urls")),
    path("", include("memories.api.context.urls")),
    path("", include("memories.api.exports.urls")),
    path("", include("memories.api.feedback.urls")),
    path("", include("memories.api.graph.urls")),
    path("", include("memories.api.imports.urls")),
    path("", include("memories.api.legacy.urls")),
    path("", include("memories.api.picture.urls")),
    path("", include("memories.api.retention.urls")),
    path("", include("memories.api.stats.urls")),
    path("", include("memories.api.summary.urls")),
    path("", include("memories.api.usage.urls")),
    path("v1/ping/", Ping.as_view(), name="ping"),
    path("v3/memories/add/", AddMemories.as_view(), name="add-memories"),
    path("v3/memories/search/", SearchMemories.as_view(), name="search-memories"),
    path("v3/memories/", ListMemories.as_view(), name="list-memories"),
    path("v1/memories/<str:memory_id>/", OneMemory.as_view(), name="memory"),
    path(
        "v1/memories/<str:memory_id>/confirm/",
        ConfirmMemory.as_view(),
        name="confirm-memory",
    ),
    path(
        "v1/memories/<str:memory_id>/history/",
        MemoryHistory.as_view(),
        name="memory-history",
    ),
    path("v1/event/<str:event_id>/", OneOperation.as_view(), name="event"),
    path("v1/events/", ListOperations.as_view(), name="events"),
    path("", include("memories.api.projects.urls")),
    path("", include("memories.api.profiles.urls")),
    path("", include("memories.api.webhooks.urls")),
    # Last: a subject's name may hold slashes, and would take in what comes after it.
    path("", include("memories.api.subjects.urls")),
]
