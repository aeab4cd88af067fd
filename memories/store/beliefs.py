"""What is believed of edges: from when, until when, in which state, and what ended it.

A relation is one belief about an edge, as a version is of a memory: believed from
``known_from`` until ``known_to``, in the state and valid time of the memory that says
it. Only ``known_to``, ``replaced_by`` and what nodes count as are written later. So,
with

* Lisbon superseded by Berlin: active until then; since then superseded, over in May,
  replaced by Berlin
* Lisbon deleted: active until then, and nothing since; active anew once restored
* Lisbon reworded: active until then; since then what the new words assert
* another day found out, from which Lisbon was true: believed anew, with that day
* said with a sister who lived there: that she is a sister outlives it (``outliving``)

Of a relation that holds one at a time (``is_single``) a subject has one: where memories
that are all in force say two that overlap, the one that began later stands, and the
other is over since, replaced by it, as long as that stands (ADR 0601). Disjoint valid
times never conflict, and neither do edges of one memory.

Nothing is believed for no time: what an apply lets stand again and what it says itself
contend at one instant, and a row that is of that instant is rewritten, not closed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from memories.language.times import LENGTHS
from memories.models import Memory, Relation, RelationSupport
from memories.providers.vectors import as_literal
from memories.store.outliving import Told, Triple, is_in_passing, outliving, told_by
from memories.store.script import Script
from memories.types import State, Vectors
from memplatform.lib.ids import new_id
from tenants.scopes import require_tenant

ASSERTING = (State.ACTIVE, State.SUPERSEDED, State.RETIRED, State.QUARANTINED)
"""States of a memory that says that something is so, or was so until it was over, or
would say so: relations of that state wait with it, and are asserted once it is."""

# An edge that lost to another stays so while its memory is in force; one that outlived
# its memory has a support by the version that is over.
OUTLIVES = "m.state = 'superseded' AND v.state = 'superseded'"
_AS_SAID = f"""
m.text = v.text AND (
    r.state = 'active' AND {OUTLIVES}
    OR (r.state = m.state OR r.state = 'superseded' AND m.state = 'active'
                             AND r.replaced_by_id IS NOT NULL)
       AND (m.valid_from, m.valid_to) IS NOT DISTINCT FROM (v.valid_from, v.valid_to))
"""
# What lost to another, while its memory was in force or after that.
_STILL_SAID = """
m.text = v.text
    AND (m.state = 'active' OR m.state = 'superseded' AND v.state = 'active')
"""
_CLOSE_UNSAID = f"""
UPDATE memories_relation r SET known_to = changed.at
FROM (SELECT s.relation_id, max(m.known_from) AS at
      FROM memories_relationsupport s
      JOIN memories_memory m ON m.tenant_id = s.tenant_id AND m.id = s.memory_id
      WHERE s.tenant_id = %s AND s.memory_id = ANY(%s)
      GROUP BY s.relation_id) AS changed
WHERE r.tenant_id = %s AND r.id = changed.relation_id AND r.known_to IS NULL
  AND NOT EXISTS (
      SELECT 1 FROM memories_relationsupport s
      JOIN memories_memory m ON m.tenant_id = s.tenant_id AND m.id = s.memory_id
      JOIN memories_memoryversion v ON v.tenant_id = s.tenant_id
          AND v.memory_id = s.memory_id AND v.number = s.number
      WHERE s.tenant_id = r.tenant_id AND s.relation_id = r.id
        AND {_AS_SAID})
RETURNING r.id
"""
# What is said by a memory that is over, and is so still.
_OUTLIVE = """
INSERT INTO memories_relationsupport
    (id, tenant_id, project_id, relation_id, memory_id, number, created_at)
SELECT gen_random_uuid(), r.tenant_id, r.project_id, r.id, m.id, m.number, m.known_from
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::uuid[])
     AS kept (memory_id, source, type, target)
JOIN memories_memory m ON m.tenant_id = %s AND m.id = kept.memory_id
JOIN memories_relation r ON r.tenant_id = m.tenant_id AND r.source_id = kept.source
     AND r.type = kept.type AND r.target_id = kept.target
     AND r.state = 'active' AND r.known_to IS NULL
WHERE EXISTS (
    SELECT 1 FROM memories_relationsupport s
    JOIN memories_memoryversion v ON v.tenant_id = s.tenant_id
        AND v.memory_id = s.memory_id AND v.number = s.number
    WHERE s.tenant_id = r.tenant_id AND s.relation_id = r.id AND s.memory_id = m.id
      AND v.text = m.text)
