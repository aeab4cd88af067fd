"""The changes of one transaction: heads, versions, events, vectors, counters, outbox.

A :class:`Batch` is opened under the anchor locks, collects what happens to memories in
order, and writes all of it in :meth:`Batch.flush`. It does not decide anything.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchVector
from django.db.models import Value

from memories.language.segments import searchable
from memories.models import (
    Anchor,
    Memory,
    MemoryEvent,
    MemoryVersion,
    Outbox,
    Topic,
    Uncategorized,
)
from memories.models.memory import FactColumns
from memories.providers.vectors import SpaceVectors, as_literal
from memories.selectors.memories import INDEXED_CHARS
from memories.store.beliefs import follow_heads
from memories.store.outbox import tell, wake_if_told
from memories.store.script import Script
from memories.store.spaces import ACTIVE_SPACE, fill_if_missed
from memories.store.suspects import lift_returned, suspect_dependants
from memories.store.windows import TELLS_SOURCES, Learned, write_sources
from memories.types import (
    EVENT_RULES,
    SCOPE_KEYS,
    STATE_RULES,
    UNSET,
    Aspect,
    JsonDict,
    OperationResult,
    Scope,
    State,
    Unset,
    ValidTime,
)
from memplatform.lib import clock
from memplatform.lib.errors import ScopeError
from memplatform.lib.ids import new_id
from tenants.scopes import require_tenant

FACT_COLUMNS = tuple(field.attname for field in FactColumns._meta.fields)
PAST = "past"
ALWAYS = ValidTime()


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something happened: who, which messages, which prompt and model."""

    actor_kind: str
    actor_id: UUID | None = None
    operation_id: UUID | None = None
    message_ids: tuple[UUID, ...] = ()
    prompt_version_id: UUID | None = None
    engine: str | None = None
    model: str | None = None
    reason: str = ""

    def because(self, reason: str, message_ids: Iterable[UUID] = ()) -> Cause:
        return replace(self, reason=reason, message_ids=tuple(message_ids))


@dataclass(frozen=True, slots=True)
class NewMemory:
    """A memory to be. ``created_at`` is the wire's clock and may be backdated.

    ``categories`` None leaves them to be assigned in the background.
    """

    anchor_id: UUID
    scope: Scope
    text: str
    origin: str
    created_at: datetime
    accepted_at: datetime
    vectors: SpaceVectors
    metadata: JsonDict | None = None
    categories: tuple[str, ...] | None = None
    attributed_to: str = "user"
    speaker: str | None = None
    kind: str = "fact"
    state: State = State.ACTIVE
    replaced_by_id: UUID | None = None
    valid: ValidTime = ALWAYS
    aspect: Aspect | None = None
    expires_on: date | None = None
    is_immutable: bool = False
    confidence: float = 1.0
    language: str = "english"
    id: UUID | None = None


@dataclass(slots=True)
class Revision:
    """What a new version changes; absent stays.

    ``vector_number`` is an earlier version of the memory in the same words: its vectors
    are kept and stand for the text again, unless there are new ``vectors``.
    """

    text: str | Unset = UNSET
    metadata: JsonDict | Unset | None = UNSET
    categories: tuple[str, ...] | Unset | None = UNSET
    speaker: str | Unset | None = UNSET
    state: State | Unset = UNSET
    valid_from: datetime | Unset | None = UNSET
    valid_to: datetime | Unset | None = UNSET
    valid_precision: str | Unset | None = UNSET
    recurs: str | Unset | None = UNSET
    aspect: str | Unset | None = UNSET
    expires_on: date | Unset | None = UNSET
    created_at: datetime | Unset = UNSET
    confidence: float | Unset = UNSET
    is_immutable: bool | Unset = UNSET
    replaced_by_id: UUID | Unset | None = UNSET
    vector_number: int | Unset = UNSET
    vectors: SpaceVectors | None = None

    def changed(self) -> dict[str, Any]:
        names = (*FACT_COLUMNS, "speaker")
        values = {name: getattr(self, name, UNSET) for name in names}
        return {name: value for name, value in values.items() if value is not UNSET}

    def moves_vectors(self) -> bool:
        """Whether it changes what vectors carry of their head: each is rewritten."""
        carried = (self.text, self.state, self.expires_on)
        return any(value is not UNSET for value in carried)


