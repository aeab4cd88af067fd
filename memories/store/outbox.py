"""Tell webhooks of what happened, in the transaction in which it does.

A row is written only where a webhook of the project waits for its topic, so that what
nobody wants to know costs no row; the same statement looks and writes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

from memories import wake
from memories.models import Outbox
from memories.store.script import Rows, Script
from tenants.scopes import current_tenant_id

_TELL = """
INSERT INTO memories_outbox (id, tenant_id, project_id, topic, payload, created_at)
SELECT t.id, %s, %s, t.topic, t.payload::jsonb, t.at
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[])
     AS t (id, topic, payload, at)
WHERE EXISTS (SELECT 1 FROM memories_webhook w
              WHERE w.tenant_id = %s AND w.project_id = %s
                AND w.is_active AND t.topic = ANY (w.event_types))
RETURNING id
"""


def tell(script: Script, project_id: UUID, changes: Sequence[Outbox]) -> Rows:
    """Add what is wanted of these to the outbox; the ids, once the script has run."""
    if not changes:
        return Rows()
    place = [current_tenant_id(), project_id]
    columns = [
        [change.id for change in changes],
        [change.topic for change in changes],
        [json.dumps(change.payload) for change in changes],
        [change.created_at for change in changes],
    ]
    return script.ask(_TELL, [*place, *columns, *place])


def wake_if_told(project_id: UUID, told: Sequence[object]) -> None:
    """Let a worker make deliveries of it, once the open transaction has committed."""
    if told:
        wake.after_commit(wake.FAN_OUT, current_tenant_id(), project_id)
