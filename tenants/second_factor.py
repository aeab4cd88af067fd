"""Secrets of second factors, encrypted by ENCRYPTION_KEYS (adapters.py)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction

from memplatform.lib import sealing

SEALED = ("secret", "seed")
"""Of the app, and of the recovery codes; a passkey leaves no secret with us."""


@transaction.atomic
def rotate_secrets() -> int:
    """Encrypt each with the first of ENCRYPTION_KEYS; returns how many. No scope."""
    rotated = 0
    for factor in Authenticator.objects.select_for_update().order_by("pk"):
        fresh = dict(_rotated(factor.data))
        if fresh:
            factor.data |= fresh
            factor.save(update_fields=["data"])
            rotated += len(fresh)
    return rotated


def _rotated(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in SEALED:
        if name in data:
            yield name, sealing.rotate(data[name], settings.ENCRYPTION_KEYS)