ON CONFLICT DO NOTHING
"""
_EDGE = "r.source_id, r.source_said, r.type, r.target_id, r.target_said, r.is_single"
# What the words of a memory have asserted before, unless it stands for them already.
_SAID_AGAIN = f"""
SELECT m.id, (array_agg(r.id ORDER BY r.id DESC))[1], {_EDGE}
FROM memories_relationsupport s
JOIN memories_relation r ON r.tenant_id = s.tenant_id AND r.id = s.relation_id
JOIN memories_memory m ON m.tenant_id = s.tenant_id AND m.id = s.memory_id
JOIN memories_memoryversion v ON v.tenant_id = s.tenant_id
    AND v.memory_id = s.memory_id AND v.number = s.number
WHERE s.tenant_id = %s AND s.memory_id = ANY(%s)
  AND m.state = ANY(%s) AND m.text = v.text
  AND NOT EXISTS (
      SELECT 1 FROM memories_relationsupport mine
      JOIN memories_relation now ON now.tenant_id = mine.tenant_id
          AND now.id = mine.relation_id
      JOIN memories_memoryversion w ON w.tenant_id = mine.tenant_id
          AND w.memory_id = mine.memory_id AND w.number = mine.number
      WHERE mine.tenant_id = s.tenant_id AND mine.memory_id = m.id
        AND now.known_to IS NULL AND now.type = r.type
        AND (now.state = m.state OR now.state = 'superseded' AND m.state = 'active'
                                    AND now.replaced_by_id IS NOT NULL
             OR now.state = 'active' AND m.state = 'superseded'
                AND w.state = 'superseded')
        AND now.source_said = r.source_said AND now.target_said = r.target_said)
GROUP BY m.id, {_EDGE}
"""
# What had lost to edges that are believed no more, while its memory is in force: not to
# what was so until something else was, which ended it all the same.
_FREED = f"""
SELECT m.id, r.id, {_EDGE}
FROM memories_relation r
JOIN memories_relationsupport s ON s.tenant_id = r.tenant_id AND s.relation_id = r.id
JOIN memories_memory m ON m.tenant_id = s.tenant_id AND m.id = s.memory_id
JOIN memories_memoryversion v ON v.tenant_id = s.tenant_id
    AND v.memory_id = s.memory_id AND v.number = s.number
WHERE r.tenant_id = %s AND r.replaced_by_id = ANY(%s) AND r.known_to IS NULL
  AND r.state = 'superseded' AND {_STILL_SAID}
  AND NOT EXISTS (
      SELECT 1 FROM memories_relationsupport t
      JOIN memories_memory o ON o.tenant_id = t.tenant_id AND o.id = t.memory_id
      JOIN memories_memoryversion x ON x.tenant_id = t.tenant_id
          AND x.memory_id = t.memory_id AND x.number = t.number
      WHERE t.tenant_id = r.tenant_id AND t.relation_id = r.replaced_by_id
        AND o.state = 'superseded' AND o.text = x.text)
"""
# What had lost to an edge of what is another node by now.
_ASTRAY = f"""
SELECT m.id, r.id, {_EDGE}
FROM memories_relation r
JOIN memories_relation w ON w.tenant_id = r.tenant_id AND w.id = r.replaced_by_id
JOIN memories_relationsupport s ON s.tenant_id = r.tenant_id AND s.relation_id = r.id
JOIN memories_memory m ON m.tenant_id = s.tenant_id AND m.id = s.memory_id
JOIN memories_memoryversion v ON v.tenant_id = s.tenant_id
    AND v.memory_id = s.memory_id AND v.number = s.number
WHERE r.tenant_id = %s AND r.anchor_id = %s AND r.known_to IS NULL
  AND r.state = 'superseded' AND w.source_id <> r.source_id AND {_STILL_SAID}
"""
_SINGLE = f"""
SELECT {_EDGE} FROM memories_relation r
WHERE r.tenant_id = %s AND r.source_id = ANY(%s) AND r.state = 'active'
  AND r.known_to IS NULL AND r.is_single
"""
_ASSERTED_BY = f"""
SELECT DISTINCT {_EDGE}
FROM memories_relationsupport s
JOIN memories_relation r ON r.tenant_id = s.tenant_id AND r.id = s.relation_id
WHERE s.tenant_id = %s AND s.memory_id = %s
"""
# The edges that others may add to, or contend with: never all of a node's. Who said one
# before and has other words by now is no witness of it.
_BELIEF = """
SELECT r.id, r.source_id, r.source_said, r.type, r.target_id, r.target_said,
       r.is_single, r.valid_from, r.valid_to, r.confidence, r.fact, r.valid_precision,
       said.first, said.memories, r.project_id, r.anchor_id, r.known_from,
       r.state"""
_STANDING = f"""
{_BELIEF}, false
FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::boolean[])
     AS asked (source, type, target, single)
