"""Say that two nodes of the graph are one, or take that back; each is audited.

Call inside the tenant's scope. Nothing is copied or thrown away: rows keep the node
that their words named, so that an un-merge gives both back what is theirs, also of
what was said meanwhile (ADR 0600).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from memories.models import Entity, EntityMerge
from memories.selectors.entities import NO_MERGE, NO_NODE
from memories.store import merges
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.audit import Actor, record_audit
from tenants.models import Project


def merge_entities(
    project: Project,
    keep_id: UUID,
    other_id: UUID,
    *,
    actor: Actor,
    evidence: Mapping[str, Any] | None = None,
) -> EntityMerge:
    """One node is another from now on; ``evidence`` is kept, without any text.

    A node that was merged already stands for what it counts as. Raises NotFound, and
    InvalidRequest for one and the same node, or nodes of different subjects.
    """
    keep, other = _entity(project, keep_id), _entity(project, other_id)
    if keep.anchor_id != other.anchor_id:
        raise InvalidRequest("They belong to different subjects; they are two.")
    merge = merges.merge(keep, other, actor=actor, evidence=dict(evidence or {}))
    if merge is None:
        raise InvalidRequest("They are one already.")
    changes = {"kept": str(merge.kept_id), "absorbed": str(merge.absorbed_id)}
    record_audit("entity.merge", merge, actor=actor, changes=changes)
    return merge


def unmerge(project: Project, merge_id: UUID, *, actor: Actor) -> EntityMerge:
    """Both nodes are what they were, each with its own edges, mentions and aliases.

    Raises NotFound, and InvalidRequest for one that was taken back already.
    """
    found = EntityMerge.objects.filter(project_id=project.id, id=merge_id).first()
    if found is None:
        raise NotFound(NO_MERGE)
    merge = merges.part(found, actor=actor)
    if merge is None:
        raise InvalidRequest("This merge was taken back already.")
    changes = {"kept": str(merge.kept_id), "absorbed": str(merge.absorbed_id)}
    record_audit("entity.unmerge", merge, actor=actor, changes=changes)
    return merge


def _entity(project: Project, entity_id: UUID) -> Entity:
    found = Entity.objects.filter(project_id=project.id, id=entity_id).first()
    if found is None:
        raise NotFound(NO_NODE)
    return found
