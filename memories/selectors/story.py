"""The whole story of one memory: what it said, why, on whose words, what it led to.

A constant number of queries, however long the story. Call inside a tenant scope. A
memory that was deleted, superseded or erased still has its story; erased content is
absent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from memories.models import (
    Feedback,
    Ingestion,
    LlmCall,
    Memory,
    MemoryEvent,
    MemoryUse,
    MemoryVersion,
    Mention,
    PatternSource,
    Relation,
    RelationSupport,
    Subject,
)
from memories.selectors.causes import EventView, Related, explain, name_operators
from memories.selectors.changes import Change, change_between
from memories.selectors.patterns import sources_of
from memories.types import SCOPE_KEYS, Page, State, Uses
from memplatform.lib.errors import NotFound

MOST_LINKED = 50
"""Of what it replaced, mentions and asserts: the rest is counted."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event: what it changed, why, and the add that it came from, if it did."""

    event: EventView
    change: Change | None
    ingestion_id: UUID | None
    calls: tuple[LlmCall, ...]


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One version, for a list of them; ``known_to`` None: it is the current one."""

    number: int
    state: str
    known_from: datetime
    known_to: datetime | None


@dataclass(frozen=True, slots=True)
class Whose:
    """A subject that a memory belongs to; ``id`` None: there is no such row."""

    kind: str
    name: str
    id: UUID | None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody thinks of a memory."""

    who: str
    value: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Story:
    """``told`` is one page of events, the newest first; versions come newest first.

    ``replaces`` are memories that this one ended or took in; ``replaced_by`` is what
    ended it. ``rests_on`` are the memories that a pattern was put together from, and
    ``patterns`` those that were put together from this one.
    """

    head: Memory
    subjects: tuple[Whose, ...]
    told: Page[Told]
    versions: tuple[VersionLine, ...]
    replaced_by: Related | None
    replaces: tuple[Related, ...]
    rests_on: tuple[Related, ...]
    patterns: tuple[Related, ...]
    mentions: tuple[Mention, ...]
    relations: tuple[Relation, ...]
    uses: Uses
    opinions: tuple[Opinion, ...]

    @property
    def is_erased(self) -> bool:
        return self.head.text is None

    @property
    def page_of(self) -> UUID | None:
        """The subject on whose page what it mentions is told of."""
        return next((whose.id for whose in self.subjects if whose.id), None)


def get_story(memory_id: UUID, *, page: int, page_size: int) -> Story:
    """Raises NotFound for what never was in the open scope."""
    head = Memory.objects.defer("search").filter(id=memory_id, number__gt=0).first()
    if head is None:
        raise NotFound("There is no such memory.")
    used = MemoryUse.objects.filter(memory_id=memory_id).first()
    return Story(
        head=head,
        subjects=_subjects_of(head),
        told=_told(memory_id, page, page_size),
        versions=_version_lines(memory_id),
        replaced_by=_replaced_by(head),
        replaces=_replaces(memory_id),
        rests_on=_rests_on(head),
        patterns=_patterns(memory_id),
        mentions=_mentions(memory_id),
        relations=_relations(memory_id),
        uses=Uses(used.uses, used.last_used_at) if used else Uses(0, None),
        opinions=_opinions(memory_id),
    )


def get_version(memory_id: UUID, number: int) -> MemoryVersion:
    """One version that still says something; raises NotFound."""
    row = MemoryVersion.objects.filter(
        memory_id=memory_id, number=number, text__isnull=False
    ).first()
    if row is None:
        raise NotFound("There is no such version.")
    return row


def change_of(memory_id: UUID, old: int, new: int) -> Change:
    """What two versions of a memory differ in; raises NotFound."""
    rows = _versions(memory_id, [old, new])
    if old not in rows or new not in rows:
        raise NotFound("There is no such version.")
    return change_between(rows[old], rows[new])


def _told(memory_id: UUID, page: int, page_size: int) -> Page[Told]:
    rows = MemoryEvent.objects.filter(memory_id=memory_id)
    start = (page - 1) * page_size
    events = list(rows.order_by("-at", "-id")[start : start + page_size])
    causes = explain(events)
    numbers = {n for e in events for n in (e.old_number, e.new_number) if n}
    versions = _versions(memory_id, numbers)
    operations = {e.operation_id for e in events if e.operation_id}
    calls, ingestions = _calls(operations), _ingestions(operations)
    told = (
        Told(
            event=causes[event.id],
            change=_change(event, versions),
            ingestion_id=ingestions.get(event.operation_id),
            calls=tuple(calls.get(event.operation_id, ())),
        )
        for event in events
    )
    return Page(tuple(told), rows.count(), page, page_size)


