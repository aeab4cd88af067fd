"""How the platform is reached from outside, for calls that are shown to be copied."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def base_url(request: HttpRequest) -> str:
    """Without a path and without a slash at its end."""
    return str(settings.PUBLIC_URL or request.build_absolute_uri("/")).rstrip("/")
