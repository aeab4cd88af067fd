"""What models took goes on the account of the key that asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from memories.types import ModelCall, Scope
from tenants import quotas, usage
from tenants.usage import Amounts, Payer

COUNTED_SUBJECTS = ("user", "agent", "app")
"""Whose usage is told apart; a run is short, and its usage a line of the log."""


def subjects_of(scope: Scope) -> set[tuple[str, str]]:
    """On whose account a request goes beside its key's."""
    ids = scope.as_dict()
    named = ((kind, ids[f"{kind}_id"]) for kind in COUNTED_SUBJECTS)
    return {(kind, name) for kind, name in named if name is not None}


def count_tokens_of(
    ids: tuple[UUID, UUID, UUID | None],
    operation: str,
    calls: Sequence[ModelCall],
    *,
    embedding_tokens: int = 0,
    scope: Scope | None = None,
    since: datetime | None = None,
) -> None:
    """Count what ``calls`` and embeddings took, on the key's and subjects' accounts.

    ``ids`` are those of the tenant, the project and the key, if one asked; ``since`` is
    when the work began, which may have been before its subject was erased. Outside a
    scope only.
    """
    amounts = Amounts(
        prompt_tokens=sum(call.prompt_tokens for call in calls),
        completion_tokens=sum(call.completion_tokens for call in calls),
        embedding_tokens=embedding_tokens,
        model_calls=len(calls),
        cost=sum((call.cost for call in calls if call.cost), Decimal()),
    )
    if amounts != Amounts():
        subjects = subjects_of(scope) if scope else ()
        usage.count(Payer(*ids), operation.lower(), amounts, subjects, since=since)
        quotas.count_tokens(*ids[:2], amounts.total_tokens)
