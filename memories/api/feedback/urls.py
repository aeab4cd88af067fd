"""What people think of memories."""

from __future__ import annotations

from django.urls import path

from memories.api.feedback.views import GiveFeedback

urlpatterns = [path("v1/feedback/", GiveFeedback.as_view(), name="feedback")]
