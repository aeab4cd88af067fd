"""Nodes, merges and edges of a file on their way in.

What replaced what, and who was said to be whom, stands in a file at both ends:
whichever comes second brings it. Rows are written at the node that their words named;
where they count now follows from the merges, as everywhere (ADR 0600). So a node whose
name is taken here comes in as another name of the one that is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any
from uuid import UUID, uuid5

from django.db.models import F

from memories.language.names import keys_of, likeness
from memories.models import (
    Entity,
    EntityMerge,
    Memory,
    Mention,
    Relation,
    RelationSupport,
)
from memories.providers.vectors import as_literal
from memories.store.batch import Batch
from memories.store.beliefs import settle_nodes
from memories.store.bringing import (
    ADDED,
    KNOWN,
    Bringer,
    Names,
    Texts,
    anchor_key,
    present,
    uuids_in,
)
from memories.store.nodes import regroup
from memories.store.script import Script
from memories.types import JsonDict
from tenants.scopes import require_tenant

_REPLACED = """
UPDATE memories_relation SET replaced_by_id = %s
WHERE tenant_id = %s AND id = ANY(%s) AND replaced_by_id IS NULL
"""
# An edge in the words of a memory has its vector, as when it was said first.
_EMBED = """
UPDATE memories_relation r SET space_id = e.space_id, embedding = e.embedding
FROM memories_relationsupport s, memories_memoryversion v, memories_memoryvector e
WHERE r.tenant_id = %s AND r.id = ANY(%s)
  AND s.tenant_id = r.tenant_id AND s.relation_id = r.id
  AND v.tenant_id = r.tenant_id AND v.memory_id = s.memory_id AND v.number = s.number
  AND v.text = r.fact
  AND e.tenant_id = r.tenant_id AND e.memory_id = v.memory_id
  AND e.number = v.vector_number AND e.chunk_no = 0 AND e.space_id = %s
