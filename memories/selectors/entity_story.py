"""A node of the graph for who looks after it: all that was ever believed of it, what
was merged, and what another merge would move.

Call inside a tenant scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet

from memories.models import Entity, Mention, Relation, RelationSupport
from memories.selectors.browse import read_memories
from memories.selectors.compare import About
from memories.selectors.entities import NO_NODE, MergeView, list_merges
from memories.types import MemoryView, State
from memplatform.lib.errors import NotFound

MOST_BELIEFS = 200
MOST_MEMORIES = 20
MOST_MOVED = 50


@dataclass(frozen=True, slots=True)
class Belief:
    """An edge as it was believed from ``known_from`` until ``known_to``.

    ``successor`` says what ended it; ``memories`` counts those that assert it.
    """

    id: UUID
    source: Entity
    type: str
    target: Entity
    state: State
    is_single: bool
    valid_from: datetime | None
    valid_to: datetime | None
    valid_precision: str | None
    known_from: datetime
    known_to: datetime | None
    successor: str
    memories: int

    @property
    def words(self) -> str:
        return f"{self.source.name} {self.type} {self.target.name}"

    @property
    def stands(self) -> bool:
        return self.state == State.ACTIVE and self.known_to is None


@dataclass(frozen=True, slots=True)
class EntityStory:
    """``mentions`` counts the subject's memories that speak of it.

    ``memories`` are the last of them; ``becomes`` is what it was merged into.
    """

    entity: Entity
    becomes: Entity | None
    mentions: int
    memories: tuple[MemoryView, ...]
    beliefs: tuple[Belief, ...]
    merges: tuple[MergeView, ...]

    @property
    def has_more_beliefs(self) -> bool:
        return len(self.beliefs) == MOST_BELIEFS


@dataclass(frozen=True, slots=True)
class MergePreview:
    """What counts as ``keep``'s by a merge, and what cannot both be true then.

    ``contended`` are pairs of edges of which a subject has one at a time: the one that
    began later will stand.
    """

    keep: Entity
    other: Entity
    mentions: int
    moved: tuple[Belief, ...]
    contended: tuple[tuple[Belief, Belief], ...]


def get_entity_story(about: About, entity_id: UUID) -> EntityStory:
    """Raises NotFound for what no memory of the subject mentions."""
    entity = find_entity(about, entity_id)
    memory_ids = _mentioning(about, entity)
    shown = read_memories(memory_ids[:MOST_MEMORIES])
    return EntityStory(
        entity=entity,
        becomes=entity.merged_into,
        mentions=len(memory_ids),
        memories=tuple(shown[i] for i in memory_ids[:MOST_MEMORIES] if i in shown),
        beliefs=tuple(_beliefs(entity)),
        merges=list_merges(entity.id),
    )


def find_entity(about: About, entity_id: UUID) -> Entity:
    """A node that a memory of the subject mentions, by its own name or as what it
    counts as; raises NotFound."""
    entity = (
        Entity.objects.filter(id=entity_id)
        .select_related("merged_into", "anchor")
        .first()
    )
    if entity is None or not _mentions(about, entity).exists():
        raise NotFound(NO_NODE)
    return entity


def preview_merge(about: About, keep: Entity, other: Entity) -> MergePreview:
    """What ``merge_entities`` of both would do; nothing is changed by it."""
    ends = (keep.merged_into or keep, other.merged_into or other)
    kept, moved = ([b for b in _beliefs(end) if b.stands] for end in ends)
    return MergePreview(
        keep=ends[0],
        other=ends[1],
        mentions=_mentions(about, ends[1]).count(),
        moved=tuple(moved[:MOST_MOVED]),
        contended=tuple(_contended(ends, kept, moved)),
    )


def _contended(
    ends: Sequence[Entity], kept: Iterable[Belief], moved: Sequence[Belief]
) -> Iterable[tuple[Belief, Belief]]:
    keep, other = ends
    for mine in kept:
        for its in moved:
            is_one = mine.is_single and mine.type == its.type
            are_theirs = mine.source.id == keep.id and its.source.id == other.id
            if is_one and are_theirs and mine.target.id != its.target.id:
                yield mine, its


def _mentioning(about: About, entity: Entity) -> list[UUID]:
    """Memories of the subject, newest first, each once."""
    rows = _mentions(about, entity).order_by("-memory__created_at", "-memory_id")
    return list(dict.fromkeys(rows.values_list("memory_id", flat=True)))


def _mentions(about: About, entity: Entity) -> QuerySet[Mention]:
    column = "said" if entity.merged_into_id else "entity_id"
    own = {f"memory__{about.key}": about.name, "memory__text__isnull": False}
    return Mention.objects.filter(**{column: entity.id}, **own)


def _beliefs(entity: Entity) -> Iterable[Belief]:
    """What is believed first, then what was; of a merged node, what its name said."""
    ends = ("source_said", "target_said")
    if not entity.merged_into_id:
        ends = ("source_id", "target_id")
    rows = (
        Relation.objects.filter(Q(**{ends[0]: entity.id}) | Q(**{ends[1]: entity.id}))
        .filter(anchor_id=entity.anchor_id)
        .defer("embedding")
        .select_related(
            "source", "target", "replaced_by__source", "replaced_by__target"
        )
        .order_by(F("known_to").desc(nulls_first=True), "state", "-known_from", "-id")
    )
    found = list(rows[:MOST_BELIEFS])
    counted = dict(
        RelationSupport.objects.filter(relation_id__in=[row.id for row in found])
        .values_list("relation_id")
        .annotate(Count("memory_id", distinct=True))
    )
    for row in found:
        yield _belief(row, counted.get(row.id, 0))


def _belief(row: Relation, memories: int) -> Belief:
    by = row.replaced_by
    successor = f"{by.source.name} {by.type} {by.target.name}" if by else ""
    return Belief(
        id=row.id,
        source=row.source,
        type=row.type,
        target=row.target,
        state=State(row.state),
        is_single=row.is_single,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        valid_precision=row.valid_precision,
        known_from=row.known_from,
        known_to=row.known_to,
        successor=successor,
        memories=memories,
    )
