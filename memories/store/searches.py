"""What searches leave behind, beside what their own subject's erasure empties."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from memories.selectors.search_traces import TRACE, all_traced, name_in_trace


def forget_traces(
    project_id: UUID, kind: str, external_id: str, accepted_at: datetime
) -> int:
    """Empty every traced search up to then whose filters name an erased subject.

    A search that asked for that subject and no other is emptied with it; one that asked
    for several belongs to none of them. Call inside the tenant's scope.
    """
    named = {f"payload__{TRACE}__names__contains": [name_in_trace(kind, external_id)]}
    rows = all_traced().filter(
        project_id=project_id, created_at__lte=accepted_at, **named
    )
    return rows.update(payload={})