"""
_ENTITY_FIELDS = (
    *("name", "normalized", "qualifier", "aliases", "mention_count", "created_at"),
    *("known_from", "known_to"),
)
_MERGE_FIELDS = (
    *("decided_by", "score", "actor_kind", "actor_id", "at", "undone_at", "undone_by"),
)
_RELATION_FIELDS = (
    *("is_single", "fact", "state", "confidence", "valid_from", "valid_to"),
    *("valid_precision", "known_from", "known_to", "archived_at"),
)


class GraphTransfer:
    """The graph of one batch of lines; call under the anchors' locks.

    ``before`` is run before the batch's memories are written, ``behind`` afterwards.
    """

    def __init__(
        self,
        bringer: Bringer,
        anchors: Mapping[Any, UUID],
        memories: Names,
        before: Script,
        behind: Script,
        texts: Texts,
    ) -> None:
        self._bringer, self._anchors, self._texts = bringer, anchors, texts
        self._memories, self._before, self._behind = memories, before, behind
        project = bringer.project_id
        self._entities, self._relations = Names(project), Names(project)
        self._merges = Names(project)
        self._taken: dict[tuple[UUID, str, str, str], UUID] = {}
        self._namesakes: set[UUID] = set()
        self._contended: dict[UUID, set[UUID]] = {}
        self._places: dict[UUID, UUID] = {}
        self._kept: dict[UUID, UUID] = {}
        self._regrouped: set[UUID] = set()
        self._brought: list[UUID] = []

    def learn(
        self,
        nodes: Sequence[JsonDict],
        memories: Sequence[JsonDict],
        edges: Sequence[JsonDict],
    ) -> None:
        """What the ids in these lines are here; those of memories are known."""
        merges = [merge for line in nodes for merge in line["merges"] or ()]
        told = uuids_in([merge["evidence"] for merge in merges])
        ends = ("source_id", "source_said", "target_id", "target_said")
        self._memories.learn(Memory, told)
        self._entities.learn(
            Entity,
            [
                *(line["id"] for line in nodes),
                *(merge[end] for merge in merges for end in ("kept_id", "absorbed_id")),
                *(id_ for line in memories for id_ in line["mentions"] or ()),
                *(line[end] for line in edges for end in ends),
                *told,
            ],
        )
        self._merges.learn(EntityMerge, [merge["id"] for merge in merges])
        self._relations.learn(
            Relation,
            [
                *(line["id"] for line in edges),
                *(line["replaced_by_id"] for line in edges),
                *(id_ for line in edges for id_ in line["replaces"] or ()),
            ],
        )
        there = Entity.objects.filter(id__in=self._entities.present)
        placed = there.filter(merged_into__isnull=False)
        self._places = dict(placed.values_list("id", "merged_into_id"))
        self._kept = dict(self._places)
        namesakes = placed.filter(normalized=F("merged_into__normalized"))
        self._namesakes = set(namesakes.values_list("id", flat=True))
        named = Entity.objects.filter(
            anchor_id__in=set(self._anchors.values()),
            normalized__in={line["normalized"] for line in nodes},
            state="active",
        )
        self._taken = {
            (node.anchor_id, node.normalized, node.type, node.qualifier): node.id
            for node in named
        }

    def bring_entity(self, line: JsonDict) -> str:
        """A node, and its merges with nodes that are here."""
        anchor_id = self._anchors[anchor_key(line)]
        qualifier = line["qualifier"] or ""
        name = (anchor_id, line["normalized"], line["entity_type"], qualifier)
        is_merged = any(
            merge["absorbed_id"] == line["id"] and merge["undone_at"] is None
            for merge in line["merges"] or ()
        )
        if self._entities.has(line["id"]):
            return KNOWN
        twin = None if is_merged else self._taken.get(name)
        is_active = not is_merged and twin is None
        entity = Entity(
            id=self._entities[line["id"]],
            project_id=self._bringer.project_id,
            anchor_id=anchor_id,
            type=line["entity_type"],
            keys=list(keys_of(line["name"])),
            state="active" if is_active else "merged",
            **present({name: line[name] for name in _ENTITY_FIELDS}),
            **self._vector(line["name"]),
        )
        self._taken |= {name: entity.id} if is_active else {}
        self._before.insert([entity], skip_known=True)
        self._entities.present.add(entity.id)
        if twin is not None:
            self._join(entity, twin)
        for merge in line["merges"] or ():
            self._bring_merge(merge, anchor_id)
        return ADDED if twin is None else KNOWN

    def _join(self, entity: Entity, twin: UUID) -> None:
        """Both are one from when both were known; what comes of it counts there."""
        self._kept[entity.id] = twin
        self._namesakes.add(entity.id)
        self._regrouped.add(entity.anchor_id)
        row = EntityMerge(
            id=uuid5(entity.id, str(twin)),
            project_id=entity.project_id,
            anchor_id=entity.anchor_id,
            kept_id=twin,
            absorbed_id=entity.id,
            decided_by=EntityMerge.By.RULE,
            evidence={"name": 1.0, "grounds": likeness(entity.name, entity.name)[1]},
            actor_kind=self._bringer.cause.actor_kind,
            actor_id=self._bringer.cause.actor_id,
            at=self._bringer.accepted_at,
        )
        self._behind.insert([row], skip_known=True)

    def bring_mentions(self, head: Memory, line: JsonDict) -> None:
        """Since when, where it is told; else as long as there is the memory."""
        first = line["versions"][0]["known_from"]
        told = zip_longest(line["mentions"] or (), line["mentioned_at"] or ())
        said = {self._entities.there(id_): at or first for id_, at in told}
        self._behind.insert(
            [
                Mention(
                    project_id=self._bringer.project_id,
                    memory_id=head.id,
                    entity_id=self._place(id_),
                    said=id_,
                    created_at=at,
                )
                for id_, at in said.items()
                if id_
            ],
            skip_known=True,
        )

    def bring_relation(self, line: JsonDict) -> str:
        source, target = self._end(line, "source"), self._end(line, "target")
        if self._relations.has(line["id"]):
            return KNOWN
        support = [s for s in line["support"] if self._memories.has(s["memory_id"])]
        if source is None or target is None or not support:
            return KNOWN  # it stands between nodes that go by other ids here
        relation = Relation(
            id=self._relations[line["id"]],
            project_id=self._bringer.project_id,
            anchor_id=self._anchors[anchor_key(line)],
            source_id=self._place(source),
            target_id=self._place(target),
            source_said=source,
            target_said=target,
            type=line["relation_type"],
            replaced_by_id=self._relations.there(line["replaced_by_id"]),
            **present({name: line[name] for name in _RELATION_FIELDS}),
        )
        self._behind.insert([relation])
        self._behind.insert(
            [
                RelationSupport(
                    project_id=self._bringer.project_id,
                    relation_id=relation.id,
                    memory_id=self._memories[row["memory_id"]],
                    number=row["number"],
                )
                for row in support
            ],
            skip_known=True,
        )
        self._relations.present.add(relation.id)
        self._brought.append(relation.id)
        if source in self._namesakes:
            nodes = self._contended.setdefault(relation.anchor_id, set())
            nodes.add(self._root(source))
        former = [self._relations.there(id_) for id_ in line["replaces"] or ()]
        if any(former):
            tenant_id = require_tenant().tenant_id
            ids = [id_ for id_ in former if id_]
            self._behind.add(_REPLACED, [relation.id, tenant_id, ids])
        return ADDED

    def finish(self) -> None:
        """Once every line was brought: rows go where they count, edges get vectors."""
        for anchor_id in sorted(self._regrouped):
            regroup(self._behind, anchor_id)
        if self._brought and self._bringer.space_id is not None:
            tenant_id = require_tenant().tenant_id
            params = [tenant_id, self._brought, self._bringer.space_id]
            self._behind.add(_EMBED, params)

    def settle(self, batch: Batch) -> None:
        """Once all is written: of what holds one at a time a node that had edges here,
        and got more by its name, has one."""
        for anchor_id, nodes in sorted(self._contended.items()):
            settle_nodes(anchor_id, nodes, batch.next_instant(anchor_id))
            batch.anchors[anchor_id].save(update_fields=["last_known_at"])

    def _bring_merge(self, merge: JsonDict, anchor_id: UUID) -> None:
        kept = self._entities.there(merge["kept_id"])
        absorbed = self._entities.there(merge["absorbed_id"])
        if kept is None or absorbed is None or self._merges.has(merge["id"]):
            return
        if merge["undone_at"] is None:
            if not self._may_stand(kept, absorbed):
                return
            self._kept[absorbed] = kept
            self._regrouped.add(anchor_id)
        evidence = self._memories.renamed(merge["evidence"] or {})
        row = EntityMerge(
            id=self._merges[merge["id"]],
            project_id=self._bringer.project_id,
            anchor_id=anchor_id,
            kept_id=kept,
            absorbed_id=absorbed,
            evidence=self._entities.renamed(evidence),
            **present({name: merge[name] for name in _MERGE_FIELDS}),
        )
        self._behind.insert([row], skip_known=True)
        self._merges.present.add(row.id)

    def _may_stand(self, kept: UUID, absorbed: UUID) -> bool:
        """A node is merged once, and never into itself."""
        return absorbed not in self._kept and self._root(kept) != absorbed

    def _root(self, node: UUID) -> UUID:
        while node in self._kept:
            node = self._kept[node]
        return node

    def _end(self, line: JsonDict, end: str) -> UUID | None:
        """The node that the words named, or what it counts as where it is not here."""
        said = self._entities.there(line[f"{end}_said"])
        return said or self._entities.there(line[f"{end}_id"])

    def _place(self, said: UUID) -> UUID:
        """What a node counts as before this batch: regrouping looks for it there."""
        return self._places.get(said, said)

    def _vector(self, name: str) -> JsonDict:
        space_id = self._bringer.space_id
        vectors = self._texts.get(name, {})
        if space_id is None or space_id not in vectors:
            return {}
        return {"space_id": space_id, "embedding": as_literal(vectors[space_id][0])}
