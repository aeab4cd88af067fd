"""What a raw export reads, page by page: constant memory, and any page can be the next.

Every page is one short transaction, so a memory's line is whole in itself, but a file
is not one instant of a project that goes on working. What an erasure emptied is left
out. Rows come in the order of keys that never change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet

from memories.models import (
    Anchor,
    Confirmation,
    Entity,
    EntityMerge,
    Feedback,
    Ingestion,
    Memory,
    MemoryEvent,
    MemoryVersion,
    Mention,
    Message,
    Operation,
    PatternSource,
    Relation,
    RelationSupport,
    Subject,
)
from memories.models.ingestion import ERASED, UNFINISHED
from memories.models.memory import FactColumns
from memories.types import SCOPE_KEYS, JsonDict
from tenants.models import TenantModel

ANCHOR_KEYS = SCOPE_KEYS[:3]
FACT_FIELDS = tuple(field.attname for field in FactColumns._meta.fields)
SUBJECT_FIELDS = (
    *("id", "kind", "external_id", "display_name", "metadata", "declared_at"),
    *("created_at", "last_active_at"),
)
ADD_FIELDS = (
    *("id", *SCOPE_KEYS, "status", "error_code", "attempts", "created_at"),
    *("started_at", "completed_at", "updated_at", "latency_ms", "results"),
)
INGESTION_FIELDS = (
    *("infer", "engine", "memory_type", "options", "metadata", "session_key"),
    *("ledger", "prompt_tokens", "completion_tokens", "model_calls", "accepted_at"),
)
MESSAGE_FIELDS = (
    *("id", "run_id", "session_key", "role", "name", "content", "attachments"),
    *("sent_at", "utc_offset", "created_at"),
)
HEAD_FIELDS = (
    *("id", *SCOPE_KEYS, "attributed_to", "speaker", "kind", "origin"),
    *("is_stale_suspect", "language", "tokenizer_version", "number", "accepted_at"),
    "updated_at",
)
VERSION_FIELDS = ("number", *FACT_FIELDS, "known_to")
EVENT_FIELDS = (
    *("id", "kind", "old_number", "new_number", "related_memory_id", "actor_kind"),
    *("actor_id", "operation_id", "message_ids", "engine", "model", "reason"),
    *("review", "at"),
)
FEEDBACK_FIELDS = ("operator_id", "feedback", "reason", "created_at", "updated_at")
SOURCE_FIELDS = ("number", "source_id", "wording")
CONFIRMATION_FIELDS = ("operation_id", "at")
ENTITY_FIELDS = (
    *("id", "name", "normalized", "qualifier", "aliases", "state", "mention_count"),
    *("created_at", "known_from", "known_to"),
)
MERGE_FIELDS = (
    *("id", "kept_id", "absorbed_id", "decided_by", "score", "evidence"),
    *("actor_kind", "actor_id", "at", "undone_at", "undone_by"),
)
RELATION_FIELDS = (
    *("id", "source_id", "source_said", "target_id", "target_said", "is_single"),
    *("fact", "state", "confidence", "valid_from", "valid_to", "valid_precision"),
    *("known_from", "known_to", "replaced_by_id", "archived_at"),
)

Cursor = Sequence[str] | None
"""Behind which row a page begins; what stands in a line or a stored export."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one section, and where the next page begins."""

    rows: tuple[JsonDict, ...]
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Extent:
    """What is exported of the open scope's project: one subject, or everything."""

    kind: str | None = None
    name: str | None = None

    @property
    def about(self) -> dict[str, str] | None:
        if self.kind is None or self.name is None:
            return None
        return {"kind": self.kind, "name": self.name}

    def named(self) -> Q:
        """Rows that carry its id."""
        return Q(**{f"{self.kind}_id": self.name}) if self.kind else Q()


def list_page(section: str, extent: Extent, cursor: Cursor, most: int) -> Page:
    """The next rows of a section, as they stand in lines; none is the end."""
    return _PAGES[section](extent, cursor, most)


def count_memories(extent: Extent) -> int:
    """What progress is measured by."""
    return _memories(extent).count()


