"""The forms that clients before 3.0 of the SDKs use."""

from __future__ import annotations

from django.urls import path

from memories.api.legacy.views import (
    ListMemoriesV2,
    MemoriesV1,
    SearchMemoriesV1,
    SearchMemoriesV2,
)

urlpatterns = [
    path("v1/memories/", MemoriesV1.as_view(), name="memories-v1"),
    path("v1/memories/search/", SearchMemoriesV1.as_view(), name="search-memories-v1"),
    path("v2/memories/", ListMemoriesV2.as_view(), name="list-memories-v2"),
    path("v2/memories/search/", SearchMemoriesV2.as_view(), name="search-memories-v2"),
]
