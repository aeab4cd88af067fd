"""The block of memories for an agent's prompt."""

from __future__ import annotations

from django.urls import path

from memories.api.context.views import Context

urlpatterns = [path("v1/context/", Context.as_view(), name="context")]
