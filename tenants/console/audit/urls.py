"""``/console/<tenant>/audit/``"""

from __future__ import annotations

from django.urls import path

from tenants.console.audit import views

urlpatterns = [
    path("", views.audit, name="audit"),
    path("export/<slug:file_format>/", views.export_audit, name="export-audit"),
]
