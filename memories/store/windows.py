"""What messages say and mean, and which of them memories were learned from (ADR 0500).

A search looks at a message together with its neighbours; nothing is kept of such a
window but the messages it is made of, so that none is ever out of date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from memories.language.segments import searchable
from memories.models import MemoryEvent
from memories.providers.vectors import SpaceVectors, as_literal
from memories.selectors.memories import INDEXED_CHARS
from memories.store.script import Script
from memplatform.lib.ids import new_id
from tenants.scopes import current_tenant_id

TELLS_SOURCES = frozenset(
    {
        MemoryEvent.Kind.ADD,
        MemoryEvent.Kind.UPDATE,
        MemoryEvent.Kind.MERGE,
        MemoryEvent.Kind.QUARANTINE,
    }
)
"""Kinds of event whose messages the memory was learned from."""
HEARD_ROLES = frozenset({"user", "assistant", "agent"})
"""Who takes part in a conversation: what tools and systems say stands in no window."""

_INSERT_HEARD = """
INSERT INTO memories_messagevector
    (id, tenant_id, project_id, anchor_id, space_id, message_id, position, session,
     search, embedding)
SELECT %s, g.tenant_id, g.project_id, g.anchor_id, %s, g.id, g.position,
       hashtextextended(coalesce(g.session_key, ''), 0),
       to_tsvector(%s::regconfig, %s), %s::halfvec
  FROM memories_message g
 WHERE g.tenant_id = %s AND g.id = %s AND g.content IS NOT NULL
ON CONFLICT DO NOTHING
"""
_INSERT_SOURCES = """
INSERT INTO memories_memorysource
    (id, tenant_id, project_id, anchor_id, memory_id, message_id)
SELECT gen_random_uuid(), g.tenant_id, g.project_id, learned.anchor_id,
       learned.memory_id, g.id
  FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[])
       AS learned (anchor_id, memory_id, message_id)
  JOIN memories_message g ON g.tenant_id = %s AND g.id = learned.message_id
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message's words, and in each space (1, dim) of its first chunk."""

    text: str
    vectors: SpaceVectors


@dataclass(frozen=True, slots=True)
class Learned:
    """One message that a memory was learned from."""

    anchor_id: UUID
    memory_id: UUID
    message_id: UUID


def write_heard(script: Script, heard: Mapping[UUID, Heard], language: str) -> None:
    """Messages by id; one that is there already, or emptied by now, is passed over."""
    tenant_id = current_tenant_id()
    for message_id, said in heard.items():
        for space_id, vectors in said.vectors.items():
            words = [language, searchable(said.text[:INDEXED_CHARS])]
            values = [new_id(), space_id, *words, as_literal(vectors[0])]
            script.add(_INSERT_HEARD, [*values, tenant_id, message_id])


def write_sources(script: Script, learned: Iterable[Learned]) -> None:
    """Messages that are not here (an import left them out) are passed over."""
    rows = list(learned)
    if rows:
        columns = zip(
            *((row.anchor_id, row.memory_id, row.message_id) for row in rows),
            strict=True,
        )
        params = [list(column) for column in columns]
        script.add(_INSERT_SOURCES, [*params, current_tenant_id()])