def _memories(extent: Extent) -> QuerySet[Memory]:
    return Memory.objects.filter(extent.named(), text__isnull=False)


def _subjects(extent: Extent, cursor: Cursor, most: int) -> Page:
    rows = Subject.objects.all()
    if extent.kind:
        rows = rows.filter(kind=extent.kind, external_id=extent.name)
    return _page(rows, cursor, most, lambda row: _fields(row, SUBJECT_FIELDS))


def _adds(extent: Extent, cursor: Cursor, most: int) -> Page:
    """Settled ones, in the order they came in; a message's place follows from it."""
    rows = Operation.objects.filter(extent.named(), kind=Operation.Kind.ADD)
    rows = rows.exclude(status__in=UNFINISHED).exclude(error_code=ERASED)
    if cursor:
        at, last = datetime.fromisoformat(cursor[0]), UUID(cursor[1])
        rows = rows.filter(Q(created_at__gt=at) | Q(created_at=at, id__gt=last))
    found = list(rows.order_by("created_at", "id")[:most])
    ids = [row.id for row in found]
    ingestions = {
        i.operation_id: i for i in Ingestion.objects.filter(operation_id__in=ids)
    }
    messages = _grouped(
        Message.objects.filter(ingestion_id__in=[i.id for i in ingestions.values()]),
        "ingestion_id",
        "position",
    )
    lines = tuple(_add_line(row, ingestions.get(row.id), messages) for row in found)
    if not found:
        return Page((), None)
    return Page(lines, [found[-1].created_at.isoformat(), str(found[-1].id)])


def _add_line(
    row: Operation, ingestion: Ingestion | None, messages: Mapping[UUID, list[Message]]
) -> JsonDict:
    line = _fields(row, ADD_FIELDS)
    if ingestion is not None:
        said = messages.get(ingestion.id, [])
        line["ingestion"] = _fields(ingestion, INGESTION_FIELDS)
        line["messages"] = [_fields(message, MESSAGE_FIELDS) for message in said]
    return line


def _entities(extent: Extent, cursor: Cursor, most: int) -> Page:
    """Each with its merges, also those taken back; so a merge stands at both ends."""
    rows = _nodes(extent)
    found = list(_behind(rows, cursor)[:most])
    anchors, merges = _anchors(found), _merges(extent, [row.id for row in found])
    lines = [
        {
            **_fields(anchors[row.anchor_id], ANCHOR_KEYS),
            **_fields(row, ENTITY_FIELDS),
            "entity_type": row.type,
            "merges": [
                _fields(merge, MERGE_FIELDS)
                for merge in merges
                if row.id in (merge.kept_id, merge.absorbed_id)
            ],
        }
        for row in found
    ]
    return _of(lines, found)


def _nodes(extent: Extent) -> QuerySet[Entity]:
    """What memories mention, by its own name or as what it counts as."""
    if not extent.kind:
        return Entity.objects.all()
    mine = Mention.objects.filter(memory_id__in=_memories(extent).values("id"))
    return Entity.objects.filter(
        Exists(mine.filter(entity_id=OuterRef("id")))
        | Exists(mine.filter(said=OuterRef("id")))
    )


def _merges(extent: Extent, ids: Sequence[UUID]) -> list[EntityMerge]:
    rows = EntityMerge.objects.filter(Q(kept_id__in=ids) | Q(absorbed_id__in=ids))
    if extent.kind:
        nodes = _nodes(extent).values("id")
        rows = rows.filter(kept_id__in=nodes, absorbed_id__in=nodes)
    return list(rows.order_by("at", "id"))


