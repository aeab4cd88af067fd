"""Django application configuration: the embedded services and their commands."""

from __future__ import annotations

from django.apps import AppConfig


class EmbeddedConfig(AppConfig):
    name = "memplatform.embedded"
