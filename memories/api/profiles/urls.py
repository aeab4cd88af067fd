"""Profiles of users, their settings and jobs. Include before the subjects."""

from __future__ import annotations

from django.urls import path, register_converter

from memories.api.profiles.views import OneJob, OneProfile, ProfileSettings, StartJob
from memories.api.subjects.urls import NameConverter

register_converter(NameConverter, "user_name")

urlpatterns = [
    path(
        "v2/entities/user/<user_name:name>/profile/",
        OneProfile.as_view(),
        name="profile",
    ),
    path("v2/profiles/settings/", ProfileSettings.as_view(), name="profile-settings"),
    path("v2/profiles/jobs/", StartJob.as_view(), name="profile-jobs"),
    path("v2/profiles/jobs/<str:job_id>/", OneJob.as_view(), name="profile-job"),
]
