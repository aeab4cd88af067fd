"""Hang what is to be stored on the graph: read what its names may mean, and decide.

In two steps, between which new names are embedded with the facts themselves: no
transaction is open then. Opens its own scopes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from memories.language.names import normalise
from memories.pipeline.link import candidate_keys, link, names_of
from memories.pipeline.ontology import Ontology
from memories.providers.vectors import SpaceVectors
from memories.selectors import nodes
from memories.types import Fact, KnownNode, Links
from tenants.scopes import tenant_scope


@dataclass(frozen=True, slots=True)
class Where:
    """Whose graph, and in which space names have vectors."""

    tenant_id: UUID
    project_id: UUID
    anchor_id: UUID
    space_id: UUID


@dataclass(frozen=True, slots=True)
class Named:
    """The names of facts, by normalised form, and the nodes that bear them already."""

    where: Where
    facts: tuple[Fact, ...] = ()
    names: Mapping[str, str] | None = None
    known: tuple[KnownNode, ...] = ()

    @property
    def new(self) -> dict[str, str]:
        """Those that no node with a vector of the space has."""
        space_id = self.where.space_id
        there = {normalise(n.name) for n in self.known if n.space_id == space_id}
        return {k: name for k, name in (self.names or {}).items() if k not in there}


def read_names(where: Where, facts: Sequence[Fact]) -> Named:
    """What facts name; one query where they name anything."""
    names = names_of(facts)
    if not names:
        return Named(where)
    with tenant_scope(where.tenant_id, project_id=where.project_id):
        known = nodes.named(where.anchor_id, names)
    return Named(where, tuple(facts), names, tuple(known))


def relate(
    named: Named,
    vectors: Mapping[str, SpaceVectors],
    ontology: Mapping[str, Any] | None = None,
) -> Links:
    """The links of facts into an anchor's graph; ``vectors`` of new names, by name."""
    if not named.names:
        return Links()
    where = named.where
    own = {key: vectors[name][where.space_id][0] for key, name in named.new.items()}
    found = {node.id: node for node in named.known}
    with tenant_scope(where.tenant_id, project_id=where.project_id):
        if own:
            keys = candidate_keys(named.new.values())
            for node in nodes.likely(where.anchor_id, keys, own, where.space_id):
                found[node.id] = node
        near = nodes.with_neighbours(found.values())
    links = link(named.facts, near, Ontology.of(ontology))
    return replace(links, vectors=own, space_id=where.space_id)