JOIN memories_relation r ON r.tenant_id = %s AND r.source_id = asked.source
     AND r.type = asked.type AND r.state = 'active' AND r.known_to IS NULL
     AND (asked.single OR r.target_id = asked.target)
CROSS JOIN LATERAL (
    SELECT coalesce(min(m.created_at), r.known_from) AS first,
           array_agg(m.id) AS memories
    FROM memories_relationsupport s
    JOIN memories_memory m ON m.tenant_id = s.tenant_id AND m.id = s.memory_id
    JOIN memories_memoryversion v ON v.tenant_id = s.tenant_id
        AND v.memory_id = s.memory_id AND v.number = s.number
    WHERE s.tenant_id = r.tenant_id AND s.relation_id = r.id AND m.text = v.text
      AND (m.state = 'active' OR {OUTLIVES})
) AS said
ORDER BY r.id
"""
# What lost or was over, and was so after an instant; whether it only ended so, a visit,
# and not as what replaced it began. Of a position, or by what it was replaced by: who
# moves on has been at ten thousand places, and only the last is asked for.
_OVER = f"""
{_BELIEF}, coalesce(r.valid_to <> coalesce(w.valid_from, (
               SELECT min(m.created_at) FROM memories_relationsupport s
               JOIN memories_memory m ON m.tenant_id = s.tenant_id
                    AND m.id = s.memory_id
               WHERE s.tenant_id = w.tenant_id AND s.relation_id = w.id
           ), w.known_from), false)
FROM memories_relation r
LEFT JOIN memories_relation w ON w.tenant_id = r.tenant_id AND w.id = r.replaced_by_id
CROSS JOIN LATERAL (
    SELECT min(m.created_at) AS first, array_agg(m.id) AS memories
    FROM memories_relationsupport s
    JOIN memories_memory m ON m.tenant_id = s.tenant_id AND m.id = s.memory_id
    JOIN memories_memoryversion v ON v.tenant_id = s.tenant_id
        AND v.memory_id = s.memory_id AND v.number = s.number
    WHERE s.tenant_id = r.tenant_id AND s.relation_id = r.id AND m.text = v.text
      AND m.state IN ('active', 'superseded')
) AS said
WHERE r.tenant_id = %s AND r.state = 'superseded' AND r.known_to IS NULL
  AND r.is_single AND r.valid_to > %s AND said.memories IS NOT NULL AND {{where}}
ORDER BY r.id
"""
_CLOSE = "UPDATE memories_relation SET known_to = %s WHERE tenant_id = %s AND id = %s"
_REPLACE = """
UPDATE memories_relation SET replaced_by_id = %s WHERE tenant_id = %s AND id = %s
"""
# What had lost to an edge has lost to it as it is believed by now.
_REPOINT = """
UPDATE memories_relation SET replaced_by_id = %s
WHERE tenant_id = %s AND replaced_by_id = %s AND known_to IS NULL
"""
_REWRITTEN = (
    *("is_single", "fact", "state", "confidence", "valid_from", "valid_to"),
    *("valid_precision", "known_from"),
)
_SUPPORT_AS = """
INSERT INTO memories_relationsupport
    (id, tenant_id, project_id, relation_id, memory_id, number, created_at)
SELECT gen_random_uuid(), tenant_id, project_id, %s, memory_id, number, created_at
FROM memories_relationsupport WHERE tenant_id = %s AND relation_id = %s
"""
_EMBED = """
UPDATE memories_relation SET space_id = %s, embedding = %s::halfvec
WHERE tenant_id = %s AND id = %s
"""
_EMBED_AS = """
UPDATE memories_relation r SET space_id = o.space_id, embedding = o.embedding
FROM memories_relation o
WHERE r.tenant_id = %s AND r.id = %s AND o.tenant_id = r.tenant_id AND o.id = %s
"""
# A superseded memory's edge is replaced by its successor's of the same subject.
_NAME_SUCCESSORS = """
UPDATE memories_relation r SET replaced_by_id = next.id
FROM memories_relationsupport s, memories_memory m, memories_relationsupport t,
     memories_relation next
