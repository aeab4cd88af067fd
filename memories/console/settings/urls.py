"""Under ``settings/``."""

from __future__ import annotations

from django.urls import path

from memories.console.settings import views

urlpatterns = [path("", views.project_settings, name="settings")]
