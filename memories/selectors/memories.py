"""Reads of memories: one, a page of them, what happened to one; now or ``as_of``.

Call inside a tenant scope. A memory that is not the scope's is not there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from memories.models import Memory, MemoryEvent, MemoryVersion, Message
from memories.models.subjects import Subject
from memories.selectors.recall import as_chat
from memories.types import (
    EVENT_RULES,
    SCOPE_KEYS,
    STATE_RULES,
    Aspect,
    Filters,
    HistoryEntry,
    MemoryView,
    Page,
    Scope,
    State,
    Visibility,
)
from memplatform.lib import clock
from memplatform.lib.errors import NotFound
from tenants.scopes import current_tenant_id, require_tenant

INDEXED_CHARS = 20_000
"""How much of a text can be found by its words: a tsvector holds 1 MB at most, and the
words of 200,000 characters do not fit. Its meaning is found throughout, by chunks."""

VIEW_COLUMNS = """
m.id, m.text, m.user_id, m.agent_id, m.app_id, m.run_id, m.metadata::text, m.categories,
m.state, m.kind, m.attributed_to, m.is_immutable, m.is_stale_suspect, m.confidence,
m.number, m.expires_on, m.created_at, m.updated_at, m.known_from, m.valid_from,
m.valid_to, m.replaced_by_id, m.text_hash, m.valid_precision, m.recurs, m.aspect
"""
STATE_AT, REPLACED_BY_AT = 8, 21
"""Where ``VIEW_COLUMNS`` has what a ranking needs of a row it may never show."""
# The head as it was believed at an instant: the version known then, under the head's
# identity. Shares the alias ``m`` with the living head, so that filters serve both.
AS_OF_SOURCE = f"""
(SELECT h.tenant_id, h.project_id, h.anchor_id, h.id, h.user_id, h.agent_id, h.app_id,
        h.run_id, h.kind, h.attributed_to, h.speaker, h.language,
        false AS is_stale_suspect,
        v.text, v.metadata, v.categories, v.state, v.is_immutable, v.confidence,
        v.number, v.vector_number, v.expires_on, v.created_at,
        v.known_from AS updated_at, v.known_from, v.known_to, v.valid_from, v.valid_to,
        v.valid_precision, v.recurs, v.aspect, v.replaced_by_id,
        encode(sha256(convert_to(v.text, 'UTF8')), 'hex') AS text_hash,
        to_tsvector(h.language::regconfig, left(v.text, {INDEXED_CHARS})) AS search
   FROM memories_memory h
   JOIN memories_memoryversion v ON v.tenant_id = h.tenant_id AND v.memory_id = h.id
  WHERE h.tenant_id = %s AND h.text IS NOT NULL
    AND v.known_from <= %s AND (v.known_to IS NULL OR v.known_to > %s)) AS m
