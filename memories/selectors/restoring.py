"""What a restore reads: heads that moved since an instant, and what they were then.

Call inside a tenant scope.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Min

from memories.models import EmbeddingSpace, Memory, MemoryEvent
from memories.selectors.compare import ANY_STATE, VERSION_AT, About, differs
from memories.types import State
from memplatform.lib.clock import MICROSECOND
from tenants.scopes import current_tenant_id

type Wording = tuple[UUID, str | None, str | None]
"""What only one active memory has: the anchor, the hash of its text, its run."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Be again as it was ``at`` an instant: all memories of a subject, or some.

    ``memory_id`` names the only one. With ``undoes`` it is about the memories that an
    operation has changed, and about the version that each was right before.
    """

    about: About
    at: datetime
    memory_id: UUID | None = None
    undoes: UUID | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A head that is not the version it was; ``then_*`` are None where it was not yet.

    ``says_other`` is about words and all beside them, ``is_reworded`` about words.
    ``known_us`` is when the head began to be known, in microseconds since 1970: of
    20,000, instants would take longer to read than everything else.
    """

    memory_id: UUID
    anchor_id: UUID
    run_id: str | None
    number: int
    state: str
    text_hash: str | None
    is_immutable: bool
    replaced_by: UUID | None
    known_us: int
    then_number: int | None
    then_state: str | None
    then_replaced_by: UUID | None
    then_vectors: int | None
    then_hash: str | None
    is_reworded: bool
    says_other: bool

    @property
    def wording(self) -> Wording:
        return (self.anchor_id, self.text_hash, self.run_id)

    @property
    def then_wording(self) -> Wording:
        return (self.anchor_id, self.then_hash, self.run_id)


_MOVED = """
SELECT m.id, m.anchor_id, m.run_id, m.number, m.state, m.text_hash, m.is_immutable,
       m.replaced_by_id, (extract(epoch FROM m.known_from) * 1000000)::bigint,
       v.number, v.state, v.replaced_by_id, v.vector_number,
       CASE WHEN v.text IS DISTINCT FROM m.text
            THEN encode(sha256(convert_to(v.text, 'UTF8')), 'hex')
            ELSE m.text_hash END,
       v.text IS DISTINCT FROM m.text, {differs}
FROM memories_memory m
{then}
WHERE {mine} AND m.state = ANY({states}) AND m.text IS NOT NULL AND m.number > 0
  AND (%s::timestamptz IS NULL OR m.known_from > %s)
  AND (%s::uuid IS NULL OR m.id = %s)
  AND (%s::uuid[] IS NULL OR m.id = ANY(%s))
ORDER BY m.id
"""
_AT = f"""
LEFT JOIN LATERAL ({VERSION_AT}) AS v ON true
"""
_BEFORE = """
JOIN (SELECT memory_id, min(old_number) AS old_number FROM memories_memoryevent
      WHERE tenant_id = %s AND operation_id = %s GROUP BY memory_id) AS e
  ON e.memory_id = m.id
LEFT JOIN memories_memoryversion v ON v.tenant_id = m.tenant_id
  AND v.memory_id = m.id AND v.number = e.old_number
"""


def list_moved(aim: Aim, ids: Collection[UUID] | None = None) -> list[Moved]:
    """What a restore may have to change, by id; with ``ids``, of these alone."""
    mine, owned = aim.about.sql()
    if aim.undoes:
        then, since = _BEFORE, None
        asked: list[Any] = [current_tenant_id(), aim.undoes]
    else:
        then, since = _AT, aim.at
        asked = [aim.at] * 3
    named: Any = list(ids) if ids is not None else None
    statement = _MOVED.format(
        differs=differs("v", "m"), then=then, mine=mine, states=ANY_STATE
    )
    only = [since, since, aim.memory_id, aim.memory_id, named, named]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*asked, *owned, *only])
        return [Moved(*row) for row in cursor.fetchall()]


def moves_more_than(aim: Aim, most: int) -> bool:
    """Whether a restore may have to change more memories than so many; looks at no
    more than one beyond.
    """
    if aim.memory_id:
        return False
    if aim.undoes:
        events = MemoryEvent.objects.filter(operation_id=aim.undoes)
        return events.order_by()[: most + 1].count() > most
    moved = Memory.objects.filter(
        aim.about.condition(), state__in=list(State), known_from__gt=aim.at
    )
    there = moved.filter(text__isnull=False, number__gt=0)
    return there.order_by()[: most + 1].count() > most


def count_erased(about: About) -> int:
    """Memories of which nothing is left, at any instant."""
    return Memory.objects.filter(
        about.condition(), text__isnull=True, number__gt=0
    ).count()


def who_says(wordings: Iterable[Wording]) -> dict[Wording, UUID]:
    """Which active memory says a text in a run by now, where one does."""
    wanted = set(wordings)
    rows = Memory.objects.filter(
        anchor_id__in={anchor_id for anchor_id, _, _ in wanted},
        text_hash__in={text_hash for _, text_hash, _ in wanted},
        state=State.ACTIVE,
    ).values_list("anchor_id", "text_hash", "run_id", "id")
    found = {row[:3]: row[3] for row in (rows if wanted else ())}
    return {wording: id_ for wording, id_ in found.items() if wording in wanted}


_UNEMBEDDED = """
SELECT wanted.memory_id, wanted.number
FROM unnest(%s::uuid[], %s::integer[]) AS wanted (memory_id, number)
WHERE EXISTS (SELECT 1 FROM memories_embeddingspace s
              WHERE s.tenant_id = %s AND s.project_id = %s AND s.state = %s
                AND NOT EXISTS (SELECT 1 FROM memories_memoryvector e
                                WHERE e.tenant_id = s.tenant_id AND e.space_id = s.id
                                  AND e.memory_id = wanted.memory_id
                                  AND e.number = wanted.number))
"""


def list_unembedded(
    project_id: UUID, versions: Collection[tuple[UUID, int]]
) -> set[tuple[UUID, int]]:
    """Of these versions, by memory and number, those whose vectors are not kept."""
    if not versions:
        return set()
    ids, numbers = zip(*versions, strict=True)
    place: list[Any] = [current_tenant_id(), project_id, EmbeddingSpace.State.ACTIVE]
    with connection.cursor() as cursor:
        cursor.execute(_UNEMBEDDED, [list(ids), list(numbers), *place])
        return set(cursor.fetchall())


def instant_before(operation_id: UUID) -> datetime | None:
    """The last instant at which nothing of an operation was known yet."""
    events = MemoryEvent.objects.filter(operation_id=operation_id)
    first: datetime | None = events.aggregate(first=Min("at"))["first"]
    return first - MICROSECOND if first else None


def texts_now(ids: Collection[UUID]) -> Mapping[UUID, tuple[str, str]]:
    """(text, state) of memories that are there."""
    rows = Memory.objects.filter(id__in=ids, text__isnull=False)
    found = rows.values_list("id", "text", "state") if ids else ()
    return {id_: (text or "", state) for id_, text, state in found}