def lock_anchors(anchor_ids: Iterable[UUID]) -> dict[UUID, Anchor]:
    """Take the anchor locks, always in the same order; call inside a scope."""
    rows = Anchor.objects.filter(id__in=set(anchor_ids)).order_by("id")
    return {anchor.id: anchor for anchor in rows.select_for_update()}


def hash_text(text: str) -> str:
    """Identity of a text within a scope: SHA-256 of exactly what was said."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class Batch:
    """Changes of one project's memories under held anchor locks.

    ``is_applied``: whoever collects them lets relations follow, once it is known what
    is said anew, and marks what hung on them (``store.suspects``).
    """

    project_id: UUID
    anchors: Mapping[UUID, Anchor]
    results: list[OperationResult] = field(default_factory=list)
    is_applied: bool = False
    _new_heads: dict[UUID, Memory] = field(default_factory=dict)
    _kept_places: dict[UUID, Memory] = field(default_factory=dict)
    _changed_heads: dict[UUID, Memory] = field(default_factory=dict)
    _versions: list[MemoryVersion] = field(default_factory=list)
    _closings: list[tuple[UUID, int, datetime]] = field(default_factory=list)
    _events: list[MemoryEvent] = field(default_factory=list)
    _outbox: list[Outbox] = field(default_factory=list)
    _uncategorized: list[Uncategorized] = field(default_factory=list)
    _vectors: list[tuple[Memory, int, SpaceVectors]] = field(default_factory=list)
    _moved_vectors: set[UUID] = field(default_factory=set)
    _reworded: set[UUID] = field(default_factory=set)
    _counts: dict[tuple[str, str], Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    @classmethod
    def open(cls, project_id: UUID, anchor_ids: Iterable[UUID]) -> Batch:
        """Lock the anchors and start; call inside a tenant scope."""
        return cls(project_id, lock_anchors(anchor_ids))

    # --- what can happen to a memory ---------------------------------------------

    def add(
        self,
        new: NewMemory,
        cause: Cause,
        *,
        kind: MemoryEvent.Kind = MemoryEvent.Kind.ADD,
        related: UUID | None = None,
        review: JsonDict | None = None,
    ) -> Memory:
        """A memory comes into being: head, version 1, event, vectors.

        ``review`` is why it waits for somebody's approval, where it does.
        """
        at = self._next_instant(new.anchor_id)
        head = _head_of(self.project_id, new, at)
        self._new_heads[head.id] = head
        self._count(head, before=None)
        self._versions.append(self._snapshot(head))
        self._vectors.append((head, head.number, new.vectors))
        self._tell(head, kind, cause, old=None, related=related, review=review)
        self._announce(head, _topics(head, kind))
        if head.categories is None and head.state != State.QUARANTINED:
            self._leave_uncategorized(head, cause)
        return head

    def revise(
        self,
        head: Memory,
        kind: MemoryEvent.Kind,
        revision: Revision,
        cause: Cause,
        *,
        related: UUID | None = None,
        review: JsonDict | None = None,
    ) -> Memory:
        """A memory changes: the version it was is closed, a new one follows."""
        before, old = _counted_as(head), head.number
        state, categories = State(head.state), head.categories
        at = self._next_instant(head.anchor_id)
        self._closings.append((head.id, old, at))
        for name, value in revision.changed().items():
            setattr(head, name, _plain(value))
        head.number, head.known_from, head.updated_at = old + 1, at, at
        head.is_stale_suspect = False  # whoever decided on it has looked
        self._revise_text(head, revision)
        if head.id not in self._new_heads:
            self._changed_heads[head.id] = head
        if revision.moves_vectors():
            self._moved_vectors.add(head.id)
        self._count(head, before=before)
        self._versions.append(self._snapshot(head))
        self._tell(head, kind, cause, old=old, related=related, review=review)
        self._announce(head, _topics(head, kind, state, categories))
        if kind in _SEEN_AGAIN and head.categories is None:
            self._leave_uncategorized(head, cause)
        return head

    def bring(
        self,
        head: Memory,
        versions: Sequence[MemoryVersion],
        events: Sequence[MemoryEvent],
        vectors: Sequence[tuple[Memory, int, SpaceVectors]],
        *,
        is_there: bool,
    ) -> None:
        """A memory comes in with its whole history; nobody is told of what is past.

        ``is_there`` says that its place was kept by a row that carries nothing.
        """
        text = head.text or ""
        head.text_hash = hash_text(text)
        head.search = _search_vector(text, head.language)
        (self._kept_places if is_there else self._new_heads)[head.id] = head
        anchor = self.anchors[head.anchor_id]
        latest = max([head.known_from, *(event.at for event in events)])
        anchor.last_known_at = max(anchor.last_known_at or latest, latest)
        self._count(head, before=None)
        self._versions += versions
        self._events += events
        self._vectors += vectors

    def note(self, head: Memory, kind: MemoryEvent.Kind, cause: Cause) -> None:
        """Something happened that changes no version (an expiry, say)."""
        at = self._next_instant(head.anchor_id)
        self._tell(head, kind, cause, old=head.number, at=at)

    def confirm(self, head: Memory, cause: Cause) -> None:
        """It was looked at, and is so still: the mark that it may be stale is gone."""
        head.is_stale_suspect = False
        if head.id not in self._new_heads:
            self._changed_heads[head.id] = head
        self.note(head, MemoryEvent.Kind.CONFIRM, cause)

    def doubt(self, head: Memory, because: UUID | None, cause: Cause) -> None:
        """It may be stale after all; ``because`` is the memory that says why."""
        head.is_stale_suspect = True
        self._changed_heads[head.id] = head
        at = self._next_instant(head.anchor_id)
        kind, old = MemoryEvent.Kind.SUSPECT, head.number
        self._tell(head, kind, cause, old=old, related=because, at=at)

    def next_instant(self, anchor_id: UUID) -> datetime:
        """A known instant after all that happened in a locked anchor."""
        return self._next_instant(anchor_id)

    # --- writing it ----------------------------------------------------------------

    def flush(self) -> tuple[OperationResult, ...]:
        """Write everything collected; the caller's transaction makes it one."""
        script = Script()
        self._close_versions(script)
        # Heads that give up a text go first, so that another may say it.
        self._write_changed_heads(script)
        script.insert(self._new_heads.values())
        for head in self._kept_places.values():
            script.update(head, WHOLE_HEAD)
        script.insert(self._versions)
        script.insert(self._events)
        write_sources(script, self._learned())
        told = tell(script, self.project_id, self._outbox)
        script.insert(self._uncategorized, skip_known=True)
        self._move_vectors(script)
        _write_vectors(script, self.project_id, self._vectors)
        self._write_counts(script)
        self._write_clock(script)
        script.add(ACTIVE_SPACE, [require_tenant().tenant_id, self.project_id])
        active = [space_id for (space_id,) in script.run()]
        wake_if_told(self.project_id, told)
        if self._changed_heads and not self.is_applied:
            follow_heads(self.changed, {})
            self._settle_doubts()
        if self._vectors:
            written = {space_id for *_, spaces in self._vectors for space_id in spaces}
            fill_if_missed(active, written)
        return tuple(self.results)

    def _settle_doubts(self) -> None:
        """Mark what hung on heads that are over by now, and lift marks for what is said
        again."""
        ended, script = self.ended, Script()
        for anchor_id in {head.anchor_id for head in self.changed}:
            mine = [head for head in ended if head.anchor_id == anchor_id]
            suspect_dependants(script, mine, self._next_instant(anchor_id))
            lift_returned(script, anchor_id, self._next_instant(anchor_id))
        self._write_clock(script)
        script.run()

    @property
    def changed(self) -> list[Memory]:
        """Heads that were there and have a new version."""
        return list(self._changed_heads.values())

    @property
    def ended(self) -> list[Memory]:
        """Heads that were changed and are over."""
        over = (State.SUPERSEDED, State.RETIRED)
        return [h for h in self._changed_heads.values() if h.state in over]

    def _learned(self) -> Iterator[Learned]:
        heads = self._changed_heads | self._new_heads | self._kept_places
        for event in self._events:
            if event.kind in TELLS_SOURCES:
                for message_id in event.message_ids:
                    anchor_id = heads[event.memory_id].anchor_id
                    yield Learned(anchor_id, event.memory_id, message_id)

    def _revise_text(self, head: Memory, revision: Revision) -> None:
        if revision.text is UNSET:
            return
        self._reworded.add(head.id)
        head.text_hash = hash_text(head.text or "")
        head.search = _search_vector(head.text or "", head.language)
        if revision.vectors is not None:
            head.vector_number = head.number
            self._vectors.append((head, head.number, revision.vectors))

    def _next_instant(self, anchor_id: UUID) -> datetime:
        anchor = self.anchors.get(anchor_id)
        if anchor is None:
            raise ScopeError("A memory was changed without its anchor's lock.")
        anchor.last_known_at = clock.after(anchor.last_known_at)
        return anchor.last_known_at

    def _snapshot(self, head: Memory) -> MemoryVersion:
        columns = {name: getattr(head, name) for name in FACT_COLUMNS}
        return MemoryVersion(
            project_id=self.project_id,
            memory_id=head.id,
            number=head.number,
            **columns,
        )

    def _tell(
        self,
        head: Memory,
        kind: MemoryEvent.Kind,
        cause: Cause,
        *,
        old: int | None,
        related: UUID | None = None,
        review: JsonDict | None = None,
        at: datetime | None = None,
    ) -> None:
        at = at or head.known_from
        self._events.append(
            MemoryEvent(
                project_id=self.project_id,
                memory_id=head.id,
                kind=kind,
                old_number=old,
                new_number=head.number,
                related_memory_id=related,
                actor_kind=cause.actor_kind,
                actor_id=cause.actor_id,
                operation_id=cause.operation_id,
                message_ids=list(cause.message_ids),
                prompt_version_id=cause.prompt_version_id,
                engine=cause.engine,
                model=cause.model,
                reason=cause.reason,
                review=review,
                at=at,
            )
        )
        rule = EVENT_RULES[kind]
        self.results.append(
            OperationResult(head.id, rule.result, head.text, head.user_id, head.number)
        )

    def _announce(self, head: Memory, topics: Iterable[str]) -> None:
        """For webhooks: which version of which memory."""
        payload = {"memory_id": str(head.id), "number": head.number}
        self._outbox += [
            Outbox(
                project_id=self.project_id,
                topic=topic,
                payload=payload,
                created_at=head.known_from,
            )
            for topic in topics
        ]

    def _leave_uncategorized(self, head: Memory, cause: Cause) -> None:
        self._uncategorized.append(
            Uncategorized(
                project_id=self.project_id,
                memory_id=head.id,
                operation_id=cause.operation_id,
            )
        )

    def _count(self, head: Memory, *, before: tuple[int, int] | None) -> None:
        memories, expiring = _counted_as(head)
        had_memories, had_expiring = before or (0, 0)
        for kind, name in _subjects_of(head):
            delta = self._counts[kind, name]
            delta["memories"] += memories - had_memories
            delta["expiring"] += expiring - had_expiring
            delta["new"] += before is None

    def _close_versions(self, script: Script) -> None:
        """In the table; one of this very batch, which is not there yet, in place."""
        unwritten = {(row.memory_id, row.number): row for row in self._versions}
        for memory_id, number, at in self._closings:
            version = unwritten.get((memory_id, number))
            if version is not None:
                version.known_to = at
            else:
                tenant_id = require_tenant().tenant_id
                script.add(_CLOSE_VERSION, [at, tenant_id, memory_id, number])

    def _write_changed_heads(self, script: Script) -> None:
        if self._reworded and len(self._changed_heads) > 1:
            # A text may change hands, in any order: nobody holds one meanwhile.
            heads = [require_tenant().tenant_id, list(self._changed_heads)]
            script.add(_PUT_ASIDE, [State.ARCHIVED, *heads])
        for head in self._changed_heads.values():
            script.update(head, HEAD_COLUMNS)

    def _move_vectors(self, script: Script) -> None:
        """Vectors follow their head: its expiry, its state on the current text."""
        for head in self._changed_heads.values():
            if head.id in self._moved_vectors:
                becomes = [head.vector_number, head.state, PAST, head.expires_on]
                script.add(_MOVE_VECTORS, [*becomes, head.tenant_id, head.id])

    def _write_counts(self, script: Script) -> None:
        if not self._counts:
            return
        at = max(a.last_known_at for a in self.anchors.values() if a.last_known_at)
        rows = [
            (kind, name, delta["memories"], delta["expiring"], delta["new"] > 0)
            for (kind, name), delta in sorted(self._counts.items())
        ]
        _write_counts(script, self.project_id, rows, at)

    def _write_clock(self, script: Script) -> None:
        for anchor in self.anchors.values():
            script.update(anchor, ["last_known_at"])


