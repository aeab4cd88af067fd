"""What retention policies would take."""

from __future__ import annotations

from django.urls import path

from memories.api.retention.views import RetentionPreview

urlpatterns = [
    path("v1/retention/preview/", RetentionPreview.as_view(), name="retention-preview"),
]
