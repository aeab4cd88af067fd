"""Imports: a file of memories comes in."""

from __future__ import annotations

from django.urls import path

from memories.api.imports.views import Imports, OneImport

urlpatterns = [
    path("v1/imports/", Imports.as_view(), name="imports"),
    path("v1/imports/<str:import_id>/", OneImport.as_view(), name="import"),
]