_SEEN_AGAIN = (MemoryEvent.Kind.RESTORE, MemoryEvent.Kind.APPROVE)
"""Kinds of event that bring a memory to light: it may lack categories still."""
WHOLE_HEAD = [
    f.attname for f in Memory._meta.concrete_fields if f.name not in ("id", "tenant")
]
HEAD_COLUMNS = [
    *FACT_COLUMNS,
    "number",
    "updated_at",
    "text_hash",
    "search",
    "speaker",
    "is_stale_suspect",
]


def insert_version_vectors(
    project_id: UUID, rows: Sequence[tuple[Memory, int, SpaceVectors]]
) -> None:
    """Insert the chunks of versions' texts, one row per space and chunk.

    A row that is there already is left as it is.
    """
    script = Script()
    _write_vectors(script, project_id, rows)
    script.run()


def _write_vectors(
    script: Script,
    project_id: UUID,
    rows: Sequence[tuple[Memory, int, SpaceVectors]],
) -> None:
    for head, number, spaces in rows:
        for space_id, vectors in spaces.items():
            for chunk_no, vector in enumerate(vectors):
                of_memory = [head.tenant_id, project_id, head.anchor_id, space_id]
                state = head.state if number == head.vector_number else PAST
                values = [*of_memory, head.id, number, chunk_no, state]
                embedding = as_literal(vector)
                script.add(
                    _INSERT_VECTOR, [new_id(), *values, head.expires_on, embedding]
                )


