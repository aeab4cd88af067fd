"""Reads for patterns: what they may be made of, and those there are. Inside a scope."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Max, OuterRef, Q, QuerySet, Subquery

from memories.models import Anchor, Memory, MemoryEvent, PatternSource
from memories.selectors.review import held_events
from memories.types import KnownMemory, KnownPattern, Scope, State, ValidTime
from memplatform.lib import clock

STANDING = (State.ACTIVE, State.ARCHIVED, State.MERGED)
"""A source in one of these says what it said: it was neither taken back nor ended."""


@dataclass(frozen=True, slots=True)
class PatternGround:
    """What is known in an anchor ``at`` an instant: memories newest first, patterns."""

    anchor: Anchor
    at: datetime
    memories: tuple[KnownMemory, ...]
    patterns: tuple[KnownPattern, ...]

    @property
    def scope(self) -> Scope:
        """A pattern is of its anchor, and of no run."""
        return Scope(self.anchor.user_id, self.anchor.agent_id, self.anchor.app_id)


def read_ground(anchor_id: UUID, *, most: int) -> PatternGround | None:
    """None when the anchor is gone."""
    anchor = Anchor.objects.filter(id=anchor_id).first()
    if anchor is None:
        return None
    at = clock.now()
    rows = Memory.objects.filter(
        Q(expires_on=None) | Q(expires_on__gte=at.date()),
        anchor_id=anchor_id,
        state=State.ACTIVE,
        text__isnull=False,
    ).exclude(kind=Memory.Kind.PATTERN)
    memories = tuple(_known(row) for row in rows.order_by("-created_at", "-id")[:most])
    return PatternGround(anchor, at, memories, tuple(known_patterns(anchor_id)))


def known_patterns(anchor_id: UUID) -> list[KnownPattern]:
    """Those in force, those that wait for review, and those that somebody deleted: they
    are not to come back.

    What was retired, for its sources were gone, may be found anew.
    """
    rows = list(
        Memory.objects.filter(
            anchor_id=anchor_id,
            kind=Memory.Kind.PATTERN,
            state__in=(
                *(State.ACTIVE, State.QUARANTINED, State.DELETED, State.ARCHIVED),
            ),
        ).order_by("created_at", "id")
    )
    sources: dict[UUID, set[UUID]] = defaultdict(set)
    for pattern_id, source_id in sources_of(row.id for row in rows).values_list(
        "pattern_id", "source_id"
    ):
        sources[pattern_id].add(source_id)
    held = held_events(row.id for row in rows if row.state == State.DELETED)
    refused = {id_ for id_, event in held.items() if event.related_memory_id}
    return [
        KnownPattern(
            row.id,
            frozenset(sources[row.id]),
            is_current=row.state == State.ACTIVE and not row.is_immutable,
            is_doubted=row.is_stale_suspect,
            is_refused=row.id in refused,
        )
        for row in rows
    ]


def sources_of(pattern_ids: Iterable[UUID]) -> QuerySet[PatternSource]:
    """What the current versions of these patterns were put together from."""
    so_far = PatternSource.objects.filter(
        pattern_id=OuterRef("pattern_id"), number__lte=F("pattern__number")
    )
    last = so_far.order_by("-number").values("number")[:1]
    rows = PatternSource.objects.filter(pattern_id__in=list(pattern_ids))
    return rows.filter(number=Subquery(last))


def count_held(pattern_id: UUID) -> tuple[int, int]:
    """How many sources a pattern has, and how many say what they said.

    Who has confirmed the pattern has seen what changed before.
    """
    confirmed = MemoryEvent.objects.filter(
        memory_id=pattern_id, kind=MemoryEvent.Kind.CONFIRM
    )
    looked_at = confirmed.aggregate(at=Max("at"))["at"]
    sources = list(sources_of([pattern_id]).select_related("source"))
    return len(sources), sum(_is_held(source, looked_at) for source in sources)


def _is_held(source: PatternSource, looked_at: datetime | None) -> bool:
    head = source.source
    is_seen = looked_at is not None and head.updated_at <= looked_at
    is_so = head.state in STANDING and head.vector_number == source.wording
    return is_seen or is_so


def _known(row: Memory) -> KnownMemory:
    return KnownMemory(
        id=row.id,
        text=row.text or "",
        created_at=row.created_at,
        categories=tuple(row.categories or ()),
        valid=ValidTime(row.valid_from, row.valid_to),
        number=row.number,
    )
