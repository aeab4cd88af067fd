"""Nodes and edges of a stored fact, written in the transaction that stored it.

Resolution here is by exact normalised name and type within an anchor; nothing is
merged on similarity alone. A relation is one belief about an edge, as a version is of
a memory: believed from ``known_from`` until ``known_to``, in the state and valid time
of the memory that asserts it. Only ``known_to`` is ever written later. So after

* Lisbon superseded by Berlin: active until then; since then superseded, over in May
* Lisbon deleted: active until then, and nothing since; active anew once restored
* Lisbon reworded: active until then; since then what the new words assert
* another day found out, from which Lisbon was true: believed anew, with that day
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from django.db import connection

from memories.models import Entity, Memory, Mention, Relation, RelationSupport
from memories.store.script import Script
from memories.types import Fact, ProposedEntity, State
from tenants.scopes import require_tenant

MAX_NAME_CHARS = 300
MAX_TYPE_CHARS = 64
ASSERTING = (State.ACTIVE, State.SUPERSEDED, State.RETIRED, State.QUARANTINED)
"""States of a memory that says that something is so, or was so until it was over, or
would say so: relations of that state wait with it, and are asserted once it is."""

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
        AND m.state = r.state AND m.text = v.text
        AND (m.valid_from, m.valid_to) IS NOT DISTINCT FROM (v.valid_from, v.valid_to))
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
_ASSERTED_BY = """
SELECT DISTINCT r.source_id, r.type, r.target_id
FROM memories_relationsupport s
JOIN memories_relation r ON r.tenant_id = s.tenant_id AND r.id = s.relation_id
WHERE s.tenant_id = %s AND s.memory_id = %s
"""

_KNOWN_ENTITIES = """
SELECT normalized, id FROM memories_entity
WHERE tenant_id = %s AND anchor_id = %s AND state = 'active' AND normalized = ANY(%s)
"""
_STANDING = """
SELECT id, source_id, type, target_id FROM memories_relation
WHERE tenant_id = %s AND source_id = ANY(%s) AND state = 'active' AND known_to IS NULL
ORDER BY id DESC
"""

type Edge = tuple[UUID, str, UUID]
"""Source, type, target."""


def link_facts(script: Script, stored: Iterable[tuple[Memory, Fact]]) -> None:
    """Upsert what facts of one anchor mention and assert, under its lock."""
    linked = [(m, fact) for m, fact in stored if fact.entities or fact.relations]
    if not linked:
        return
    entities = _entities(script, linked)
    asserted: list[tuple[Memory, Edge]] = []
    mentions: list[Mention] = []
    for memory, fact in linked:
        for relation in fact.relations:
            source = entities.get(normalise(relation.source))
            target = entities.get(normalise(relation.target))
            if source and target:
                kind = relation.type.strip()[:MAX_TYPE_CHARS]
                asserted.append((memory, (source, kind, target)))
        mentions += [
            Mention(project_id=memory.project_id, entity_id=entity, memory_id=memory.id)
            for entity in dict.fromkeys(entities[key] for key in _named(fact))
        ]
    _assert_relations(script, asserted)
    script.insert(mentions, skip_known=True)


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
    script = Script()
    _assert_relations(script, [(by_id[row[0]], row[1:]) for row in said_again])
    script.run()


def inherit(giver: Memory, heir: Memory) -> None:
    """What one memory would assert, another asserts: its words are the other's now.

    Call once both are written, under the anchor's lock.
    """
    tenant_id = require_tenant().tenant_id
    with connection.cursor() as cursor:
        cursor.execute(_ASSERTED_BY, [tenant_id, giver.id])
        edges: list[Edge] = cursor.fetchall()
    script = Script()
    _assert_relations(script, [(heir, (edge[0], edge[1], edge[2])) for edge in edges])
    mentioned = Mention.objects.filter(memory_id=giver.id)
    script.insert(
        [
            Mention(project_id=heir.project_id, entity_id=entity_id, memory_id=heir.id)
            for entity_id in mentioned.values_list("entity_id", flat=True)
        ],
        skip_known=True,
    )
    script.run()


def normalise(name: str) -> str:
    """One spelling of a name: folded case, single spaces."""
    return " ".join(name.casefold().split())[:MAX_NAME_CHARS]


def _entities(script: Script, linked: Sequence[tuple[Memory, Fact]]) -> dict[str, UUID]:
    """The node of each name in an anchor; of new names, a node to be."""
    named: dict[str, tuple[Memory, ProposedEntity]] = {}
    for memory, fact in linked:
        for key, entity in _named(fact).items():
            named.setdefault(key, (memory, entity))
    anchor_id = linked[0][0].anchor_id
    with connection.cursor() as cursor:
        tenant_id = require_tenant().tenant_id
        cursor.execute(_KNOWN_ENTITIES, [tenant_id, anchor_id, list(named)])
        known: dict[str, UUID] = dict(cursor.fetchall())
    missing = [
        _new_entity(memory, key, entity)
        for key, (memory, entity) in named.items()
        if key not in known
    ]
    script.insert(missing)
    return known | {entity.normalized: entity.id for entity in missing}


def _new_entity(memory: Memory, key: str, proposed: ProposedEntity) -> Entity:
    return Entity(
        project_id=memory.project_id,
        anchor_id=memory.anchor_id,
        name=proposed.name.strip()[:MAX_NAME_CHARS],
        normalized=key,
        type=proposed.type[:MAX_TYPE_CHARS],
        created_at=memory.known_from,
        known_from=memory.known_from,
    )


def _named(fact: Fact) -> dict[str, ProposedEntity]:
    """By normalised name; relations may name nodes the entity list left out."""
    ends = [name for r in fact.relations for name in (r.source, r.target)]
    proposed = [*(ProposedEntity(name, "other") for name in ends), *fact.entities]
    return {
        normalise(entity.name): entity for entity in proposed if entity.name.strip()
    }


def _assert_relations(script: Script, asserted: Sequence[tuple[Memory, Edge]]) -> None:
    """Edges as memories assert them now; the active ones share theirs."""
    asserted = [pair for pair in asserted if pair[0].state in ASSERTING]
    if not asserted:
        return
    standing = _standing({edge for _, edge in asserted})
    relations: list[Relation] = []
    supports: list[RelationSupport] = []
    for memory, edge in asserted:
        is_active = memory.state == State.ACTIVE
        relation_id = standing.get(edge) if is_active else None
        if relation_id is None:
            relations.append(_new_relation(memory, edge))
            relation_id = relations[-1].id
        if is_active:
            standing[edge] = relation_id
        supports.append(
            RelationSupport(
                project_id=memory.project_id,
                relation_id=relation_id,
                memory_id=memory.id,
                number=memory.number,
            )
        )
    script.insert(relations)
    script.insert(supports, skip_known=True)


def _standing(edges: Collection[Edge]) -> dict[Edge, UUID]:
    """The relation that is believed of an edge, by edge."""
    sources = list({source for source, _, _ in edges})
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [require_tenant().tenant_id, sources])
        return {(row[1], row[2], row[3]): row[0] for row in cursor.fetchall()}


def _new_relation(memory: Memory, edge: Edge) -> Relation:
    source_id, kind, target_id = edge
    return Relation(
        source_id=source_id,
        type=kind,
        target_id=target_id,
        project_id=memory.project_id,
        anchor_id=memory.anchor_id,
        fact=memory.text,
        state=memory.state,
        confidence=memory.confidence,
        valid_from=memory.valid_from,
        valid_to=memory.valid_to,
        known_from=memory.known_from,
    )
