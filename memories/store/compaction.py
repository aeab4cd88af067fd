"""Edges that are over for long go out of the way of reads; nothing is forgotten.

An archived edge keeps its ends, its interval, what replaced it and which memories said
so: a read as of an instant shows it, and a restored memory asserts it anew. Its words
and its vector go: they are its memories'.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from memories.store.retention import CHUNK
from tenants.scopes import require_tenant

_ARCHIVE = """
UPDATE memories_relation r
SET archived_at = %s, fact = NULL, space_id = NULL, embedding = NULL
WHERE r.tenant_id = %s AND r.id IN (
    SELECT o.id FROM memories_relation o
    WHERE o.tenant_id = %s AND o.project_id = %s AND o.archived_at IS NULL
      AND NOT (o.state = 'active' AND o.known_to IS NULL) AND o.state <> 'quarantined'
      AND coalesce(o.known_to, greatest(o.known_from, o.valid_to)) < %s
    LIMIT %s
    FOR UPDATE SKIP LOCKED)
"""


def archive_edges(before: datetime, at: datetime) -> int:
    """Archive one chunk of the open project's edges that were over by ``before``."""
    scope = require_tenant()
    tenant_id = scope.tenant_id
    params = [at, tenant_id, tenant_id, scope.project_id, before, CHUNK]
    with connection.cursor() as cursor:
        cursor.execute(_ARCHIVE, params)
        return int(cursor.rowcount)
