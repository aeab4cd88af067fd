"""The rolling summaries that speak of what a filter matches, and of nothing else.

Call inside a tenant scope.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from memories.selectors.memories import owned, visible
from memories.types import Filters, Scope, Visibility
from tenants.scopes import current_tenant_id

MOST = 20
"""More conversations than this are not told one by one."""

_SUMMARIES = """
SELECT a.user_id, a.agent_id, a.app_id, s.text, s.updated_at
  FROM memories_anchor a
  LEFT JOIN memories_conversationsummary s
    ON s.tenant_id = a.tenant_id AND s.anchor_id = a.id
 WHERE a.tenant_id = %s AND a.id = ANY(ARRAY(
       SELECT DISTINCT m.anchor_id FROM memories_memory m WHERE {own} AND {where}
        LIMIT %s))
 ORDER BY s.updated_at DESC, a.id
"""


@dataclass(frozen=True, slots=True)
class RollingSummary:
    """What was said in one anchor, in short."""

    scope: Scope
    text: str
    updated_at: datetime


def rolling_summaries(filters: Filters) -> list[RollingSummary]:
    """Newest first; none unless they cover all that the filter matches, and no more.

    A rolling summary tells of a whole anchor: where a filter asks for a run or for
    anything besides ids, it would tell too much.
    """
    if not filters.is_only_scope or filters.scope.run_id is not None:
        return []
    where, params = visible(filters, Visibility())
    own, own_params = owned()
    with connection.cursor() as cursor:
        cursor.execute(
            _SUMMARIES.format(own=own, where=where),
            [current_tenant_id(), *own_params, *params, MOST + 1],
        )
        rows = cursor.fetchall()
    if len(rows) > MOST or not all(text for *_, text, _at in rows):
        return []
    return [RollingSummary(Scope(*ids), text, at) for *ids, text, at in rows]
