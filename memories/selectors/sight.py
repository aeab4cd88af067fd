"""Through whose memories a graph is seen, and as of when: parts of its statements.

A node is there while a memory that may be seen mentions it, an edge while one asserts
it as it is believed: what nobody says is nowhere, and what is somebody else's is not
there. Who counted as whom at an instant follows from the merges that stood then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pgvector import HalfVector

from memories.selectors.memories import owned, source, unexpired, visible
from memories.types import Filters, Scope, Visibility
from tenants.scopes import current_tenant_id

ANYBODYS = Filters("true", (), Scope())
"""Every memory of the open scope."""

Sql = tuple[str, list[Any]]

# What was merged into what at an instant, to the end of each chain.
_PLACES = """
standing AS (
    SELECT g.absorbed_id, g.kept_id FROM memories_entitymerge g
    WHERE g.tenant_id = %s AND g.at <= %s AND (g.undone_at IS NULL OR g.undone_at > %s)
), chain AS (
    SELECT absorbed_id AS said, kept_id AS node, 1 AS depth FROM standing
    UNION ALL
    SELECT c.said, s.kept_id, c.depth + 1 FROM chain c
    JOIN standing s ON s.absorbed_id = c.node WHERE c.depth < 1000
), place AS (
    SELECT DISTINCT ON (said) said, node FROM chain ORDER BY said, depth DESC
),"""


def mentioned_by(as_of: datetime | None) -> str:
    """See :attr:`Sight.mentioned`."""
    if as_of is None:
        return "true"
    return "(m.known_to IS NULL OR n.created_at < m.known_to)"


@dataclass(frozen=True, slots=True)
class Sight:
    """``filters`` say through which memories, ``as_of`` what was known; None is now."""

    filters: Filters = ANYBODYS
    as_of: datetime | None = None
    show_expired: bool = False

    def places(self) -> Sql:
        """The beginning of a statement: a WITH, and what :meth:`node` needs in it."""
        if self.as_of is None:
            return "WITH", []
        at = self.as_of
        return f"WITH RECURSIVE {_PLACES}", [current_tenant_id(), at, at]

    def node(self, column: str, said: str) -> str:
        """What a row's node counts as: its own column, or as of the instant."""
        if self.as_of is None:
            return column
        return f"coalesce((SELECT p.node FROM place p WHERE p.said = {said}), {said})"

    def is_node(self, column: str, said: str, ids: list[UUID]) -> Sql:
        """That a row is about one of these nodes."""
        return f"{self.node(column, said)} = ANY(%s::uuid[])", [ids]

    def merged_into(self, entity: str) -> str:
        if self.as_of is None:
            return f"{entity}.merged_into_id"
        return f"(SELECT p.node FROM place p WHERE p.said = {entity}.id)"

    def aliases(self, entity: str) -> str:
        if self.as_of is None:
            return f"{entity}.aliases"
        return f"""array(
            SELECT DISTINCT a.name FROM place p
            JOIN memories_entity a ON a.tenant_id = {entity}.tenant_id AND a.id = p.said
            WHERE p.node = {entity}.id AND a.name <> {entity}.name ORDER BY a.name)"""

    def memories(self) -> Sql:
        """The relation ``m``."""
        return source(self.as_of, current_tenant_id())

    @property
    def mentioned(self) -> str:
        """That ``m`` speaks of ``n`` in the words it had then: what later ones brought
        is not in them yet. A mention has the instant of the version that brought it.
        """
        return mentioned_by(self.as_of)

    def listed(self) -> Sql:
        """That ``m`` is a memory that lists show."""
        own, own_params = owned()
        is_shown, params = visible(self.filters, self._visibility)
        return f"{own} AND {is_shown}", [*own_params, *params]

    def readable(self) -> Sql:
        """That ``m`` is one of them, whatever its state."""
        own, own_params = owned()
        fresh, fresh_params = unexpired("m", self._visibility)
        sql = f"{own} AND m.text IS NOT NULL AND {self.filters.sql} AND {fresh}"
        return sql, [*own_params, *self.filters.params, *fresh_params]

    def believed(self, edge: str = "r") -> Sql:
        """That an edge is believed at the instant."""
        if self.as_of is None:
            return f"{edge}.known_to IS NULL AND {edge}.archived_at IS NULL", []
        known_to = f"{edge}.known_to"
        sql = f"{edge}.known_from <= %s AND ({known_to} IS NULL OR {known_to} > %s)"
        return sql, [self.as_of, self.as_of]

    @property
    def _visibility(self) -> Visibility:
        return Visibility(show_expired=self.show_expired, as_of=self.as_of)


@dataclass(frozen=True, slots=True)
class Meant:
    """What is looked for by meaning: words, and their vector of a space.

    ``direction`` is that of the vector (``as_direction``).
    """

    words: str
    space_id: UUID | None = None
    direction: HalfVector | None = None

    def likeness(self, row: str) -> Sql:
        """Cosine (0..1) of a row's vector; 0 for one of another space, or none."""
        if self.space_id is None:
            return "0.0::float8", []
        sql = f"""CASE WHEN {row}.space_id = %s AND {row}.embedding IS NOT NULL
            THEN greatest(0, 1 - ({row}.embedding <=> %s::halfvec)) ELSE 0 END"""
        return sql, [self.space_id, self.direction]


def whose(row: tuple[Any, ...]) -> Mapping[str, str | None]:
    """The ids of an anchor, from its three columns."""
    return dict(zip(("user_id", "agent_id", "app_id"), row, strict=True))
