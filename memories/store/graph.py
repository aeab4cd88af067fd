"""Nodes and edges of a stored fact, written in the transaction that stored it.

Resolution here is by exact normalised name and type within an anchor; nothing is
merged on similarity alone. A relation is one belief about an edge, as a version is of
a memory: believed from ``known_from`` until ``known_to``, in the state and valid time
of the memory that asserts it. Only ``known_to`` is ever written later. So after

* Lisbon superseded by Berlin: active until then; since then superseded, over in May
* Lisbon deleted: active until then, and nothing since; active anew once restored
* Lisbon reworded: active until then; since then what the new words assert
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import connection

from memories.models import Entity, Memory, Mention, Relation, RelationSupport
from memories.types import Fact, ProposedEntity, State
from tenants.scopes import require_tenant

MAX_NAME_CHARS = 300
MAX_TYPE_CHARS = 64
ASSERTING = (State.ACTIVE, State.SUPERSEDED, State.RETIRED)
"""States of a memory that says that something is so, or was so until it was over."""

_CLOSE_UNSAID = """
UPDATE memories_relation r SET known_to = changed.at
FROM (SELECT s.relation_id, max(m.known_from) AS at
      FROM memories_relationsupport s
      JOIN memories_memory m ON m.tenant_id = s.tenant_id AND m.id = s.memory_id
      WHERE s.tenant_id = %s AND s.memory_id = ANY(%s)
      GROUP BY s.relation_id) AS changed
WHERE r.tenant_id = %s AND r.id = changed.relation_id AND r.known_to IS NULL
  AND NOT EXISTS (
      SELECT 1 FROM memories_relationsupport s
      JOIN memories_memory m ON m.tenant_id = s.tenant_id AND m.id = s.memory_id
      JOIN memories_memoryversion v ON v.tenant_id = s.tenant_id
          AND v.memory_id = s.memory_id AND v.number = s.number
      WHERE s.tenant_id = r.tenant_id AND s.relation_id = r.id
        AND m.state = r.state AND m.text = v.text)
"""
# What the words of a memory have asserted before, unless it stands for them already.
_SAID_AGAIN = """
SELECT DISTINCT m.id, r.source_id, r.type, r.target_id
FROM memories_relationsupport s
JOIN memories_relation r ON r.tenant_id = s.tenant_id AND r.id = s.relation_id
JOIN memories_memory m ON m.tenant_id = s.tenant_id AND m.id = s.memory_id
JOIN memories_memoryversion v ON v.tenant_id = s.tenant_id
    AND v.memory_id = s.memory_id AND v.number = s.number
WHERE s.tenant_id = %s AND s.memory_id = ANY(%s)
  AND m.state = ANY(%s) AND m.text = v.text
  AND NOT EXISTS (
      SELECT 1 FROM memories_relationsupport mine
      JOIN memories_relation now ON now.tenant_id = mine.tenant_id
          AND now.id = mine.relation_id
      WHERE mine.tenant_id = s.tenant_id AND mine.memory_id = m.id
        AND now.known_to IS NULL AND now.state = m.state AND now.type = r.type
        AND now.source_id = r.source_id AND now.target_id = r.target_id)
"""


def link_fact(memory: Memory, fact: Fact) -> None:
    """Upsert what a fact mentions and asserts; call under the anchor's lock."""
    if not fact.entities and not fact.relations:
        return
    entities = _entities(memory, fact)
    for relation in fact.relations:
        source = entities.get(normalise(relation.source))
        target = entities.get(normalise(relation.target))
        if source and target:
            kind = relation.type.strip()[:MAX_TYPE_CHARS]
            _assert_relation(memory, source.id, kind, target.id)
    Mention.objects.bulk_create(
        [
            Mention(project_id=memory.project_id, entity=entity, memory=memory)
            for entity in entities.values()
        ],
        ignore_conflicts=True,
    )


def follow_heads(heads: Collection[Memory]) -> None:
    """Let relations stand as the memories that assert them do by now.

    What nobody says any more, as it was believed, is closed; what is said in another
    state, or again, is asserted so. Call once heads and versions are written, under
    the anchors' locks.
    """
    by_id = {head.id: head for head in heads}
    if not RelationSupport.objects.filter(memory_id__in=by_id).exists():
        return
    tenant_id, ids = require_tenant().tenant_id, list(by_id)
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE_UNSAID, [tenant_id, ids, tenant_id])
        cursor.execute(_SAID_AGAIN, [tenant_id, ids, [str(s) for s in ASSERTING]])
        said_again = cursor.fetchall()
    for memory_id, source_id, kind, target_id in said_again:
        _assert_relation(by_id[memory_id], source_id, kind, target_id)


def normalise(name: str) -> str:
    """One spelling of a name: folded case, single spaces."""
    return " ".join(name.casefold().split())[:MAX_NAME_CHARS]


def _entities(memory: Memory, fact: Fact) -> dict[str, Entity]:
    named = {
        normalise(entity.name): entity
        for entity in _proposed(fact)
        if entity.name.strip()
    }
    known = {
        entity.normalized: entity
        for entity in Entity.objects.filter(
            anchor_id=memory.anchor_id, state="active", normalized__in=named
        )
    }
    missing = [
        Entity(
            project_id=memory.project_id,
            anchor_id=memory.anchor_id,
            name=entity.name.strip()[:MAX_NAME_CHARS],
            normalized=key,
            type=entity.type[:MAX_TYPE_CHARS],
            created_at=memory.known_from,
            known_from=memory.known_from,
        )
        for key, entity in named.items()
        if key not in known
    ]
    Entity.objects.bulk_create(missing)
    return known | {entity.normalized: entity for entity in missing}


def _proposed(fact: Fact) -> list[ProposedEntity]:
    """Relations may name nodes the entity list left out."""
    ends = [name for r in fact.relations for name in (r.source, r.target)]
    return [*(ProposedEntity(name, "other") for name in ends), *fact.entities]


def _assert_relation(
    memory: Memory, source_id: UUID, kind: str, target_id: UUID
) -> None:
    """An edge as a memory asserts it now; the active ones share theirs."""
    if memory.state not in ASSERTING:
        return
    edge = {"source_id": source_id, "type": kind, "target_id": target_id}
    relation = None
    if memory.state == State.ACTIVE:
        relation = Relation.objects.filter(
            **edge, state=State.ACTIVE, known_to=None
        ).first()
    if relation is None:
        relation = Relation.objects.create(
            **edge,
            project_id=memory.project_id,
            anchor_id=memory.anchor_id,
            fact=memory.text,
            state=memory.state,
            confidence=memory.confidence,
            valid_from=memory.valid_from,
            valid_to=memory.valid_to,
            known_from=memory.known_from,
        )
    RelationSupport.objects.bulk_create(
        [
            RelationSupport(
                project_id=memory.project_id,
                relation=relation,
                memory=memory,
                number=memory.number,
            )
        ],
        ignore_conflicts=True,
    )