def _write_counts(
    script: Script,
    project_id: UUID,
    rows: Sequence[tuple[str, str, int, int, bool]],
    at: datetime,
) -> None:
    """Keep the counters; a subject comes into being with its first memory.

    Rows are sorted, so that two applies that share an agent cannot deadlock.
    """
    tenant_id = require_tenant().tenant_id
    for kind, name, memories, expiring, is_new in rows:
        subject = [tenant_id, project_id, kind, name]
        counted = [memories, expiring, at, *subject]
        if is_new:
            script.add(_UPSERT_SUBJECT, [new_id(), *counted, at])
        else:
            script.add(_COUNT_SUBJECT, counted)


_CLOSE_VERSION = """
UPDATE memories_memoryversion SET known_to = %s
WHERE tenant_id = %s AND memory_id = %s AND number = %s
"""
_PUT_ASIDE = """
UPDATE memories_memory SET state = %s WHERE tenant_id = %s AND id = ANY(%s)
"""
_MOVE_VECTORS = """
UPDATE memories_memoryvector
SET state = CASE WHEN number = %s THEN %s ELSE %s END, expires_on = %s
WHERE tenant_id = %s AND memory_id = %s
"""
_INSERT_VECTOR = """
INSERT INTO memories_memoryvector
    (id, tenant_id, project_id, anchor_id, space_id, memory_id, number, chunk_no,
     state, expires_on, embedding)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::halfvec)
ON CONFLICT DO NOTHING
"""
_UPSERT_SUBJECT = """
INSERT INTO memories_subject AS s
    (id, memory_count, expiring_count, last_active_at, tenant_id, project_id, kind,
     external_id, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, project_id, kind, external_id) DO UPDATE SET
    memory_count = s.memory_count + EXCLUDED.memory_count,
    expiring_count = s.expiring_count + EXCLUDED.expiring_count,
    last_active_at = EXCLUDED.last_active_at
"""
_COUNT_SUBJECT = """
UPDATE memories_subject SET
    memory_count = memory_count + %s,
    expiring_count = expiring_count + %s,
    last_active_at = %s
WHERE tenant_id = %s AND project_id = %s AND kind = %s AND external_id = %s
"""


