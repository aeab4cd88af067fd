"""What was used, and what may be."""

from __future__ import annotations

from django.urls import path

from memories.api.usage.views import Limits, UsageReports

urlpatterns = [
    path("v1/usage/", UsageReports.as_view(), name="usage"),
    path("v1/limits/", Limits.as_view(), name="limits"),
]
