"""What a decision looks at: nearest memories, recent turns, the rolling summary.

Reads one anchor across its runs, exactly (no index), newest knowledge only. What was
deleted after an add had been accepted is recalled for it all the same: else its engine
would take the deleted fact, in other words, for a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from memories.language.times import at_offset
from memories.models import Ingestion, Message
from memories.providers.vectors import as_direction
from memories.types import Aspect, ChatMessage, KnownMemory, ValidTime, Vectors
from memplatform.lib import clock
from tenants.scopes import current_tenant_id

_NEAREST = """
SELECT q.i, m.id, m.text, m.created_at, 1 - near.distance, m.attributed_to,
       m.categories, m.valid_from, m.valid_to, m.valid_precision, m.is_immutable,
       m.number, m.aspect
FROM (VALUES {queries}) AS q (i, embedding)
CROSS JOIN LATERAL (
    SELECT here.memory_id, min(here.embedding <=> q.embedding::halfvec) AS distance
    FROM (
        SELECT v.memory_id, v.embedding
        FROM memories_memoryvector v
        WHERE v.tenant_id = %s AND v.anchor_id = %s AND v.space_id = %s
          AND v.state IN ('active', 'deleted')
          AND (v.state = 'active' OR v.memory_id = ANY(ARRAY(
              SELECT d.id FROM memories_memory d
              WHERE d.tenant_id = %s AND d.anchor_id = %s AND d.state = 'deleted'
                AND d.known_from >= %s)))
          AND (v.expires_on IS NULL OR v.expires_on >= %s)
          AND v.memory_id <> ALL(ARRAY(
              SELECT p.id FROM memories_memory p
              WHERE p.tenant_id = %s AND p.anchor_id = %s AND p.kind = 'pattern'))
        OFFSET 0
    ) AS here
    GROUP BY here.memory_id
    ORDER BY distance, here.memory_id
    LIMIT %s
) AS near
CROSS JOIN LATERAL (
    SELECT * FROM memories_memory m
    WHERE m.tenant_id = %s AND m.id = near.memory_id
    OFFSET 0
) AS m
ORDER BY q.i, near.distance, m.id
"""
# Each OFFSET 0 is a fence for the planner, which takes tables not yet analyzed for one
# row each: without them it began with all memories of the tenant, and for each read all
# of its vectors in the order of the GROUP BY (989 ms at 321 memories, now 3.5 ms).

# The same of the versions that were known at an instant. Nobody waits for it.
_NEAREST_THEN = """
WITH known AS MATERIALIZED (
    SELECT m.id, r.text, r.created_at, m.attributed_to, r.categories, r.valid_from,
           r.valid_to, r.valid_precision, r.is_immutable, r.number, r.vector_number,
           r.aspect
    FROM memories_memory m
    JOIN memories_memoryversion r ON r.tenant_id = m.tenant_id AND r.memory_id = m.id
         AND r.known_from <= %s AND (r.known_to IS NULL OR r.known_to > %s)
    WHERE m.tenant_id = %s AND m.anchor_id = %s AND r.text IS NOT NULL
      AND m.kind <> 'pattern'
      AND (r.state = 'active' OR r.state = 'deleted' AND r.known_from >= %s)
      AND (r.expires_on IS NULL OR r.expires_on >= %s)
)
SELECT q.i, t.id, t.text, t.created_at, 1 - near.distance, t.attributed_to,
       t.categories, t.valid_from, t.valid_to, t.valid_precision, t.is_immutable,
       t.number, t.aspect
