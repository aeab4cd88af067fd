"""Settings of a project that go by the same name on the wire as here.

All of ``ProjectSettings`` but what the wire calls otherwise, and what has an endpoint
of its own (profiles). What a value may be is ``services.configuration``'s to say.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from rest_framework.serializers import (
    BooleanField,
    ChoiceField,
    DictField,
    Field,
    FloatField,
    IntegerField,
    Serializer,
)

from memories.api.components import maybe
from memories.models.settings import ProjectSettings
from memories.services.configuration import CHOICES, RANGES
from memories.types import JsonDict

_ELSEWHERE = frozenset(
    {
        *("instructions", "agent_instructions", "categories", "includes", "excludes"),
        *("with_graph", "review_instructions", "review_untrusted"),
        *("review_below_confidence", "profiles_enabled", "profile_schema"),
        *("profile_instructions", "profile_refresh_memories"),
    }
)
OWN_SETTINGS = tuple(
    field.name for field in fields(ProjectSettings) if field.name not in _ELSEWHERE
)


def own_settings_json(own: ProjectSettings) -> JsonDict:
    return {name: getattr(own, name) for name in OWN_SETTINGS}


class OwnSettings(Serializer):  # type: ignore[type-arg]
    """What of a body stands for these settings."""

    def get_fields(self) -> dict[str, Field[Any, Any, Any, Any]]:
        return super().get_fields() | {name: _field(name) for name in OWN_SETTINGS}


def _field(name: str) -> Field[Any, Any, Any, Any]:
    default = getattr(ProjectSettings(), name)
    if name in CHOICES:
        return maybe(ChoiceField, choices=CHOICES[name], allow_blank=not default)
    if name in RANGES:
        low, high = RANGES[name]
        kind = IntegerField if isinstance(default, int) else FloatField
        is_open = default is None
        return maybe(kind, min_value=low, max_value=high, allow_null=is_open)
    if isinstance(default, bool):
        return maybe(BooleanField)
    return maybe(DictField, allow_null=True)
