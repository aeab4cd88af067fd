"""Memories that may be stale, for what they rest on is over.

A premise is an edge that a memory said and that nobody says any more, or that lost to
another. What hangs on it are the active memories of the anchor that speak of both its
ends: of the thing by a mention or by its name, of the subject likewise (a memory of the
user's need not name them). They are marked, not changed: readers see them last, and
whoever decides on one lifts the mark; so does the premise once it is said again. Call
under the anchor's lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from memories.models import Memory, Operation
from memories.store.script import Script
from tenants.scopes import require_tenant

MOST = 50
"""How many memories one premise may take along."""
PREMISE_OVER = "what it rests on is over"
CONTRADICTED = "another memory says otherwise"
FOR_GOOD = ("born_in", "comes_from", "studied_at", "visited")
"""Relations of what was so once, whatever became of their ends."""
SO_AGAIN = "what spoke against it is no more"

_MARK = """
WITH {found}, marked AS (
    UPDATE memories_memory m SET is_stale_suspect = true FROM found
    WHERE m.tenant_id = %(tenant)s AND m.id = found.id AND NOT m.is_stale_suspect
      AND m.state = 'active'
    RETURNING m.id, m.project_id, m.number
)
INSERT INTO memories_memoryevent
    (id, tenant_id, project_id, memory_id, kind, old_number, new_number,
     related_memory_id, actor_kind, operation_id, message_ids, reason, at)
SELECT gen_random_uuid(), %(tenant)s, marked.project_id, marked.id, 'SUSPECT',
       marked.number, marked.number, found.because, 'system', %(operation)s, '{{}}',
       %(reason)s, %(at)s
FROM marked JOIN found ON found.id = marked.id
"""
_LOSERS = """
found AS (SELECT * FROM unnest(%(losers)s::uuid[], %(winners)s::uuid[])
                        AS lost (id, because))
