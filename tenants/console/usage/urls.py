"""Usage, under ``/console/<tenant>/usage/``."""

from __future__ import annotations

from django.urls import path

from tenants.console.usage import views

urlpatterns = [
    path("", views.usage, name="usage"),
    path("download/", views.download, name="usage-download"),
]