WHERE m.tenant_id = %s AND m.{column} = ANY(%s)
  AND m.state = 'superseded'
  AND s.tenant_id = m.tenant_id AND s.memory_id = m.id
  AND r.tenant_id = m.tenant_id AND r.id = s.relation_id AND r.known_to IS NULL
  AND r.state = 'superseded' AND r.replaced_by_id IS NULL
  AND t.tenant_id = m.tenant_id AND t.memory_id = m.replaced_by_id
  AND next.tenant_id = m.tenant_id AND next.id = t.relation_id
  AND next.known_to IS NULL AND next.source_id = r.source_id AND next.type = r.type
  AND next.id <> r.id
"""


NO_TIME = timedelta()
BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Edge:
    """``source -type-> target``, with the nodes that words named."""

    source: UUID
    source_said: UUID
    type: str
    target: UUID
    target_said: UUID
    is_single: bool = False

    @property
    def position(self) -> tuple[UUID, str]:
        return (self.source, self.type)

    @property
    def triple(self) -> Triple:
        return (self.source, self.type, self.target)


@dataclass(slots=True)
class Assertion:
    """A memory says an edge; ``like`` is the relation that said so before.

    ``outlives``: the memory is over, and the edge is so still. ``in_passing``: the time
    of the memory is not that of the edge.
    """

    memory: Memory
    edge: Edge
    at: datetime
    like: UUID | None = None
    outlives: bool = False
    in_passing: bool = False

    @property
    def state(self) -> State:
        return State.ACTIVE if self.outlives else State(self.memory.state)

    @property
    def valid_from(self) -> datetime | None:
        return None if self.in_passing else self.memory.valid_from

    @property
    def valid_to(self) -> datetime | None:
        """When it ends, whenever the memory did."""
        is_open = self.outlives or (self.in_passing and self.state == State.ACTIVE)
        return None if is_open else self.memory.valid_to

    @property
    def precision(self) -> str | None:
        return None if self.in_passing else self.memory.valid_precision


@dataclass(slots=True)
class _Standing:
    """A relation in force: one that is there, or one to be (``row``)."""

    id: UUID
    edge: Edge
    said: datetime
    valid_from: datetime | None
    valid_to: datetime | None
    memories: set[UUID]
    project_id: UUID
    anchor_id: UUID
    known_from: datetime
    row: Relation | None = None
    confidence: float = 1.0
    fact: str | None = None
    precision: str | None = None
    is_over: bool = False
    is_visit: bool = False

    @property
    def start(self) -> datetime:
        """What nobody knows the beginning of holds since it was said, or if it was over
        by then, since any time."""
        if self.is_over and self.was_over:
            return BEFORE_ALL
        return self.valid_from or self.said

    @property
    def word(self) -> tuple[datetime, UUID]:
        """Its place among all that was said: the same, however often it is believed
        anew."""
        return (self.said, min(self.memories, default=self.id))

    @property
    def end(self) -> datetime | None:
        return self.valid_to

    @property
    def was_over(self) -> bool:
        """Whether it ended before anybody told of it, having begun at any time."""
        has_ended = self.end is not None and self.end <= self.said
        return self.valid_from is None and has_ended


@dataclass(slots=True)
class Beliefs:
    """What memories assert, put beside what stands; call under the anchor's lock."""

    vectors: dict[str, tuple[UUID, Vectors]] = field(default_factory=dict)
    ended: dict[UUID, UUID] = field(default_factory=dict)
    """Memories in force whose edge lost, by the memory that said the other one."""
    is_order_kept: bool = False
    """What is believed anew is no last word: of two that began at once the one that was
    said later stands, whoever is asserted last."""
    gone: Collection[UUID] = ()
    """Relations that are closed with what is written here."""
    _lost: set[UUID] = field(default_factory=set)
    _rows: list[Relation] = field(default_factory=list)
    _rewritten: dict[UUID, Relation] = field(default_factory=dict)
    _supports: list[RelationSupport] = field(default_factory=list)
    _after: list[tuple[str, list[Any]]] = field(default_factory=list)
    _standing: dict[tuple[UUID, str], list[_Standing]] = field(default_factory=dict)
    _over: dict[UUID, _Standing] = field(default_factory=dict)

    def assert_edges(self, said: Sequence[Assertion]) -> None:
        """Edges as memories assert them now; the active ones share theirs."""
        said = [one for one in said if one.state in ASSERTING]
        active = [one for one in said if one.state == State.ACTIVE]
        self._read({one.edge for one in active})
        for one in said:
            if one.state != State.ACTIVE:
                self._support(one, self._new(one).id)
        for one in active:
            self._assert_active(one)

    def settle(self, edges: Collection[Edge], at: datetime) -> None:
        """Let those that stand and hold one at a time contend, oldest first."""
        self._read(edges)
        for position, standing in self._standing.items():
            here: list[_Standing] = []
            for one in sorted(standing, key=lambda s: s.word):
                self._contend(one, here, at)
                if one.id not in self._lost:
                    here.append(one)
            self._standing[position] = here

    def write(self, script: Script) -> None:
        script.insert(self._rows)
        script.insert(self._supports, skip_known=True)
        for row in self._rewritten.values():
            script.update(row, _REWRITTEN)
        for statement, params in self._after:
            script.add(statement, params)

    def _read(self, edges: Collection[Edge]) -> None:
        if not edges:
            return
        asked: list[list[Any]] = [
            [edge.source for edge in edges],
            [edge.type for edge in edges],
            [edge.target for edge in edges],
            [edge.is_single for edge in edges],
        ]
        params = [*asked, require_tenant().tenant_id]
        found = {one.id: one for one in _read_standing(_STANDING, params)}
        for one in found.values():
            self._standing.setdefault(one.edge.position, []).append(one)

    def _assert_active(self, one: Assertion) -> None:
        here = self._standing.setdefault(one.edge.position, [])
        same = next((s for s in here if _is_same(s, one)), None)
        if same is not None and not _is_finer(one, same):
            same.memories.add(one.memory.id)
            self._support(one, same.id)
            return
        memory = one.memory
        is_now = same is not None and self._is_of(same, one.at)
        row = self._new(one, same.id if same and is_now else None)
        self._support(one, row.id)
        if same is not None:
            self._refine(same, row, here, one.at)
        new = _Standing(
            row.id, one.edge, memory.created_at,
            row.valid_from, row.valid_to,
            {memory.id} | (same.memories if same else set()),
            memory.project_id, memory.anchor_id, one.at, row,
            precision=one.precision,
        )  # fmt: skip
        if one.edge.is_single:
            self._contend(new, here, one.at)
        if row.state == State.ACTIVE:
            here.append(new)

    def _refine(
        self, old: _Standing, row: Relation, here: list[_Standing], at: datetime
    ) -> None:
        """The same edge with its day found out: one belief, with both witnesses."""
        here.remove(old)
        if row.valid_to is None and old.valid_to and old.valid_to > old.start:
            row.valid_to = old.valid_to
        tenant_id = require_tenant().tenant_id
        if old.id == row.id:
            return
        if old.row is None:
            self._after.append((_CLOSE, [at, tenant_id, old.id]))
            self._after.append((_SUPPORT_AS, [row.id, tenant_id, old.id]))
            self._after.append((_REPOINT, [row.id, tenant_id, old.id]))
            return
        self._rows.remove(old.row)
        for support in self._supports:
            if support.relation_id == old.id:
                support.relation_id = row.id

    def _contend(self, new: _Standing, here: list[_Standing], at: datetime) -> None:
        """Of two that overlap the later stands, and what was over within it yields;
        so do those that had lost before, where the new one comes in between."""
        past = self._past(new, here)
        seams = {one.start for one in (*here, *past)}
        rivals = [
            old
            for old in (*here, *past)
            if not old.memories & new.memories and _overlap(old, new, seams)
        ]
        winners = [
            old
            for old in rivals
            if _yields(new, old, seams) or (self.is_order_kept and _is_tie(new, old))
        ]
        if winners:
            self._end(new, _first_to_end(new, winners, seams), at, seams)
        for old in rivals:
            if old in winners or not _overlap(old, new, seams):
                continue
            if not old.is_over:
                here.remove(old)
            elif _is_within(old, new, seams):
                continue
            self._end(old, new, at, seams)

    def _past(self, new: _Standing, here: Sequence[_Standing]) -> list[_Standing]:
        """What of the position is over, and was so once the new one began. Where what
        goes on began before it, only what had lost to that."""
        tenant_id = require_tenant().tenant_id
        is_last = any(one.end is None and one.start <= new.start for one in here)
        where, params = "r.source_id = %s AND r.type = %s", list(new.edge.position)
        if is_last:
            where, params = "r.replaced_by_id = ANY(%s)", [[one.id for one in here]]
        found = _read_standing(
            _OVER.format(where=where), [tenant_id, new.start, *params]
        )
        stored = [
            one for one in found if one.id not in self.gone and one.id not in self._lost
        ]
        fresh = [
            one
            for one in self._over.values()
            if one.edge.position == new.edge.position and one.id != new.id
        ]
        return [*stored, *fresh]

    def _end(
        self, lost: _Standing, won: _Standing, at: datetime, seams: Collection[datetime]
    ) -> None:
        """It was true until the other began; a visit within it keeps its interval."""
        end, is_visit = lost.valid_to, _is_within(lost, won, seams)
        if not is_visit:
            end = min(end or won.start, won.start)
            end = max(end, lost.valid_from or end)
        if not lost.is_over:
            for memory_id in lost.memories - won.memories:
                self.ended[memory_id] = next(iter(won.memories))
        self._lost.add(lost.id)
        row = self._lose(lost, won, end, at)
        self._over.pop(lost.id, None)
        self._over[row.id] = replace(
            lost, id=row.id, valid_to=end, row=row, is_over=True, is_visit=is_visit
        )
        lost.valid_to = end

    def _lose(
        self, lost: _Standing, won: _Standing, end: datetime | None, at: datetime
    ) -> Relation:
        """The row that says that it is over, and replaced."""
        tenant_id = require_tenant().tenant_id
        if lost.row is not None:
            lost.row.state, lost.row.valid_to = State.SUPERSEDED, end
            self._after.append((_REPLACE, [won.id, tenant_id, lost.row.id]))
            return lost.row
        is_now = self._is_of(lost, at)
        past = Relation(
            id=lost.id if is_now else new_id(),
            project_id=lost.project_id,
            anchor_id=lost.anchor_id,
            source_id=lost.edge.source,
            source_said=lost.edge.source_said,
            target_id=lost.edge.target,
            target_said=lost.edge.target_said,
            type=lost.edge.type,
            is_single=lost.edge.is_single,
            fact=lost.fact,
            state=State.SUPERSEDED,
            confidence=lost.confidence,
            valid_from=lost.valid_from,
            valid_to=end,
            valid_precision=lost.precision,
            known_from=at,
        )
        if is_now:
            self._rewritten[past.id] = past
            self._after.append((_REPLACE, [won.id, tenant_id, past.id]))
            return past
        self._rows.append(past)
        self._after += [
            (_CLOSE, [at, tenant_id, lost.id]),
            (_SUPPORT_AS, [past.id, tenant_id, lost.id]),
            (_REPOINT, [past.id, tenant_id, lost.id]),
            (_REPLACE, [won.id, tenant_id, past.id]),
            (_EMBED_AS, [tenant_id, past.id, lost.id]),
        ]
        return past

    def _is_of(self, standing: _Standing, at: datetime) -> bool:
        """Whether its row is there, and of this very instant, or of a later one."""
        if standing.row is not None:
            return standing.id in self._rewritten
        return standing.known_from >= at

    def _new(self, one: Assertion, rewritten: UUID | None = None) -> Relation:
        """A row to be, or the one of this instant that says so from now on."""
        memory, edge = one.memory, one.edge
        row = Relation(
            id=rewritten or new_id(),
            source_id=edge.source,
            source_said=edge.source_said,
            type=edge.type,
            target_id=edge.target,
            target_said=edge.target_said,
            is_single=edge.is_single,
            project_id=memory.project_id,
            anchor_id=memory.anchor_id,
            fact=memory.text,
            state=one.state,
            confidence=memory.confidence,
            valid_from=one.valid_from,
            valid_to=one.valid_to,
            valid_precision=one.precision,
            known_from=one.at,
        )
        if rewritten is None:
            self._rows.append(row)
        else:
            self._rewritten[rewritten] = row
        tenant_id = require_tenant().tenant_id
        if one.like is not None:
            self._after.append((_EMBED_AS, [tenant_id, row.id, one.like]))
            self._after.append((_REPOINT, [row.id, tenant_id, one.like]))
        elif (found := self.vectors.get(memory.text or "")) is not None:
            space_id, vectors = found
            literal = as_literal(vectors[0])
            self._after.append((_EMBED, [space_id, literal, tenant_id, row.id]))
        return row

    def _support(self, one: Assertion, relation_id: UUID) -> None:
        self._supports.append(
            RelationSupport(
                project_id=one.memory.project_id,
                relation_id=relation_id,
                memory_id=one.memory.id,
                number=one.memory.number,
            )
        )