def _change(event: MemoryEvent, versions: Mapping[int, MemoryVersion]) -> Change | None:
    """None where nothing was changed: an expiry, say; or nothing is left of it."""
    new = versions.get(event.new_number or 0)
    if new is None or new.text is None or event.old_number == event.new_number:
        return None
    return change_between(versions.get(event.old_number or 0), new)


def _versions(memory_id: UUID, numbers: Iterable[int]) -> dict[int, MemoryVersion]:
    rows = MemoryVersion.objects.filter(memory_id=memory_id, number__in=set(numbers))
    return {row.number: row for row in rows}


def _version_lines(memory_id: UUID) -> tuple[VersionLine, ...]:
    rows = MemoryVersion.objects.filter(memory_id=memory_id).order_by("-number")
    columns = ("number", "state", "known_from", "known_to")
    return tuple(VersionLine(*row) for row in rows.values_list(*columns))


def _calls(operation_ids: Iterable[UUID]) -> Mapping[UUID | None, Sequence[LlmCall]]:
    """What models were asked for these operations, in that order."""
    found: dict[UUID | None, list[LlmCall]] = defaultdict(list)
    rows = LlmCall.objects.filter(operation_id__in=set(operation_ids))
    for call in rows.defer("request").order_by("created_at", "id"):
        found[call.operation_id].append(call)
    return found


def _ingestions(operation_ids: Iterable[UUID]) -> dict[UUID | None, UUID]:
    rows = Ingestion.objects.filter(operation_id__in=set(operation_ids))
    return dict(rows.values_list("operation_id", "id"))


def _replaced_by(head: Memory) -> Related | None:
    if head.replaced_by_id is None:
        return None
    row = Memory.objects.filter(id=head.replaced_by_id).only("text", "state").first()
    return Related(row.id, row.text, row.state) if row else None


def _replaces(memory_id: UUID) -> tuple[Related, ...]:
    rows = Memory.objects.filter(replaced_by_id=memory_id).only("text", "state")
    found = rows.order_by("-known_from", "id")[:MOST_LINKED]
    return tuple(Related(row.id, row.text, row.state) for row in found)


def _rests_on(head: Memory) -> tuple[Related, ...]:
    if head.kind != Memory.Kind.PATTERN:
        return ()
    rows = sources_of([head.id]).select_related("source").defer("source__search")
    found = rows.order_by("-source__created_at", "source_id")[:MOST_LINKED]
    return tuple(_related(row.source) for row in found)


def _patterns(memory_id: UUID) -> tuple[Related, ...]:
    made = PatternSource.objects.filter(source_id=memory_id).values("pattern_id")
    rows = Memory.objects.filter(id__in=made, state=State.ACTIVE).defer("search")
    return tuple(_related(row) for row in rows.order_by("-created_at", "id"))


def _related(row: Memory) -> Related:
    return Related(row.id, row.text, row.state)


def _subjects_of(head: Memory) -> tuple[Whose, ...]:
    named = {
        key.removesuffix("_id"): name
        for key in SCOPE_KEYS
        if (name := getattr(head, key)) is not None
    }
    rows = Subject.objects.filter(external_id__in=named.values(), kind__in=named)
    ids = {(row.kind, row.external_id): row.id for row in rows}
    return tuple(Whose(kind, n, ids.get((kind, n))) for kind, n in named.items())


def _mentions(memory_id: UUID) -> tuple[Mention, ...]:
    """Each node once, by whatever names."""
    rows = Mention.objects.filter(memory_id=memory_id).select_related("entity")
    shown = rows.defer("entity__embedding").order_by("entity__name", "entity_id")
    return tuple({row.entity_id: row for row in shown[:MOST_LINKED]}.values())


def _relations(memory_id: UUID) -> tuple[Relation, ...]:
    """What its words assert, as it is believed now or was believed last."""
    supported = RelationSupport.objects.filter(memory_id=memory_id)
    rows = (
        Relation.objects.filter(id__in=supported.values("relation_id"))
        .select_related("source", "target")
        .defer("embedding", "source__embedding", "target__embedding")
        .order_by("source_id", "type", "target_id", "-known_from")
        .distinct("source_id", "type", "target_id")
    )
    return tuple(rows[:MOST_LINKED])


def _opinions(memory_id: UUID) -> tuple[Opinion, ...]:
    rows = list(Feedback.objects.filter(memory_id=memory_id, feedback__isnull=False))
    names = name_operators({row.operator_id for row in rows})
    return tuple(
        Opinion(
            names.get(row.operator_id, "Somebody"),
            row.feedback or "",
            row.reason or "",
            row.updated_at,
        )
        for row in rows
    )
