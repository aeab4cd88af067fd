"""What the wire shows of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from memories.selectors.entities import EntityView, MergeEnd, MergeView
from memories.selectors.relations import End, RelationView
from memories.selectors.walks import Neighbourhood, Way
from memories.types import JsonDict


def entity_json(entity: EntityView) -> JsonDict:
    """A node; where something was looked for, how like it is."""
    body: JsonDict = {
        "id": str(entity.id),
        "name": entity.name,
        "type": entity.type,
        "qualifier": entity.qualifier or None,
        "aliases": list(entity.aliases),
        **entity.whose,
        "state": entity.state,
        "merged_into": _text(entity.merged_into),
        "memory_count": entity.memories,
        "last_mentioned_at": entity.last_mentioned_at.isoformat(),
        "created_at": entity.created_at.isoformat(),
    }
    return body if entity.score is None else {**body, "score": round(entity.score, 6)}


def whole_entity_json(entity: EntityView, merges: Sequence[MergeView]) -> JsonDict:
    """A node with the memories that mention it, and what was merged."""
    return {
        **entity_json(entity),
        "memory_ids": [str(memory_id) for memory_id in entity.memory_ids],
        "merges": [merge_json(merge) for merge in merges],
    }


def merge_json(merge: MergeView) -> JsonDict:
    return {
        "id": str(merge.id),
        "kept": end_json(merge.kept),
        "absorbed": end_json(merge.absorbed),
        "decided_by": merge.decided_by,
        "score": merge.score,
        "evidence": merge.evidence,
        "at": merge.at.isoformat(),
        "undone_at": _iso(merge.undone_at),
    }


def relation_json(relation: RelationView) -> JsonDict:
    """An edge as it is believed, and which memories say so."""
    body: JsonDict = {
        "id": str(relation.id),
        "source": end_json(relation.source),
        "type": relation.type,
        "target": end_json(relation.target),
        "fact": relation.fact,
        "state": str(relation.state),
        "confidence": relation.confidence,
        "single_valued": relation.is_single,
        "valid_from": _iso(relation.valid_from),
        "valid_to": _iso(relation.valid_to),
        "valid_precision": relation.valid_precision,
        "known_from": relation.known_from.isoformat(),
        "replaced_by": _text(relation.replaced_by),
        **relation.whose,
        "memory_count": relation.memories,
        "memory_ids": [str(memory_id) for memory_id in relation.memory_ids],
    }
    if relation.score is None:
        return body
    return {**body, "score": round(relation.score, 6)}


def neighbourhood_json(
    entity: EntityView, found: Neighbourhood, depth: int
) -> JsonDict:
    """What is around a node, which is the first of the nodes."""
    return {
        "entity": entity_json(entity),
        "depth": depth,
        "entities": [
            {**end_json(near.end), "distance": near.distance}
            for near in found.neighbours
        ],
        "relations": [relation_json(relation) for relation in found.relations],
        "is_cut": found.is_cut,
    }


def path_json(way: Way) -> JsonDict:
    """``length`` is null where there is none."""
    return {
        "length": len(way.relations) if way.nodes else None,
        "entities": [end_json(node) for node in way.nodes],
        "relations": [relation_json(relation) for relation in way.relations],
        "is_cut": way.is_cut,
    }


def end_json(end: End | MergeEnd) -> JsonDict:
    return {"id": str(end.id), "name": end.name, "type": end.type}


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _text(found: UUID | None) -> str | None:
    return None if found is None else str(found)
