"""The nodes that facts name, written with them; and which of them are one.

Which node a name means was settled before (``pipeline.link``); here, under the anchor's
lock, it is made true: who came first has written the node already, and a node that was
merged since counts as the other. A merge is a row of its own: taken back, the nodes are
two again, and each has what its own name said, also of what was said meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection

from memories.language.kinds import kind_of
from memories.language.names import MAX_NAME_CHARS, keys_of, normalise
from memories.language.relations import MAX_TYPE_CHARS
from memories.models import Entity, EntityMerge, Memory
from memories.providers.vectors import as_literal
from memories.store.script import Script
from memories.types import JsonDict, Links, MergeProposal, NodeRef
from tenants.scopes import require_tenant

_THERE = """
SELECT id, coalesce(merged_into_id, id), normalized, type, qualifier, state
FROM memories_entity
WHERE tenant_id = %s AND anchor_id = %s AND (id = ANY(%s) OR normalized = ANY(%s))
"""
_QUALIFY = """
UPDATE memories_entity e SET qualifier = %s
WHERE e.tenant_id = %s AND e.id = %s AND e.qualifier = '' AND NOT EXISTS (
    SELECT 1 FROM memories_entity o
    WHERE o.tenant_id = e.tenant_id AND o.anchor_id = e.anchor_id AND o.state = 'active'
      AND o.normalized = e.normalized AND o.type = e.type AND o.qualifier = %s)
"""
_TELL_TYPE = """
UPDATE memories_entity e SET type = %s
WHERE e.tenant_id = %s AND e.id = %s AND e.type IN ('other', 'thing') AND NOT EXISTS (
    SELECT 1 FROM memories_entity o
    WHERE o.tenant_id = e.tenant_id AND o.anchor_id = e.anchor_id AND o.state = 'active'
      AND o.normalized = e.normalized AND o.type = %s AND o.qualifier = e.qualifier)
"""
_EMBED = """
UPDATE memories_entity SET space_id = %s, embedding = %s::halfvec
WHERE tenant_id = %s AND id = %s AND space_id IS DISTINCT FROM %s
"""
# Who bears a name that another node has has its vector: names are embedded once.
_EMBED_AS_NAMESAKE = """
UPDATE memories_entity e SET space_id = o.space_id, embedding = o.embedding
FROM memories_entity o
WHERE e.tenant_id = %s AND e.id = ANY(%s) AND e.embedding IS NULL
  AND o.tenant_id = e.tenant_id AND o.anchor_id = e.anchor_id AND o.id <> e.id
  AND o.normalized = e.normalized AND o.space_id = %s AND o.embedding IS NOT NULL
"""
_REGROUP = "SELECT regroup_entities(%s, %s)"


@dataclass(frozen=True, slots=True)
class Place:
    """A node: what the words name (``said``), and what that counts as."""

    said: UUID
    node: UUID


@dataclass(slots=True)
class Nodes:
    """Where the names of an add's facts stand, by the key of their reference."""

    places: dict[object, Place] = field(default_factory=dict)
    must_regroup: bool = False

    def __getitem__(self, ref: NodeRef) -> Place:
        return self.places[_identity(ref)]


def write_nodes(script: Script, links: Links, first: Memory) -> Nodes:
    """Nodes of the links in an anchor, those to be among them; and their merges.

    ``first`` is a memory of the add: its anchor, and the instant of what is new.
    """
    writer = _Writer(script, links, first)
    refs = dict.fromkeys(ref for linked in links.facts.values() for ref in linked.nodes)
    writer.read(refs)
    merged = {_identity(merge.absorbed): merge for merge in links.merges}
    for ref in refs:
        writer.place(ref, merged.get(_identity(ref)))
    for merge in links.merges:
        writer.merge_known(merge)
    writer.flush()
    return writer.nodes


