"""What is held true of a subject, by category, at any instant."""

from __future__ import annotations

from django.urls import path

from memories.api.picture.views import OnePicture

urlpatterns = [path("v1/profile/", OnePicture.as_view(), name="picture")]