"""
# Of what was replaced only what held one at a time is a premise: who likes green tea
# now may still drink tea. What was taken back is one, whatever it was. What happened
# rests on nothing, nor does what is told of "User's son Mark"; and Rigas is not Riga,
# though English stems say so.
_DEPENDANTS = """
premise AS MATERIALIZED (
    SELECT r.source_id, r.target_id, r.type, m.id AS because, m.anchor_id,
           phraseto_tsquery(m.language::regconfig, t.name) AS thing,
           phraseto_tsquery('simple', t.name) AS exactly,
           phraseto_tsquery(m.language::regconfig, o.name) AS subject,
           o.normalized = 'user' AS is_users, lower(o.name) || '''s ' AS whose
    FROM memories_memory m
    JOIN memories_relationsupport s ON s.tenant_id = m.tenant_id AND s.memory_id = m.id
    JOIN memories_relation r ON r.tenant_id = s.tenant_id AND r.id = s.relation_id
    JOIN memories_entity t ON t.tenant_id = r.tenant_id AND t.id = r.target_id
    JOIN memories_entity o ON o.tenant_id = r.tenant_id AND o.id = r.source_id
    WHERE m.tenant_id = %(tenant)s AND m.id = ANY(%(ended)s) AND r.known_to IS NULL
      AND (m.state = 'retired' AND r.state = 'retired'
           OR m.state IN ('superseded', 'active') AND r.state = 'superseded'
              AND r.is_single)
), over AS MATERIALIZED (
    SELECT * FROM premise p WHERE NOT EXISTS (
        SELECT 1 FROM memories_relation now
        WHERE now.tenant_id = %(tenant)s AND now.source_id = p.source_id
          AND now.type = p.type AND now.target_id = p.target_id
          AND now.state = 'active' AND now.known_to IS NULL)
), near AS MATERIALIZED (
    SELECT d.id, p.because, p.source_id, p.target_id, p.subject, p.is_users,
           d.search, d.attributed_to,
           starts_with(lower(d.text), p.whose) AS is_of_theirs
    FROM over p
    JOIN memories_memory d ON d.tenant_id = %(tenant)s AND d.anchor_id = p.anchor_id
     AND d.state = 'active'
    WHERE NOT d.is_stale_suspect AND NOT d.is_immutable AND d.valid_to IS NULL
      AND d.aspect IS DISTINCT FROM 'event' AND d.id <> ALL(%(besides)s)
      AND (d.search @@ p.thing
           AND (d.language <> 'english' OR to_tsvector('simple', d.text) @@ p.exactly)
           OR EXISTS (
          SELECT 1 FROM memories_mention n WHERE n.tenant_id = %(tenant)s
             AND n.memory_id = d.id AND n.entity_id = p.target_id))
), found AS (
    SELECT DISTINCT ON (d.id) d.id, d.because
    FROM near d
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(n.entity_id), ARRAY[]::uuid[]) AS named,
               coalesce(bool_or(x.type = 'person' AND x.id <> d.source_id), false)
               AS is_of_others
        FROM memories_mention n
        JOIN memories_entity x ON x.tenant_id = n.tenant_id AND x.id = n.entity_id
        WHERE n.tenant_id = %(tenant)s AND n.memory_id = d.id
    ) AS spoken
    WHERE CASE WHEN spoken.is_of_others AND d.is_of_theirs THEN false
               WHEN d.source_id = ANY(spoken.named) OR d.search @@ d.subject THEN true
               ELSE d.is_users AND d.attributed_to = 'user' AND NOT spoken.is_of_others
          END
      AND NOT EXISTS (
          SELECT 1 FROM memories_relationsupport s
          JOIN memories_relation r ON r.tenant_id = s.tenant_id AND r.id = s.relation_id
          WHERE s.tenant_id = %(tenant)s AND s.memory_id = d.id
            AND r.known_to IS NULL AND r.state = 'active'
            AND (r.target_id = d.target_id AND r.source_id <> d.source_id
                 OR r.type = ANY(%(for_good)s)))
    ORDER BY d.id LIMIT %(most)s
)
"""
# The premise of a mark is an edge of the memory that it names, or, of what lost itself,
# an edge of its own: the mark goes once that stands, and nothing of it is over.
_LIFT = """
WITH doubted AS (
    SELECT m.id, m.project_id, m.number,
           CASE why.reason WHEN %(contradicted)s THEN m.id
                           ELSE why.related_memory_id END AS premise
    FROM memories_memory m
    CROSS JOIN LATERAL (
        SELECT e.reason, e.related_memory_id FROM memories_memoryevent e
        WHERE e.tenant_id = m.tenant_id AND e.memory_id = m.id AND e.kind = 'SUSPECT'
        ORDER BY e.at DESC LIMIT 1
    ) AS why
    WHERE m.tenant_id = %(tenant)s AND m.anchor_id = %(anchor)s AND m.is_stale_suspect
      AND m.state = 'active' AND why.related_memory_id IS NOT NULL
), freed AS (
    SELECT d.id, d.project_id, d.number FROM doubted d
    CROSS JOIN LATERAL (
        SELECT coalesce(bool_and(edge.stands OR NOT edge.counts), false)
               AND bool_or(edge.stands) AS is_so
        FROM (
            SELECT EXISTS (
                SELECT 1 FROM memories_relation now
                WHERE now.tenant_id = r.tenant_id AND now.source_id = r.source_id
                  AND now.type = r.type AND now.target_id = r.target_id
                  AND now.state = 'active' AND now.known_to IS NULL) AS stands,
                r.known_to IS NULL AND (r.is_single OR r.state = 'retired') AS counts
            FROM memories_relationsupport s
            JOIN memories_memory p ON p.tenant_id = s.tenant_id AND p.id = s.memory_id
            JOIN memories_memoryversion v ON v.tenant_id = s.tenant_id
                AND v.memory_id = s.memory_id AND v.number = s.number
            JOIN memories_relation r ON r.tenant_id = s.tenant_id
                AND r.id = s.relation_id
            WHERE s.tenant_id = %(tenant)s AND s.memory_id = d.premise
              AND v.text = p.text
        ) AS edge
    ) AS said
    WHERE said.is_so
), lifted AS (
    UPDATE memories_memory m SET is_stale_suspect = false FROM freed
    WHERE m.tenant_id = %(tenant)s AND m.id = freed.id
)
INSERT INTO memories_memoryevent
    (id, tenant_id, project_id, memory_id, kind, old_number, new_number, actor_kind,
     message_ids, reason, at)
SELECT gen_random_uuid(), %(tenant)s, freed.project_id, freed.id, 'CONFIRM',
       freed.number, freed.number, 'system', '{}', %(reason)s, %(at)s
FROM freed
"""


def lift_returned(script: Script, anchor_id: UUID, at: datetime) -> None:
    """Nothing is doubted any more for a premise that is said again."""
    params = {
        "tenant": require_tenant().tenant_id,
        "anchor": anchor_id,
        "contradicted": CONTRADICTED,
        "reason": SO_AGAIN,
        "at": at,
    }
    script.add_named(_LIFT, params)


def suspect_losers(
    script: Script,
    operation: Operation | None,
    lost: Mapping[UUID, UUID],
    at: datetime,
) -> None:
    """Mark memories in force whose edge lost to that of another one."""
    if lost:
        own = {"losers": list(lost), "winners": list(lost.values())}
        _mark(script, _LOSERS, own, operation, CONTRADICTED, at)


def suspect_dependants(
    script: Script,
    ended: Sequence[Memory],
    at: datetime,
    operation: Operation | None = None,
    *,
    besides: Iterable[UUID] = (),
    lost: Mapping[UUID, UUID] | None = None,
) -> None:
    """Mark what hangs on edges of these memories of one anchor, as they are by now.

    ``besides`` were just said, whatever they speak of; ``lost`` is as above.
    """
    ids = [*(head.id for head in ended), *(lost or ())]
    if ids:
        spared = {*ids, *besides, *(lost or {}).values()}
        own = {
            "ended": ids,
            "besides": list(spared),
            "most": MOST,
            "for_good": list(FOR_GOOD),
        }
        _mark(script, _DEPENDANTS, own, operation, PREMISE_OVER, at)


def _mark(
    script: Script,
    found: str,
    own: Mapping[str, object],
    operation: Operation | None,
    reason: str,
    at: datetime,
) -> None:
    params = {
        "tenant": require_tenant().tenant_id,
        "operation": operation.id if operation else None,
        "reason": reason,
        "at": at,
        **own,
    }
    script.add_named(_MARK.format(found=found), params)