class _Writer:
    def __init__(self, script: Script, links: Links, first: Memory) -> None:
        self.nodes = Nodes()
        self._script, self._links, self._first = script, links, first
        self._roots: dict[UUID, UUID] = {}
        self._named: dict[tuple[str, str, str], UUID] = {}
        self._new: list[Entity] = []
        self._merges: list[EntityMerge] = []

    def read(self, refs: Iterable[NodeRef]) -> None:
        ids = [ref.id for ref in refs if ref.id]
        ids += [merge.kept.id for merge in self._links.merges if merge.kept.id]
        names = [normalise(ref.name) for ref in refs if not ref.id]
        with connection.cursor() as cursor:
            mine = [require_tenant().tenant_id, self._first.anchor_id]
            cursor.execute(_THERE, [*mine, ids, names])
            for id_, root, name, type_, qualifier, state in cursor.fetchall():
                self._roots[id_] = root
                if state == "active":
                    self._named[name, type_, qualifier] = id_

    def place(self, ref: NodeRef, merge: MergeProposal | None) -> None:
        """A node that is there; or one to be, merged at once where it is another."""
        same = (normalise(ref.name), ref.type[:MAX_TYPE_CHARS], ref.qualifier)
        id_ = ref.id if ref.id in self._roots else self._named.get(same)
        if id_ is None:
            id_ = self._add(ref, merge)
        else:
            self._tell(id_, ref)
        self.nodes.places[_identity(ref)] = Place(id_, self._roots[id_])

    def _add(self, ref: NodeRef, merge: MergeProposal | None) -> UUID:
        entity = _new_entity(self._first, ref)
        self._new.append(entity)
        kept = self.nodes.places.get(_identity(merge.kept)) if merge else None
        if kept is None and merge is not None and merge.kept.id in self._roots:
            kept = Place(merge.kept.id, self._roots[merge.kept.id])
        # One with a node that comes later is made afterwards (merge_known).
        if merge is not None and kept is not None:
            entity.state, entity.merged_into_id = "merged", kept.node
            self._merges.append(
                new_merge(
                    self._first, kept.said, entity.id, merge.score, merge.evidence
                )
            )
        else:
            self._named[entity.normalized, entity.type, entity.qualifier] = entity.id
        self._roots[entity.id] = entity.merged_into_id or entity.id
        return entity.id

    def _tell(self, id_: UUID, ref: NodeRef) -> None:
        """What is learned of a node that is there: what it is, and to the user."""
        tenant_id = require_tenant().tenant_id
        if ref.qualifier:
            self._script.add(_QUALIFY, [ref.qualifier, tenant_id, id_, ref.qualifier])
        if kind_of(ref.type):
            type_ = ref.type[:MAX_TYPE_CHARS]
            self._script.add(_TELL_TYPE, [type_, tenant_id, id_, type_])

    def merge_known(self, merge: MergeProposal) -> None:
        """Two nodes that are there; nothing where they are one already."""
        kept = self.nodes.places.get(_identity(merge.kept))
        absorbed = self.nodes.places.get(_identity(merge.absorbed))
        if kept is None or absorbed is None or kept.node == absorbed.node:
            return
        self._merges.append(
            new_merge(
                self._first, kept.node, absorbed.node, merge.score, merge.evidence
            )
        )
        for said, root in self._roots.items():
            if root == absorbed.node:
                self._roots[said] = kept.node
        for key, place in self.nodes.places.items():
            self.nodes.places[key] = Place(place.said, self._roots[place.said])
        self.nodes.must_regroup = True

    def flush(self) -> None:
        self._script.insert(self._new)
        self._script.insert(self._merges)
        tenant_id = require_tenant().tenant_id
        for ref in dict.fromkeys(
            ref for linked in self._links.facts.values() for ref in linked.nodes
        ):
            vector = self._links.vectors.get(normalise(ref.name))
            if vector is not None:
                id_, space_id = self.nodes[ref].said, self._links.space_id
                values = [space_id, as_literal(vector), tenant_id, id_, space_id]
                self._script.add(_EMBED, values)
        if self._new and self._links.space_id:
            ids = [row.id for row in self._new]
            space_id = self._links.space_id
            self._script.add(_EMBED_AS_NAMESAKE, [tenant_id, ids, space_id])
        if self._merges and not self.nodes.must_regroup:
            roots = [row.merged_into_id for row in self._new if row.merged_into_id]
            self._script.add(_ALIASES, [tenant_id, tenant_id, roots])


_ALIASES = """
UPDATE memories_entity e SET aliases = coalesce((
    SELECT array_agg(DISTINCT a.name ORDER BY a.name) FROM memories_entity a
    WHERE a.tenant_id = %s AND a.merged_into_id = e.id AND a.name <> e.name), '{}')
WHERE e.tenant_id = %s AND e.id = ANY(%s)
"""


def regroup(script: Script, anchor_id: UUID) -> None:
    """Let every row of an anchor stand at the node that its own counts as by now.

    Call under the anchor's lock, once all rows are in the script.
    """
    script.ask(_REGROUP, [require_tenant().tenant_id, [anchor_id]])


def new_merge(
    first: Memory,
    kept_id: UUID,
    absorbed_id: UUID,
    score: float,
    evidence: Mapping[str, object],
) -> EntityMerge:
    """One that a rule decided on, with what was learned."""
    proof: JsonDict = {**evidence, "memory": str(first.id)}
    return EntityMerge(
        project_id=first.project_id,
        anchor_id=first.anchor_id,
        kept_id=kept_id,
        absorbed_id=absorbed_id,
        decided_by=EntityMerge.By.RULE,
        score=score,
        evidence=proof,
        actor_kind="engine",
        at=first.known_from,
    )


def _new_entity(memory: Memory, ref: NodeRef) -> Entity:
    name = ref.name[:MAX_NAME_CHARS]
    return Entity(
        project_id=memory.project_id,
        anchor_id=memory.anchor_id,
        name=name,
        normalized=normalise(name),
        type=ref.type[:MAX_TYPE_CHARS],
        qualifier=ref.qualifier,
        keys=list(keys_of(name)),
        created_at=memory.known_from,
        known_from=memory.known_from,
    )


def _identity(ref: NodeRef) -> object:
    return ref.id or ref.key
