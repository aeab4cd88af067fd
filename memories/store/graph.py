"""Nodes and edges of a stored fact, written in the transaction that stored it.

Resolution here is by exact normalised name and type within an anchor; nothing is
merged on similarity alone.
"""

from __future__ import annotations

from memories.models import Entity, Memory, Mention, Relation, RelationSupport
from memories.types import Fact, ProposedEntity, ProposedRelation

MAX_NAME_CHARS = 300
MAX_TYPE_CHARS = 64


def link_fact(memory: Memory, fact: Fact) -> None:
    """Upsert what a fact mentions and asserts; call under the anchor's lock."""
    if not fact.entities and not fact.relations:
        return
    entities = _entities(memory, fact)
    for relation in fact.relations:
        source = entities.get(normalise(relation.source))
        target = entities.get(normalise(relation.target))
        if source and target:
            _assert_relation(memory, source, relation, target, fact)
    Mention.objects.bulk_create(
        [
            Mention(project_id=memory.project_id, entity=entity, memory=memory)
            for entity in entities.values()
        ],
        ignore_conflicts=True,
    )


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
    memory: Memory,
    source: Entity,
    relation: ProposedRelation,
    target: Entity,
    fact: Fact,
) -> None:
    kind = relation.type.strip()[:MAX_TYPE_CHARS]
    edge = Relation.objects.filter(
        source=source, target=target, type=kind, state="active"
    ).first()
    if edge is None:
        edge = Relation.objects.create(
            project_id=memory.project_id,
            anchor_id=memory.anchor_id,
            source=source,
            target=target,
            type=kind,
            fact=fact.text,
            confidence=fact.confidence,
            valid_from=fact.valid.start,
            valid_to=fact.valid.end,
            known_from=memory.known_from,
        )
    RelationSupport.objects.bulk_create(
        [
            RelationSupport(
                project_id=memory.project_id,
                relation=edge,
                memory=memory,
                number=memory.number,
            )
        ],
        ignore_conflicts=True,
    )
