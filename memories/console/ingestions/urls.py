"""Addresses of the pages about ingestions."""

from __future__ import annotations

from django.urls import path

from memories.console.ingestions import views

urlpatterns = [
    path("", views.ingestions, name="ingestions"),
    path("retry/", views.retry_ingestions, name="retry-ingestions"),
    path("reprocess/", views.reprocess_ingestions, name="reprocess-ingestions"),
    path("<uuid:operation_id>/", views.ingestion, name="ingestion"),
    path("<uuid:operation_id>/retry/", views.retry_ingestion, name="retry-ingestion"),
    path(
        "<uuid:operation_id>/reprocess/",
        views.reprocess_ingestion,
        name="reprocess-ingestion",
    ),
]
