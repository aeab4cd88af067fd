"""Exports: shaped by a schema; and raw, as a file."""

from __future__ import annotations

from django.urls import path

from memories.api.exports.views import Exports, GetExport

urlpatterns = [
    path("v1/exports/", Exports.as_view(), name="exports"),
    path("v1/exports/get/", GetExport.as_view(), name="get-export"),
]