"""


def get_memory(memory_id: UUID, *, as_of: datetime | None = None) -> MemoryView:
    """One memory, whatever its expiry; raises NotFound when deleted or never there."""
    states = [state for state, rule in STATE_RULES.items() if rule.got]
    rows = _select("m.id = %s AND m.state = ANY(%s)", [memory_id, states], as_of=as_of)
    if not rows:
        raise NotFound("Memory not found!")
    return rows[0]


def list_memories(
    filters: Filters,
    visibility: Visibility,
    *,
    page: int,
    page_size: int,
    created_from: datetime | None = None,
    created_before: datetime | None = None,
) -> Page[MemoryView]:
    """Memories newest first by (created_at, id), and how many there are in all."""
    condition, params = visible(filters, visibility)
    extra, extra_params = _created_between(created_from, created_before)
    where = " AND ".join([condition, *extra])
    values = [*params, *extra_params]
    items = _select(
        where,
        values,
        as_of=visibility.as_of,
        tail="ORDER BY m.created_at DESC, m.id DESC LIMIT %s OFFSET %s",
        tail_params=[page_size, (page - 1) * page_size],
    )
    counted = None if extra else _counted(filters, visibility)
    if counted is None:
        counted = _count(where, values, as_of=visibility.as_of)
    return Page(tuple(items), counted, page, page_size)


def get_history(memory_id: UUID) -> list[HistoryEntry]:
    """Everything that happened to a memory, oldest first; raises NotFound."""
    head = Memory.objects.filter(id=memory_id).first()
    if head is None:
        raise NotFound("Memory not found!")
    events = list(MemoryEvent.objects.filter(memory_id=memory_id).order_by("at", "id"))
    versions = {
        version.number: version
        for version in MemoryVersion.objects.filter(memory_id=memory_id)
    }
    messages = _messages_of(events)
    return [_entry(head, event, versions, messages) for event in events]


def list_history(
    *, page: int, page_size: int, only: Mapping[str, str] | None = None
) -> Page[HistoryEntry]:
    """What happened to the memories of the open scope, newest first.

    ``only`` restricts to memories with these ids. Events that change neither words nor
    state are no history.
    """
    told = [kind for kind, rule in EVENT_RULES.items() if rule.history]
    own = {f"memory__{key}": value for key, value in (only or {}).items()}
    rows = MemoryEvent.objects.filter(kind__in=told, **own).order_by("-at", "-id")
    start = (page - 1) * page_size
    events = list(rows[start : start + page_size])
    heads = Memory.objects.in_bulk({event.memory_id for event in events})
    versions = _versions_of(events)
    messages = _messages_of(events)
    entries = [
        _entry(heads[e.memory_id], e, versions.get(e.memory_id, {}), messages)
        for e in events
    ]
    return Page(tuple(entries), rows.count(), page, page_size)


def visible(filters: Filters, visibility: Visibility) -> tuple[str, list[Any]]:
    """The condition on ``m`` that a list and a search share."""
    fresh, fresh_params = unexpired("m", visibility)
    conditions = ["m.state = ANY(%s)", "m.text IS NOT NULL", filters.sql, fresh]
    params: list[Any] = [shown_states(visibility), *filters.params, *fresh_params]
    return " AND ".join(conditions), params


def unexpired(alias: str, visibility: Visibility) -> tuple[str, list[Any]]:
    """The condition that an expiry day, if there is one, is not past."""
    day = earliest_expiry(visibility)
    if day is None:
        return "true", []
    return f"({alias}.expires_on IS NULL OR {alias}.expires_on >= %s)", [day]


def earliest_expiry(visibility: Visibility) -> date | None:
    """What expired before this day is not shown; None: all is."""
    if visibility.show_expired:
        return None
    return (visibility.as_of or clock.now()).date()


def shown_states(visibility: Visibility) -> list[str]:
    """States a list or search shows (``STATE_RULES``)."""
    shown = {
        state
        for state, rule in STATE_RULES.items()
        if (rule.listed_as_latest if visibility.latest_only else rule.listed)
    }
    if visibility.include_merged:
        shown.add(State.MERGED)
    return sorted(str(state) for state in shown)


SEARCHED_STATES = tuple(shown_states(Visibility(include_merged=True)))
"""States that any search shows: the indexes of huge scopes hold no others."""


def source(as_of: datetime | None, tenant_id: UUID) -> tuple[str, list[Any]]:
    """The relation ``m``: the living heads, or what was believed at an instant."""
    if as_of is None:
        return "memories_memory AS m", []
    return AS_OF_SOURCE, [tenant_id, as_of, as_of]


def owned() -> tuple[str, list[Any]]:
    """The open scope's tenant and project as literal conditions on ``m``."""
    scope = require_tenant()
    if scope.project_id is None:
        return "m.tenant_id = %s", [scope.tenant_id]
    return "m.tenant_id = %s AND m.project_id = %s", [scope.tenant_id, scope.project_id]


def view_of(row: Sequence[Any]) -> MemoryView:
    """A row of ``VIEW_COLUMNS`` as a reader sees it."""
    return MemoryView(
        id=row[0],
        text=row[1],
        user_id=row[2],
        agent_id=row[3],
        app_id=row[4],
        run_id=row[5],
        metadata=_json(row[6]),
        categories=tuple(row[7]) if row[7] is not None else None,
        state=State(row[8]),
        kind=row[9],
        attributed_to=row[10],
        is_immutable=row[11],
        is_stale_suspect=row[12],
        confidence=row[13],
        number=row[14],
        expires_on=row[15],
        created_at=row[16],
        updated_at=row[17],
        known_from=row[18],
        valid_from=row[19],
        valid_to=row[20],
        replaced_by=row[21],
        text_hash=row[22],
        valid_precision=row[23],
        recurs=row[24],
        aspect=None if row[25] is None else Aspect(row[25]),
    )


