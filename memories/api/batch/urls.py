"""Many memories in one request."""

from __future__ import annotations

from django.urls import path

from memories.api.batch.views import ManyMemories

urlpatterns = [path("v1/batch/", ManyMemories.as_view(), name="batch")]
