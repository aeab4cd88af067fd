"""The indexes of huge scopes: found out, built and dropped as the owner (ADR 503).

An index is partial, of one anchor in one space, and of memories that some search shows:
ids and states stand in it as literals, and a search that names the same is answered
from it. What is hidden leaves it by the UPDATE that hides it. Everything here goes to
the owner's direct connection, which no other code uses while it serves (decision 2): a
build is a statement of its own, outside every transaction, and needs a session. The
owner sees every tenant; only ids and counts are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connections
from psycopg import sql

from memories.models import MemoryVector, MessageVector, ScopeIndex
from memories.selectors.memories import (
    SEARCHED_STATES,
    earliest_expiry,
    shown_states,
)
from memories.types import Visibility
from memplatform.lib import clock
from memplatform.lib.ids import new_id

OWNER = "owner"
"""The database alias of the owner's connection."""
PREFIX = "scope_index_"
MOST_DIMENSIONS = 4_000
"""Of a halfvec that HNSW takes (pgvector 0.8)."""
M, EF_CONSTRUCTION = 16, 200
MEMORY = "1GB"
"""What a build may use: a graph that does not fit takes several times as long. 50,000
vectors of 1,536 dimensions take 0.2 GB."""
COMMON = 300
"""A word that so many memories of a scope say is counted beforehand: more than a search
weighs (``retrieval.huge.TEXT_CAP``), so that it is looked up for want of rarer ones."""
Key = tuple[str, UUID, UUID, UUID]
"""Of which table, tenant, anchor and space an index is: one at most."""
LOCK = 0x6E656172
_VECTORS: Mapping[str, str] = {
    ScopeIndex.Of.MEMORIES: MemoryVector._meta.db_table,
    ScopeIndex.Of.MESSAGES: MessageVector._meta.db_table,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A scope's vectors in one table and space, and how many of them are shown."""

    of: str
    tenant_id: UUID
    project_id: UUID
    anchor_id: UUID
    space_id: UUID
    dimension: int
    vectors: int

    @property
    def key(self) -> Key:
        return self.of, self.tenant_id, self.anchor_id, self.space_id


@dataclass(frozen=True, slots=True)
class Known:
    """A row of ``ScopeIndex``, and whether its index can be used."""

    id: UUID
    of: str
    tenant_id: UUID
    project_id: UUID
    anchor_id: UUID
    space_id: UUID
    vectors: int
    is_counted: bool
    state: str
    told_at: datetime
    is_valid: bool

    @property
    def is_in_use(self) -> bool:
        return self.is_valid and self.state == ScopeIndex.State.READY

    @property
    def key(self) -> Key:
        return self.of, self.tenant_id, self.anchor_id, self.space_id


@contextmanager
def alone() -> Iterator[bool]:
    """Whether this process may build now: as the owner, and nobody else at it.

    Closes the owner's connection afterwards, and with it the lock.
    """
    owner = connections[OWNER]
    try:
        yield _rows(_MAY_BUILD)[0][0] and _rows(_TRY_LOCK, [LOCK])[0][0]
    finally:
        owner.close()


_MAY_BUILD = """
SELECT pg_has_role(relowner, 'USAGE') FROM pg_class
 WHERE oid = 'memories_memoryvector'::regclass
"""
_TRY_LOCK = "SELECT pg_try_advisory_lock(%s)"


def list_huge(least: int) -> list[Wanted]:
    """Scopes with so many vectors in a space that is read or being filled, largest
    first; where the memories are many, so are their words.

    Memories that a search does not show (deleted, expired) do not count: they are not
    read without an index either.
    """
    of_memories = _list_huge(ScopeIndex.Of.MEMORIES, least, _SHOWN, _shown())
    of_words = [replace(each, of=ScopeIndex.Of.WORDS) for each in of_memories]
    of_messages = _list_huge(ScopeIndex.Of.MESSAGES, least)
    found = [*of_memories, *of_messages, *of_words]
    return sorted(found, key=lambda wanted: -wanted.vectors)


def _list_huge(
    of: str, least: int, condition: str = "true", params: Sequence[Any] = ()
) -> list[Wanted]:
    statement = _HUGE.format(table=_VECTORS[of], condition=condition)
    rows = _rows(statement, [*params, MOST_DIMENSIONS, least])
    return [Wanted(of, *row) for row in rows]


def _shown() -> list[Any]:
    """The values of ``_SHOWN``: as a search has them that asks for nothing else."""
    seen = Visibility()
    return [shown_states(seen), earliest_expiry(seen)]


_SHOWN = "state = ANY(%s) AND (expires_on IS NULL OR expires_on >= %s)"
_HUGE = """
SELECT s.tenant_id, s.project_id, v.anchor_id, s.id, s.dimension, v.vectors
  FROM (SELECT tenant_id, anchor_id, space_id, count(*) AS vectors
          FROM {table} WHERE {condition} GROUP BY 1, 2, 3) AS v
  JOIN memories_embeddingspace s ON s.tenant_id = v.tenant_id AND s.id = v.space_id
  JOIN tenants_project p ON p.tenant_id = s.tenant_id AND p.id = s.project_id
 WHERE s.state IN ('active', 'building') AND s.dimension <= %s AND v.vectors >= %s
   AND p.deleted_at IS NULL
"""


def list_known() -> list[Known]:
    return [Known(*row) for row in _rows(_KNOWN, [PREFIX])]


_KNOWN = """
SELECT n.id, n.of, n.tenant_id, n.project_id, n.anchor_id, n.space_id, n.vectors,
       n.word_counts <> '{}', n.state, n.updated_at, coalesce(i.indisvalid, false)
  FROM memories_scopeindex n
  LEFT JOIN pg_class c ON c.relname = %s || replace(n.id::text, '-', '')
                      AND c.relnamespace = 'public'::regnamespace
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
"""


def drop_unknown() -> int:
    """Indexes that no row tells of: what a purge left, or a build that was killed."""
    names = [row[0] for row in _rows(_UNKNOWN, [f"{PREFIX}%", PREFIX])]
    for name in names:
        _drop_index(name)
    return len(names)


_UNKNOWN = """
SELECT c.relname FROM pg_class c
 WHERE c.relkind = 'i' AND c.relnamespace = 'public'::regnamespace
   AND c.relname LIKE %s
   AND NOT EXISTS (SELECT 1 FROM memories_scopeindex n
                    WHERE c.relname = %s || replace(n.id::text, '-', ''))
"""


def build(wanted: Wanted) -> bool:
    """Build an index and tell of it; False when it fails: then searches stay exact.

    The table is read and written meanwhile. What an attempt before this left goes.
    """
    index_id = _tell(wanted, ScopeIndex.State.BUILDING)
    name = _name(index_id)
    try:
        _drop_index(name)
        _create_index(name, wanted)
    except DatabaseError as exc:
        _drop_index(name)
        reason = getattr(exc.__cause__, "sqlstate", None) or type(exc).__name__
        _tell(wanted, ScopeIndex.State.FAILED, error=reason)
        return False
    recount(wanted)
    return True


def recount(wanted: Wanted, known: Known | None = None) -> None:
    """Note how many vectors a scope has by now, and which words many of its memories
    say: where it is ``known`` as it was and has not changed, those are as they were."""
    _tell(wanted, ScopeIndex.State.READY)
    is_as_it_was = known and known.is_counted and known.vectors == wanted.vectors
    if wanted.of == ScopeIndex.Of.WORDS and not is_as_it_was:
        ids = [str(wanted.tenant_id), str(wanted.anchor_id)]
        _run(_COUNT_WORDS, [*ids, *_shown(), COMMON, *ids])


# By the hash of a word as tsquery writes it, which is what a search has of it.
_COUNT_WORDS = r"""
UPDATE memories_scopeindex SET word_counts = (
    SELECT coalesce(jsonb_object_agg(hashtextextended((
               '''' || replace(replace(word, '\', '\\'), '''', '''''') || ''''
           )::tsquery::text, 0), ndoc), '{}')
      FROM ts_stat(format('SELECT search FROM memories_memory WHERE tenant_id = %%L'
                          ' AND anchor_id = %%L AND state = ANY(%%L) AND'
                          ' (expires_on IS NULL OR expires_on >= %%L)',
                          %s, %s, %s::text[], %s::date))
     WHERE ndoc >= %s)
 WHERE tenant_id = %s AND anchor_id = %s AND of = 'words'
"""


def drop(known: Known) -> None:
    """Searches stop to count on an index before it goes."""
    _run("DELETE FROM memories_scopeindex WHERE id = %s", [known.id])
    _drop_index(_name(known.id))


_TELL = """
INSERT INTO memories_scopeindex
    (id, tenant_id, project_id, anchor_id, space_id, of, state, vectors, error,
     created_at, updated_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, anchor_id, space_id, of) DO UPDATE SET
    state = EXCLUDED.state, vectors = EXCLUDED.vectors, error = EXCLUDED.error,
    updated_at = EXCLUDED.updated_at
RETURNING id
"""


def _tell(wanted: Wanted, state: str, *, error: str = "") -> UUID:
    now = clock.now()
    ids = [wanted.tenant_id, wanted.project_id, wanted.anchor_id, wanted.space_id]
    told = [wanted.of, state, wanted.vectors, error, now, now]
    index_id: UUID = _rows(_TELL, [new_id(), *ids, *told])[0][0]
    return index_id


_NEAREST = """
CREATE INDEX CONCURRENTLY {name} ON {table}
 USING hnsw ((embedding::halfvec({dimension})) halfvec_cosine_ops)
  WITH (m = {m}, ef_construction = {ef})
 WHERE tenant_id = {tenant} AND space_id = {space} AND anchor_id = {anchor} {states}
"""
# Found by at once, not when a list of what is pending has been worked in.
_SAID = """
CREATE INDEX CONCURRENTLY {name} ON memories_memory
 USING gin (search) WITH (fastupdate = off)
 WHERE tenant_id = {tenant} AND anchor_id = {anchor} {states}
"""


def _create_index(name: str, wanted: Wanted) -> None:
    # Without parallel workers, which would share the graph in /dev/shm: containers keep
    # that small.
    _run("SET max_parallel_maintenance_workers = 0")
    _run(sql.SQL("SET maintenance_work_mem = {}").format(sql.Literal(MEMORY)))
    statement = _SAID if wanted.of == ScopeIndex.Of.WORDS else _NEAREST
    states = sql.SQL("AND state IN ({})").format(
        sql.SQL(", ").join(map(sql.Literal, SEARCHED_STATES))
    )
    _run(
        sql.SQL(statement).format(
            name=sql.Identifier(name),
            table=sql.Identifier(_VECTORS.get(wanted.of, "")),
            dimension=sql.Literal(wanted.dimension),
            m=sql.Literal(M),
            ef=sql.Literal(EF_CONSTRUCTION),
            tenant=sql.Literal(str(wanted.tenant_id)),
            space=sql.Literal(str(wanted.space_id)),
            anchor=sql.Literal(str(wanted.anchor_id)),
            states=sql.SQL("") if wanted.of == ScopeIndex.Of.MESSAGES else states,
        )
    )


def _drop_index(name: str) -> None:
    _run(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))


def _name(index_id: UUID) -> str:
    return f"{PREFIX}{index_id.hex}"


def _run(statement: Any, params: list[Any] | None = None) -> None:
    with connections[OWNER].cursor() as cursor:
        cursor.execute(statement, params)


def _rows(statement: str, params: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connections[OWNER].cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())