FROM (VALUES {queries}) AS q (i, embedding)
CROSS JOIN LATERAL (
    SELECT k.id, min(v.embedding <=> q.embedding::halfvec) AS distance
    FROM known k
    JOIN memories_memoryvector v ON v.tenant_id = %s AND v.memory_id = k.id
         AND v.number = k.vector_number AND v.space_id = %s
    GROUP BY k.id
    ORDER BY distance, k.id
    LIMIT %s
) AS near
JOIN known t ON t.id = near.id
ORDER BY q.i, near.distance, t.id
"""


def nearest(
    anchor_id: UUID,
    space_id: UUID,
    vectors: Vectors,
    *,
    most: int,
    accepted_at: datetime,
    as_of: datetime | None = None,
) -> list[list[KnownMemory]]:
    """For each query vector the ``most`` nearest memories of an anchor.

    Those active now, and those deleted since ``accepted_at``, when the add came in;
    none that has expired: what no reader is shown neither confirms nor takes up a fact.
    No patterns: what many memories have in common is not what somebody said.
    ``as_of`` asks for the same as it was known then; erased texts are absent.
    """
    answers: list[list[KnownMemory]] = [[] for _ in range(len(vectors))]
    if not len(vectors):
        return answers
    tenant_id = current_tenant_id()
    queries = ", ".join(["(%s, %s)"] * len(vectors))
    asked: list[Any] = []
    for position, vector in enumerate(vectors):
        asked += [position, as_direction(vector)]
    mine = [tenant_id, anchor_id]
    if as_of is None:
        statement, today = _NEAREST, clock.now().date()
        deleted = [*mine, accepted_at]
        near = [*mine, space_id, *deleted, today, *mine]
        params = [*asked, *near, most, tenant_id]
    else:
        statement = _NEAREST_THEN
        then = [as_of, as_of, *mine, accepted_at, as_of.date()]
        params = [*then, *asked, tenant_id, space_id, most]
    with connection.cursor() as cursor:
        cursor.execute(statement.format(queries=queries), params)
        for position, *row in cursor.fetchall():
            answers[position].append(_known(row))
    return answers


_SAID = """
SELECT role, content, name, sent_at, id, utc_offset, position FROM memories_message
WHERE tenant_id = %s AND ingestion_id = %s
ORDER BY position;
SELECT role, content, name, sent_at, id, utc_offset FROM memories_message
WHERE tenant_id = %s AND anchor_id = %s AND content IS NOT NULL
  AND position < (SELECT min(position) FROM memories_message
                  WHERE tenant_id = %s AND ingestion_id = %s)
ORDER BY position DESC LIMIT %s;
SELECT text, upto_position FROM memories_conversationsummary
WHERE tenant_id = %s AND anchor_id = %s
"""


@dataclass(frozen=True, slots=True)
class Said:
    """An add's messages, and what was said before them in its anchor; oldest first.

    ``unsummarized`` counts the turns since the rolling summary, with those of the add.
    """

    messages: tuple[ChatMessage, ...]
    recent: tuple[ChatMessage, ...]
    summary: str | None
    unsummarized: int


def read_said(ingestion: Ingestion, *, recent: int) -> Said:
    """All of it in one round trip, with at most ``recent`` turns from before."""
    tenant_id = current_tenant_id()
    mine = [tenant_id, ingestion.said_in]
    anchor = [tenant_id, ingestion.anchor_id]
    with connection.cursor() as cursor:
        cursor.execute(_SAID, [*mine, *anchor, *mine, recent, *anchor])
        messages = cursor.fetchall()
        cursor.nextset()
        before = cursor.fetchall()
        cursor.nextset()
        summary, upto = cursor.fetchone() or (None, -1)
    return Said(
        messages=tuple(_chat(row) for row in messages),
        recent=tuple(_chat(row) for row in reversed(before)),
        summary=summary,
        unsummarized=messages[-1][6] - upto if messages else 0,
    )


def _chat(row: Sequence[Any]) -> ChatMessage:
    role, content, name, sent_at, message_id, offset = row[:6]
    said_at = at_offset(sent_at, offset)
    return ChatMessage(role, content or "", name, said_at, message_id)


def as_chat(message: Message) -> ChatMessage:
    return ChatMessage(
        role=message.role,
        content=message.content or "",
        name=message.name,
        sent_at=at_offset(message.sent_at, message.utc_offset),
        id=message.id,
    )


def _known(row: Sequence[Any]) -> KnownMemory:
    valid = ValidTime(start=row[6], end=row[7], precision=row[8])
    return KnownMemory(
        id=row[0],
        text=row[1],
        created_at=row[2],
        similarity=row[3],
        attributed_to=row[4],
        categories=tuple(row[5] or ()),
        valid=valid,
        is_immutable=row[9],
        number=row[10],
        aspect=Aspect(row[11]) if row[11] else None,
    )
