"""How often memories were found; kept for projects whose search weighs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from memories.types import Uses
from tenants.scopes import read_rows

_USES = """
SELECT memory_id, uses, last_used_at FROM memories_memoryuse
 WHERE tenant_id = %s AND project_id = %s AND memory_id = ANY(%s)
"""


def read_uses(
    tenant_id: UUID, project_id: UUID, memory_ids: Sequence[UUID]
) -> Mapping[UUID, Uses]:
    """Of those that were ever found; opens its own scope."""
    params = [tenant_id, project_id, list(memory_ids)]
    rows = read_rows(tenant_id, _USES, params, project_id=project_id)
    return {memory_id: Uses(count, last_at) for memory_id, count, last_at in rows}
