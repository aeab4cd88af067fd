"""What models took goes on the account of the key that asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from memories.types import ModelCall
from tenants import limits


def count_tokens_of(
    ids: tuple[UUID, UUID, UUID | None], operation: str, calls: Sequence[ModelCall]
) -> None:
    """Count the tokens of ``calls``; write what this process counted when it is due.

    ``ids`` are those of the tenant, the project and the key, if one asked. Outside a
    scope only.
    """
    if calls:
        limits.count_tokens(
            ids,
            operation,
            prompt_tokens=sum(call.prompt_tokens for call in calls),
            completion_tokens=sum(call.completion_tokens for call in calls),
        )
    limits.flush_usage_if_due()
