"""Merge two nodes that are there, and part them again, under the anchor's lock."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from memories.models import Anchor, Entity, EntityMerge
from memories.store.batch import lock_anchors
from memories.store.beliefs import settle_nodes
from memories.store.nodes import regroup
from memories.store.script import Script
from memories.store.suspects import lift_returned
from memories.types import JsonDict
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest
from tenants.audit import Actor

ONE_NAME = (
    "Another node has the same name, kind and role; they could not be told apart."
)


def merge(
    keep: Entity, other: Entity, *, actor: Actor, evidence: JsonDict
) -> EntityMerge | None:
    """None when both count as one node already."""
    anchor = lock_anchors([keep.anchor_id])[keep.anchor_id]
    roots = [_root(keep.id), _root(other.id)]
    if roots[0] == roots[1]:
        return None
    row = EntityMerge(
        project_id=keep.project_id,
        anchor_id=keep.anchor_id,
        kept_id=roots[0],
        absorbed_id=roots[1],
        decided_by=EntityMerge.By.OPERATOR,
        evidence=evidence,
        actor_kind=actor.kind,
        actor_id=actor.id,
        at=_next(anchor),
    )
    row.save(force_insert=True)
    _regroup(anchor, roots)
    return row


def part(found: EntityMerge, *, actor: Actor) -> EntityMerge | None:
    """None when somebody has parted them already.

    Raises InvalidRequest where another node bears the name of the one set free.
    """
    anchor = lock_anchors([found.anchor_id])[found.anchor_id]
    row = EntityMerge.objects.get(id=found.id)
    if row.undone_at is not None:
        return None
    _refuse_namesake(row.absorbed)
    row.undone_at, row.undone_by = _next(anchor), actor.id
    row.save(update_fields=["undone_at", "undone_by"])
    _regroup(anchor, [row.kept_id, row.absorbed_id, _root(row.kept_id)])
    return row


def _refuse_namesake(freed: Entity) -> None:
    """Nothing would tell two of one name, kind and role apart (``entity_name``)."""
    named = Entity.objects.filter(
        anchor_id=freed.anchor_id,
        normalized=freed.normalized,
        type=freed.type,
        qualifier=freed.qualifier,
        state="active",
    )
    if named.exclude(id=freed.id).exists():
        raise InvalidRequest(ONE_NAME)


def _regroup(anchor: Anchor, nodes: list[UUID]) -> None:
    """Rows go where they belong by now; then what holds one at a time is settled."""
    script = Script()
    regroup(script, anchor.id)
    script.run()
    settle_nodes(anchor.id, nodes, _next(anchor))
    script = Script()
    lift_returned(script, anchor.id, _next(anchor))
    script.run()
    anchor.save(update_fields=["last_known_at"])


def _root(entity_id: UUID) -> UUID:
    row = Entity.objects.values_list("merged_into_id", flat=True).get(id=entity_id)
    return row or entity_id


def _next(anchor: Anchor) -> datetime:
    at = clock.after(anchor.last_known_at)
    anchor.last_known_at = at
    return at
