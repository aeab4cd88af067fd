"""Nodes and edges of stored facts, written in the transaction that stored them.

Which node a name means was settled before (``pipeline.link``); ``store.nodes`` makes
that true, ``store.beliefs`` what is believed of edges. What a retired edge was the
premise of is marked ``store.suspects``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from memories.models import Memory, Mention
from memories.providers.vectors import SpaceVectors
from memories.store.beliefs import (
    Assertion,
    Beliefs,
    Edge,
    follow_heads,
    inherit_edges,
    name_successors_of,
)
from memories.store.nodes import Nodes, regroup, write_nodes
from memories.store.outliving import Told, is_in_passing
from memories.store.script import Script
from memories.types import Fact, FactLinks, Links, Vectors

NOTHING = FactLinks()


def link_facts(
    script: Script,
    stored: Iterable[tuple[Memory, Fact]],
    links: Links,
    vectors: Mapping[str, SpaceVectors],
    changed: Collection[Memory] = (),
) -> Mapping[UUID, UUID]:
    """Write what facts of one anchor mention and assert, under its lock.

    ``changed`` are the heads that changed with them: what these said before follows.
    Returns the memories in force whose edge another ended, by the memory that said so.
    """
    linked = [
        (memory, found)
        for memory, fact in stored
        if (found := links.facts.get(fact.text, NOTHING)).nodes
    ]
    if not linked:
        follow_heads(changed, {})
        return {}
    nodes = write_nodes(script, links, linked[0][0])
    mentions: dict[tuple[UUID, UUID], Mention] = {}
    said: list[Assertion] = []
    fresh: dict[UUID, Told] = {}
    for memory, found in linked:
        for ref in found.nodes:
            place = nodes[ref]
            mentions[place.said, memory.id] = Mention(
                project_id=memory.project_id,
                entity_id=place.node,
                said=place.said,
                memory_id=memory.id,
                created_at=memory.known_from,
            )
        edges = dict.fromkeys(_edges(found, nodes))
        told = {edge.triple for edge in edges}
        said += [
            Assertion(
                memory,
                edge,
                memory.known_from,
                in_passing=is_in_passing(edge.triple, told),
            )
            for edge in edges
        ]
        named = {nodes[ref].node for ref in found.nodes}
        fresh[memory.id] = Told(told, named=named)
    follow_heads(changed, fresh)
    beliefs = Beliefs(_vectors(linked, vectors, links.space_id))
    beliefs.assert_edges(said)
    beliefs.write(script)
    script.insert(mentions.values(), skip_known=True)
    if said:
        name_successors_of(script, [memory.id for memory, _ in linked])
    if nodes.must_regroup:
        regroup(script, linked[0][0].anchor_id)
    return beliefs.ended


def inherit(giver: Memory, heir: Memory) -> None:
    """What one memory would assert, another asserts: its words are the other's now.

    Call once both are written, under the anchor's lock.
    """
    script = Script()
    inherit_edges(script, giver, heir)
    script.insert(
        [
            Mention(
                project_id=heir.project_id,
                entity_id=entity_id,
                said=said,
                memory_id=heir.id,
                created_at=heir.known_from,
            )
            for entity_id, said in Mention.objects.filter(
                memory_id=giver.id
            ).values_list("entity_id", "said")
        ],
        skip_known=True,
    )
    script.run()


def _edges(found: FactLinks, nodes: Nodes) -> Iterable[Edge]:
    for edge in found.edges:
        source, target = nodes[edge.source], nodes[edge.target]
        if source.node != target.node:
            yield Edge(
                source.node, source.said, edge.type, target.node, target.said,
                edge.is_single,
            )  # fmt: skip


def _vectors(
    linked: Iterable[tuple[Memory, FactLinks]],
    vectors: Mapping[str, SpaceVectors],
    space_id: UUID | None,
) -> dict[str, tuple[UUID, Vectors]]:
    found: dict[str, tuple[UUID, Vectors]] = {}
    for memory, _ in linked:
        text = memory.text or ""
        if space_id is not None and space_id in vectors.get(text, {}):
            found[text] = (space_id, vectors[text][space_id])
    return found