def _head_of(project_id: UUID, new: NewMemory, at: datetime) -> Memory:
    return Memory(
        id=new.id or new_id(),
        project_id=project_id,
        anchor_id=new.anchor_id,
        **new.scope.as_dict(),
        text=new.text,
        text_hash=hash_text(new.text),
        language=new.language,
        search=_search_vector(new.text, new.language),
        metadata=new.metadata,
        categories=_plain(new.categories),
        attributed_to=new.attributed_to,
        speaker=new.speaker,
        kind=new.kind,
        origin=new.origin,
        state=new.state,
        replaced_by_id=new.replaced_by_id,
        valid_from=new.valid.start,
        valid_to=new.valid.end,
        valid_precision=new.valid.precision,
        recurs=new.valid.recurs,
        aspect=new.aspect,
        expires_on=new.expires_on,
        is_immutable=new.is_immutable,
        confidence=new.confidence,
        created_at=new.created_at,
        accepted_at=new.accepted_at,
        known_from=at,
        updated_at=at,
    )


def _search_vector(text: str, config: str) -> SearchVector:
    return SearchVector(Value(searchable(text[:INDEXED_CHARS])), config=config)


def _topics(
    head: Memory,
    kind: MemoryEvent.Kind,
    was: State = State.DELETED,
    categories: list[str] | None = None,
) -> list[str]:
    """What webhooks call an event of a memory that was in this state and these
    categories: who comes back from a delete is added, and categories are told apart.

    Of what waits for review nobody is told, nor that it was rejected; approved, it is
    new to all.
    """
    topic = EVENT_RULES[kind].topic
    is_hidden = State.QUARANTINED in (was, head.state) and head.state != State.ACTIVE
    if topic is None or is_hidden:
        return []
    if was == State.QUARANTINED or (
        kind == MemoryEvent.Kind.RESTORE and was in (State.DELETED, State.RETIRED)
    ):
        topic = Topic.MEMORY_ADD
    is_sorted_anew = bool(head.categories) and head.categories != categories
    extra = [Topic.MEMORY_CATEGORIZE] if is_sorted_anew else []
    return list(dict.fromkeys([topic, *extra]))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _counted_as(head: Memory) -> tuple[int, int]:
    """(memories, expiring) that a head contributes to its subjects' counters."""
    if not STATE_RULES[State(head.state)].counted:
        return (0, 0)
    return (1, int(head.expires_on is not None))


def _subjects_of(head: Memory) -> list[tuple[str, str]]:
    names = ((key.removesuffix("_id"), getattr(head, key)) for key in SCOPE_KEYS)
    return [(kind, name) for kind, name in names if name is not None]
