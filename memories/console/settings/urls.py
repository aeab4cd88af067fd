"""Under ``settings/``."""

from __future__ import annotations

from django.urls import path

from memories.console.settings import views
from memories.console.settings.ontologies import ontologies
from memories.console.settings.retention import retention

urlpatterns = [
    path("", views.project_settings, name="settings"),
    path("ontology/", ontologies, name="ontologies"),
    path("retention/", retention, name="retention"),
]