def follow_heads(heads: Collection[Memory], fresh: Mapping[UUID, Told]) -> None:
    """Let relations stand as the memories that assert them do by now.

    What nobody says any more, as it was believed, is closed; what is said in another
    state, or again, is asserted so; what had lost to what is closed may stand again.
    What a superseded memory says beside what its successor ends stays (``outliving``);
    ``fresh`` is what successors say whose edges are yet to be written.
    Call once heads and versions are written, under the anchors' locks.
    """
    by_id = {head.id: head for head in heads}
    if not by_id or not RelationSupport.objects.filter(memory_id__in=by_id).exists():
        return
    tenant_id, ids = require_tenant().tenant_id, list(by_id)
    at = max(head.known_from for head in heads)
    kept = outliving(by_id.values(), fresh)
    with connection.cursor() as cursor:
        if kept:
            cursor.execute(_OUTLIVE, [*_columns(kept), tenant_id])
        cursor.execute(_CLOSE_UNSAID, [tenant_id, ids, tenant_id])
        closed = [row[0] for row in cursor.fetchall()]
        cursor.execute(_FREED, [tenant_id, closed])
        freed = cursor.fetchall() if closed else []
        cursor.execute(_SAID_AGAIN, [tenant_id, ids, [str(s) for s in ASSERTING]])
        said_again = cursor.fetchall()
    by_id |= Memory.objects.in_bulk({row[0] for row in freed} - by_id.keys())
    _assert_again(by_id, freed, said_again, kept, at)
    script = Script()
    script.add(_NAME_SUCCESSORS.format(column="id"), [tenant_id, ids])
    script.run()


