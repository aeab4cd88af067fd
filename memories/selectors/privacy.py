"""What is held about a subject, as an erasure would count it (sql/erase.sql).

Call inside a tenant scope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from memories.models import Export, Operation
from memories.models.ingestion import ERASED
from memories.models.settings import ERASE
from memories.selectors.compare import About
from memplatform.lib.errors import NotFound
from tenants.models import AuditEntry
from tenants.scopes import require_tenant

EXPORTS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Held:
    """Everything that goes with an erasure, counted.

    ``memories`` are those of every state, and other subjects' that took over its words;
    ``model_texts`` are requests and replies of models that were shown them.
    """

    memories: int
    versions: int
    messages: int
    model_texts: int
    summaries: int
    relations: int


# Searches are many and change nothing: they are left out where memories and messages
# are counted. Calls of models are joined with all operations at once: no statistics say
# how many of these were shown what was said.
_HELD = """
WITH asked AS MATERIALIZED (
    SELECT o.id, o.anchor_id, o.created_at,
           o.kind NOT IN ('SEARCH', 'GET', 'GET_ALL') AS may_change
    FROM memories_operation o
    WHERE o.tenant_id = %(tenant)s AND o.project_id = %(project)s AND o.{key} = %(name)s
), mine AS MATERIALIZED (
    SELECT m.id, m.anchor_id, m.accepted_at, m.{key} AS name,
           CASE WHEN m.text IS NOT NULL THEN m.number ELSE 0 END AS versions
    FROM memories_memory m
    WHERE m.tenant_id = %(tenant)s AND m.project_id = %(project)s AND m.{key} = %(name)s
    UNION ALL
    SELECT m.id, m.anchor_id, m.accepted_at, m.{key},
           CASE WHEN m.text IS NOT NULL THEN m.number ELSE 0 END
    FROM memories_memory m
    WHERE m.tenant_id = %(tenant)s AND m.{key} IS DISTINCT FROM %(name)s
      AND m.id IN (SELECT e.memory_id FROM asked
                   JOIN memories_memoryevent e ON e.tenant_id = %(tenant)s
                    AND e.operation_id = asked.id
                   WHERE asked.may_change AND e.kind IN ('ADD', 'UPDATE', 'MERGE'))
), since AS MATERIALIZED (
    SELECT said.anchor_id, min(said.at) AS first
    FROM (SELECT anchor_id, created_at AS at FROM asked
          UNION ALL
          SELECT anchor_id, accepted_at FROM mine WHERE name = %(name)s) AS said
    WHERE said.anchor_id IS NOT NULL GROUP BY said.anchor_id
)
SELECT (SELECT count(*) FROM mine),
       (SELECT coalesce(sum(versions), 0)::bigint FROM mine),
       (SELECT count(*) FROM memories_message g
          JOIN memories_ingestion i ON i.tenant_id = g.tenant_id
           AND i.id = g.ingestion_id
         WHERE g.tenant_id = %(tenant)s
           AND i.operation_id IN (SELECT id FROM asked WHERE may_change)),
       (SELECT count(*) FROM memories_llmcall c
          JOIN memories_operation o ON o.tenant_id = c.tenant_id
           AND o.id = c.operation_id
          LEFT JOIN since ON since.anchor_id = o.anchor_id
         WHERE c.tenant_id = %(tenant)s
           AND (c.request IS NOT NULL OR c.reply IS NOT NULL)
           AND (o.created_at >= since.first
                OR (o.project_id = %(project)s AND o.{key} = %(name)s))),
       (SELECT count(*) FROM memories_conversationsummary c
         WHERE c.tenant_id = %(tenant)s AND c.project_id = %(project)s
           AND c.anchor_id IN (SELECT anchor_id FROM mine
                               UNION SELECT anchor_id FROM asked)),
       (SELECT count(DISTINCT s.relation_id) FROM memories_relationsupport s
         WHERE s.tenant_id = %(tenant)s AND s.memory_id IN (SELECT id FROM mine)
           AND NOT EXISTS (SELECT 1 FROM memories_relationsupport other
                            WHERE other.tenant_id = s.tenant_id
                              AND other.relation_id = s.relation_id
                              AND other.memory_id NOT IN (SELECT id FROM mine)))
"""


def count_held(about: About) -> Held:
    """What an erasure at this moment would take."""
    scope = require_tenant()
    params = {
        "tenant": scope.tenant_id,
        "project": scope.project_id,
        "name": about.name,
    }
    with connection.cursor() as cursor:
        cursor.execute(_HELD.format(key=about.key), params)
        return Held(*cursor.fetchone())


def list_exports(about: About) -> Sequence[Export]:
    """The latest exports of everything held about a subject, newest first."""
    rows = Export.objects.filter(
        kind=Export.Kind.RAW, subject_kind=about.kind, subject_name=about.name
    )
    newest = rows.select_related("operation").order_by("-created_at", "-id")
    return list(newest[:EXPORTS_SHOWN])


def get_subject_export(about: About, export_id: UUID) -> Export:
    """A finished one; raises NotFound."""
    export = Export.objects.filter(
        id=export_id,
        kind=Export.Kind.RAW,
        subject_kind=about.kind,
        subject_name=about.name,
        status=Export.Status.FINISHED,
    ).first()
    if export is None:
        raise NotFound("There is no such export, or it has been emptied.")
    return export


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an erasure; it does not know any more who it was about.

    The counts and ``audit_id`` are None as long as it has not been done.
    """

    operation_id: UUID
    status: str
    asked_at: datetime
    erased_at: datetime | None
    operator_id: UUID | None
    memories: int | None
    messages: int | None
    audit_id: UUID | None
    error: str | None

    @property
    def is_over(self) -> bool:
        return self.status in (Operation.Status.SUCCEEDED, Operation.Status.FAILED)


def get_receipt(operation_id: UUID) -> Receipt:
    """Of an erasure by its operation; raises NotFound."""
    operation = Operation.objects.filter(
        id=operation_id, kind=Operation.Kind.DELETE_USER, payload__mode=ERASE
    ).first()
    if operation is None:
        raise NotFound("There is no such erasure.")
    erased = operation.payload.get("erased") or {}
    entry = AuditEntry.objects.filter(
        action="erase_subject", at=operation.created_at, project_id=operation.project_id
    ).first()
    return Receipt(
        operation_id=operation.id,
        status=operation.status,
        asked_at=operation.created_at,
        erased_at=operation.completed_at,
        operator_id=operation.operator_id,
        memories=erased.get("memories"),
        messages=erased.get("messages"),
        audit_id=entry.id if entry else None,
        error=operation.error if operation.error_code != ERASED else None,
    )
