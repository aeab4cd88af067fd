"""Whom an add comes from, as far as a project asks whom it may trust.

Call inside a tenant scope.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from memories.models.settings import ProjectSettings
from memories.types import Scope
from tenants.models import ApiKey


@dataclass(frozen=True, slots=True)
class Source:
    """``key_prefix`` is the visible part of the API key, where the project asks for it.

    What an operator adds by hand in the console is reviewed as it is written; a file is
    not anybody's hand.
    """

    app_id: str | None = None
    key_prefix: str | None = None
    is_operator: bool = False
    is_file: bool = False


UNKNOWN = Source()


def source_of(
    kept: ProjectSettings,
    scope: Scope,
    *,
    key_id: UUID | None,
    operator_id: UUID | None = None,
) -> Source:
    """One query where the project distrusts keys, else none."""
    asks_for_keys = any(one.startswith("key:") for one in kept.review_untrusted)
    prefix = None
    if asks_for_keys and key_id is not None:
        known = ApiKey.objects.filter(id=key_id).values_list("prefix", flat=True)
        prefix = known.first()
    is_operator = operator_id is not None and key_id is None
    return Source(scope.app_id, prefix, is_operator=is_operator)
