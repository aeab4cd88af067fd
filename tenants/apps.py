"""Django application configuration."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"

    def ready(self) -> None:
        import_module("tenants.api.schema")  # registers itself with drf-spectacular
