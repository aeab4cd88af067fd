"""Columns that several tables share."""

from __future__ import annotations

from django.db import models

SCOPE_ID_CHARS = 256


def scope_id() -> models.CharField[str | None, str | None]:
    """One of the four ids of a scope; NULL is "not named", never a wildcard."""
    return models.CharField(max_length=SCOPE_ID_CHARS, null=True, blank=True)


class Halfvec(models.Field):  # type: ignore[type-arg]
    """``halfvec`` of any dimension: spaces of several dimensions share the table.

    Written and read as text (``[0.1,0.2]``) by the store and the searches, which are
    SQL; the ORM never loads it. The migration sets STORAGE EXTERNAL (docs/adr/0007).
    """

    def db_type(self, connection: object) -> str:
        return "halfvec"