def _assert_again(
    by_id: Mapping[UUID, Memory],
    freed: Sequence[tuple[Any, ...]],
    said_again: Sequence[tuple[Any, ...]],
    kept: Collection[tuple[UUID, Triple]],
    at: datetime,
) -> None:
    """Edges of what had lost, and of what is said in another state, or again."""
    told = told_by({row[0] for row in (*freed, *said_again)})
    said = [_again(by_id[row[0]], row, at, told) for row in freed]
    for row in said_again:
        memory, edge = by_id[row[0]], Edge(*row[2:])
        stays = (memory.id, edge.triple) in kept
        passing = is_in_passing(edge.triple, told[memory.id].edges)
        said.append(Assertion(memory, edge, at, row[1], stays, passing))
    gone = {row[1] for row in freed}
    script, beliefs = Script(), Beliefs(gone=gone)
    tenant_id = require_tenant().tenant_id
    for relation_id in gone:
        script.add(_CLOSE, [at, tenant_id, relation_id])
    beliefs.assert_edges(_each_once(said))
    beliefs.write(script)
    script.run()


def _again(
    memory: Memory, row: Sequence[Any], at: datetime, told: Mapping[UUID, Told]
) -> Assertion:
    """An edge that had lost, of a memory that may be over itself by now."""
    edge, is_over = Edge(*row[2:]), memory.state == State.SUPERSEDED
    passing = is_in_passing(edge.triple, told[memory.id].edges)
    return Assertion(memory, edge, at, row[1], is_over, passing)