def _json(raw: str | None) -> Any:
    return json.loads(raw) if raw is not None else None


def _select(
    where: str,
    params: Sequence[Any],
    *,
    as_of: datetime | None,
    tail: str = "",
    tail_params: Sequence[Any] = (),
) -> list[MemoryView]:
    relation, relation_params = source(as_of, current_tenant_id())
    own, own_params = owned()
    statement = f"SELECT {VIEW_COLUMNS} FROM {relation} WHERE {own} AND {where} {tail}"
    with connection.cursor() as cursor:
        cursor.execute(
            statement, [*relation_params, *own_params, *params, *tail_params]
        )
        return [view_of(row) for row in cursor.fetchall()]


def _count(where: str, params: Sequence[Any], *, as_of: datetime | None) -> int:
    relation, relation_params = source(as_of, current_tenant_id())
    own, own_params = owned()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {relation} WHERE {own} AND {where}",
            [*relation_params, *own_params, *params],
        )
        return int(cursor.fetchone()[0])


def _counted(filters: Filters, visibility: Visibility) -> int | None:
    """The subject's counter, where it answers the very question (decision 36)."""
    named = {k: v for k, v in filters.scope.as_dict().items() if v is not None}
    plain = not (
        visibility.as_of or visibility.latest_only or visibility.include_merged
    )
    if not (filters.is_only_scope and plain and len(named) == 1):
        return None
    if require_tenant().project_id is None:
        return None  # a name may stand in several projects
    ((key, name),) = named.items()
    subject = Subject.objects.filter(
        kind=key.removesuffix("_id"), external_id=name
    ).first()
    if subject is None:
        return 0
    if subject.expiring_count and not visibility.show_expired:
        return None
    return subject.memory_count


def _created_between(
    created_from: datetime | None, created_before: datetime | None
) -> tuple[list[str], list[Any]]:
    asked = {"m.created_at >= %s": created_from, "m.created_at < %s": created_before}
    given = {sql: instant for sql, instant in asked.items() if instant is not None}
    return list(given), list(given.values())


def _versions_of(
    events: Sequence[MemoryEvent],
) -> Mapping[UUID, Mapping[int, MemoryVersion]]:
    """The versions that events speak of, by memory and number."""
    numbers = {n for e in events for n in (e.old_number, e.new_number) if n}
    found: dict[UUID, dict[int, MemoryVersion]] = defaultdict(dict)
    for version in MemoryVersion.objects.filter(
        memory_id__in={event.memory_id for event in events}, number__in=numbers
    ):
        found[version.memory_id][version.number] = version
    return found


def _messages_of(events: Sequence[MemoryEvent]) -> Mapping[UUID, Message]:
    ids = {message_id for event in events for message_id in event.message_ids}
    if not ids:
        return {}
    return {row.id: row for row in Message.objects.filter(id__in=ids)}


def _entry(
    head: Memory,
    event: MemoryEvent,
    versions: Mapping[int, MemoryVersion],
    messages: Mapping[UUID, Message],
) -> HistoryEntry:
    old = versions.get(event.old_number) if event.old_number else None
    new = versions.get(event.new_number) if event.new_number else None
    known = [messages[i] for i in event.message_ids if i in messages]
    said = new or old
    return HistoryEntry(
        id=event.id,
        memory_id=head.id,
        kind=event.kind,
        old_text=old.text if old else None,
        new_text=new.text if new else None,
        at=event.at,
        actor_kind=event.actor_kind,
        actor_id=event.actor_id,
        reason=event.reason,
        related_memory_id=event.related_memory_id,
        operation_id=event.operation_id,
        message_ids=tuple(event.message_ids),
        messages=tuple(as_chat(message) for message in known),
        prompt_version_id=event.prompt_version_id,
        engine=event.engine,
        model=event.model,
        metadata=said.metadata if said else None,
        categories=tuple(said.categories) if said and said.categories else None,
        scope=Scope(**{key: getattr(head, key) for key in SCOPE_KEYS}),
        was_gone=old is not None and old.state in (State.DELETED, State.RETIRED),
    )
