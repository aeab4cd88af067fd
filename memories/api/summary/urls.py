"""What is remembered, in short."""

from __future__ import annotations

from django.urls import path

from memories.api.summary.views import Summaries

urlpatterns = [path("v1/summary/", Summaries.as_view(), name="summary")]