def _each_once(said: Iterable[Assertion]) -> list[Assertion]:
    return list({(one.memory.id, one.like, one.edge): one for one in said}.values())


def _columns(kept: Iterable[tuple[UUID, Triple]]) -> list[list[Any]]:
    rows = [(memory_id, *edge) for memory_id, edge in kept]
    return [list(column) for column in zip(*rows, strict=True)]


def settle_nodes(anchor_id: UUID, nodes: Collection[UUID], at: datetime) -> None:
    """After nodes were merged or parted: what lost to an edge of another node by now is
    believed again, and of what holds one at a time these nodes have one."""
    tenant_id = require_tenant().tenant_id
    with connection.cursor() as cursor:
        cursor.execute(_ASTRAY, [tenant_id, anchor_id])
        astray = cursor.fetchall()
    gone = {row[1] for row in astray}
    script, beliefs = Script(), Beliefs(gone=gone, is_order_kept=True)
    heads = Memory.objects.in_bulk({row[0] for row in astray})
    for relation_id in gone:
        script.add(_CLOSE, [at, tenant_id, relation_id])
    told = told_by(heads)
    beliefs.assert_edges([_again(heads[row[0]], row, at, told) for row in astray])
    beliefs.write(script)
    script.run()
    with connection.cursor() as cursor:
        cursor.execute(_SINGLE, [tenant_id, list(nodes)])
        edges = [Edge(*row) for row in cursor.fetchall()]
    script, beliefs = Script(), Beliefs(is_order_kept=True)
    beliefs.settle(edges, at)
    beliefs.write(script)
    script.run()


