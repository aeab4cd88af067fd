"""Exports: shaped by a schema; and raw, as a file."""

from __future__ import annotations

from django.urls import path

from memories.api.exports.views import (
    Exports,
    GetExport,
    RawExport,
    RawExportFile,
    RawExports,
)

urlpatterns = [
    path("v1/exports/", Exports.as_view(), name="exports"),
    path("v1/exports/get/", GetExport.as_view(), name="get-export"),
    path("v1/exports/raw/", RawExports.as_view(), name="raw-exports"),
    path("v1/exports/raw/<str:export_id>/", RawExport.as_view(), name="raw-export"),
    path(
        "v1/exports/raw/<str:export_id>/file/",
        RawExportFile.as_view(),
        name="raw-export-file",
    ),
]