def _memory_lines(extent: Extent, cursor: Cursor, most: int) -> Page:
    """With all that is known of each: its versions and events, what it mentions, who
    said it again, and what a pattern was made of."""
    found = list(_behind(_memories(extent), cursor)[:most])
    ids = [row.id for row in found]
    versions = _of_memories(MemoryVersion, ids, "number")
    events = _of_memories(MemoryEvent, ids, "at", "id")
    mentions = _of_memories(Mention, ids, "id")
    feedback = _of_memories(Feedback, ids, "id")
    confirmations = _of_memories(Confirmation, ids, "at", "id")
    sources = _sources(extent, ids)
    lines = [
        {
            **_fields(row, HEAD_FIELDS),
            "versions": [_fields(v, VERSION_FIELDS) for v in versions[row.id]],
            "events": [_fields(e, EVENT_FIELDS) for e in events[row.id]],
            "mentions": [mention.said for mention in mentions[row.id]],
            "mentioned_at": [mention.created_at for mention in mentions[row.id]],
            "feedback": [_fields(f, FEEDBACK_FIELDS) for f in feedback[row.id]],
            "confirmations": [
                _fields(c, CONFIRMATION_FIELDS) for c in confirmations[row.id]
            ],
            "sources": [_fields(s, SOURCE_FIELDS) for s in sources[row.id]],
        }
        for row in found
    ]
    return _of(lines, found)


def _sources(extent: Extent, ids: Sequence[UUID]) -> dict[UUID, list[Any]]:
    """What patterns rest on, as far as it is in the file."""
    rows = PatternSource.objects.filter(
        pattern_id__in=ids, source_id__in=_memories(extent).values("id")
    )
    return _grouped(rows, "pattern_id", "number", "source_id")


def _relations(extent: Extent, cursor: Cursor, most: int) -> Page:
    """What replaced what stands at both ends, for either may come first."""
    rows = Relation.objects.all()
    support = RelationSupport.objects.all()
    if extent.kind:
        support = support.filter(memory_id__in=_memories(extent).values("id"))
        rows = rows.filter(Exists(support.filter(relation_id=OuterRef("id"))))
    found = list(_behind(rows, cursor)[:most])
    anchors = _anchors(found)
    supports = _grouped(
        support.filter(relation_id__in=[row.id for row in found]), "relation_id", "id"
    )
    replaced = _grouped(
        Relation.objects.filter(replaced_by_id__in=[row.id for row in found]),
        "replaced_by_id",
        "id",
    )
    lines = [
        {
            **_fields(anchors[row.anchor_id], ANCHOR_KEYS),
            **_fields(row, RELATION_FIELDS),
            "relation_type": row.type,
            "replaces": [other.id for other in replaced[row.id]],
            "support": [
                {"memory_id": s.memory_id, "number": s.number} for s in supports[row.id]
            ],
        }
        for row in found
    ]
    return _of(lines, found)


_PAGES: Mapping[str, Callable[[Extent, Cursor, int], Page]] = {
    "subject": _subjects,
    "add": _adds,
    "entity": _entities,
    "memory": _memory_lines,
    "relation": _relations,
}


def _page(
    rows: QuerySet[Any],
    cursor: Cursor,
    most: int,
    as_line: Callable[[Any], JsonDict],
) -> Page:
    found = list(_behind(rows, cursor)[:most])
    return _of([as_line(row) for row in found], found)


def _behind(rows: QuerySet[Any], cursor: Cursor) -> QuerySet[Any]:
    after = rows.filter(id__gt=UUID(cursor[0])) if cursor else rows
    return after.order_by("id")


def _of(lines: Sequence[JsonDict], found: Sequence[Any]) -> Page:
    return Page(tuple(lines), [str(found[-1].id)] if found else None)


def _fields(row: TenantModel, names: Iterable[str]) -> JsonDict:
    return {name: getattr(row, name) for name in names}


def _of_memories(
    model: type[models.Model], ids: Sequence[UUID], *order: str
) -> dict[UUID, list[Any]]:
    rows: QuerySet[Any] = model._default_manager.filter(memory_id__in=ids)
    return _grouped(rows, "memory_id", *order)


def _grouped(rows: QuerySet[Any], key: str, *order: str) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows.order_by(key, *order):
        found[getattr(row, key)].append(row)
    return found


def _anchors(rows: Iterable[Any]) -> dict[UUID, Anchor]:
    return Anchor.objects.in_bulk({row.anchor_id for row in rows})