def inherit_edges(script: Script, giver: Memory, heir: Memory) -> None:
    """What one memory would assert, another asserts: its words are the other's now."""
    with connection.cursor() as cursor:
        cursor.execute(_ASSERTED_BY, [require_tenant().tenant_id, giver.id])
        edges = [Edge(*row) for row in cursor.fetchall()]
    told = [edge.triple for edge in edges]
    beliefs = Beliefs()
    beliefs.assert_edges(
        [
            Assertion(
                heir,
                edge,
                heir.known_from,
                in_passing=is_in_passing(edge.triple, told),
            )
            for edge in edges
        ]
    )
    beliefs.write(script)


def name_successors_of(script: Script, memory_ids: Iterable[UUID]) -> None:
    """Retired edges of what these memories replaced name their successors: the edges of
    the same subject and relation that these assert."""
    statement = _NAME_SUCCESSORS.format(column="replaced_by_id")
    script.add(statement, [require_tenant().tenant_id, list(memory_ids)])


def _is_same(standing: _Standing, one: Assertion) -> bool:
    """The same edge at the same time: one belief with another witness."""
    said, edge, memory = standing.edge, one.edge, one.memory
    start = one.valid_from or max(memory.created_at, standing.start)
    is_after = standing.end is not None and start >= standing.end
    is_before = one.valid_to is not None and one.valid_to <= standing.start
    ends = (said.target, said.source_said, said.target_said)
    is_edge = ends == (edge.target, edge.source_said, edge.target_said)
    return is_edge and not is_after and not is_before


def _is_finer(one: Assertion, standing: _Standing) -> bool:
    """Whether it is known since when, of what nobody knew that."""
    return one.valid_from is not None and standing.valid_from is None


def _overlap(
    one: _Standing, other: _Standing, seams: Collection[datetime] = ()
) -> bool:
    """Whether both hold at some instant; what has no start, since it was said. What was
    over when it was told of, nobody knows since when, was before what goes on. Who
    lived somewhere until 2019 and elsewhere from 2019 on moved in that year."""
    if one.edge.target == other.edge.target:
        return False
    if any(a.was_over and b.end is None for a, b in ((one, other), (other, one))):
        return False
    first, second = sorted((one, other), key=lambda s: s.start)
    if first.end is None or first.end <= second.start:
        return first.end is None
    is_told = first.end not in seams and first.start < second.start
    vague = max(LENGTHS.get(it.precision, NO_TIME) for it in (first, second))
    return not is_told or first.end > second.start + vague


def _yields(new: _Standing, old: _Standing, seams: Collection[datetime]) -> bool:
    """Whether the old one stands: it began later, or the new one was over within it.

    Of a dated and an undated one the last word counts, as in ``succession``; what was
    over before is known to have been so when it was said.
    """
    began = old.valid_from or (None if new.valid_from else old.said)
    if old.is_over:
        began = old.start
    if began is not None and new.start < began:
        return not _is_within(old, new, seams)
    return _is_within(new, old, seams)


def _is_tie(new: _Standing, old: _Standing) -> bool:
    """Whether both began at once, and the old one was said later."""
    return new.start == old.start and new.word < old.word


def _is_within(
    one: _Standing, other: _Standing, seams: Collection[datetime] = ()
) -> bool:
    """Whether one is a visit: it began and was over within the other. What ended as
    another began, at a seam, was replaced by that."""
    if one.is_over and not one.is_visit:
        return False
    ends_first = one.end is not None and (other.end is None or one.end < other.end)
    return one.start >= other.start and ends_first and one.end not in seams


def _first_to_end(
    new: _Standing, winners: Sequence[_Standing], seams: Collection[datetime]
) -> _Standing:
    """What ends the new one first, or else what it was over within."""
    cutting = [one for one in winners if not _is_within(new, one, seams)]
    return min(cutting or winners, key=lambda one: one.start)


def _read_standing(statement: str, params: Sequence[Any]) -> list[_Standing]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return [_standing_of(row) for row in cursor.fetchall()]


def _standing_of(row: Sequence[Any]) -> _Standing:
    id_, edge, rest = row[0], Edge(*row[1:7]), row[7:]
    valid_from, valid_to, confidence, fact, precision, *more = rest
    first, memories, project_id, anchor_id, known_from, state, is_visit = more
    return _Standing(
        id_, edge, first, valid_from, valid_to,
        set(memories or ()), project_id, anchor_id, known_from, None,
        confidence, fact, precision, state == State.SUPERSEDED, is_visit,
    )  # fmt: skip
