"""Decisions on what waits for review, made true under the anchor's lock.

A fact to be reviewed is stored quarantined, and what it would have changed stays in
force. Scenarios, each of which ends with exactly one effect:

* it is new: approved, it becomes active.
* it would replace a memory: approved, it becomes active and supersedes that one.
* it would complete a memory: approved, its words become that memory's next version, and
  it is merged behind it.
* that memory is gone, protected or reworded by now: approved, it stands beside it.
* somebody says the very words by now: approved, it is merged behind that memory.
* it is rejected: deleted, with the reason; nothing else changes.
* somebody else was faster, or deleted it: there is nothing to decide any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from memories.models import Memory, MemoryEvent
from memories.providers.vectors import SpaceVectors
from memories.selectors.review import Held, held_events
from memories.store.batch import Batch, Cause, NewMemory, Revision, hash_text
from memories.store.evidence import inherit_sources
from memories.store.graph import inherit
from memories.store.sequence import began_after
from memories.store.succession import (
    categories_of,
    end_of,
    may_change,
    updated_valid,
    why_untouched,
)
from memories.types import (
    SCOPE_KEYS,
    UNSET,
    Scope,
    State,
    Unset,
    ValidTime,
    Verdict,
)
from memplatform.lib import clock

REWORDED = "its target says something else by now"
SAID_BY_NOW = "another memory says the same by now"
TRUE_EARLIER = "it was true before what it contradicts"
Kind = MemoryEvent.Kind


def hold_change(
    batch: Batch, head: Memory, revision: Revision, change: Held, cause: Cause
) -> Memory:
    """A new text of a memory waits beside it; the rest of the revision is the caller's.

    What waits already to make it say so is left as it is, and nothing is told twice.
    """
    if isinstance(revision.text, Unset) or revision.vectors is None:
        raise TypeError("Only a new text can wait.")
    text = revision.text
    alike = Memory.objects.filter(
        anchor_id=head.anchor_id, state=State.QUARANTINED, text_hash=hash_text(text)
    )
    waiting = {memory.id: memory for memory in alike}
    for memory_id, event in held_events(waiting).items():
        if event.related_memory_id == head.id:
            return waiting[memory_id]
    return batch.add(
        NewMemory(
            anchor_id=head.anchor_id,
            scope=Scope(**{key: getattr(head, key) for key in SCOPE_KEYS}),
            text=text,
            origin=head.origin,
            created_at=head.created_at,
            accepted_at=clock.now(),
            vectors=revision.vectors,
            categories=categories_of(head),
            attributed_to=head.attributed_to,
            speaker=head.speaker,
            kind=head.kind,
            state=State.QUARANTINED,
            confidence=head.confidence,
            language=head.language,
        ),
        cause,
        kind=Kind.QUARANTINE,
        related=head.id,
        review=change.as_json(),
    )


@dataclass(frozen=True, slots=True)
class Approved:
    """What became of an approved memory; ``note`` says what was not as expected."""

    memory: Memory
    into: Memory | None = None
    superseded: Memory | None = None
    note: str = ""


@dataclass(slots=True)
class Review:
    """Decisions on memories of one anchor.

    ``waiting`` are those still to be decided, ``known`` what they may change, and what
    was decided.
    """

    batch: Batch
    cause: Cause
    waiting: dict[UUID, Memory]
    events: Mapping[UUID, MemoryEvent]
    known: dict[UUID, Memory]
    _heirs: list[tuple[Memory, Memory]]
    _completed: list[tuple[Memory, Memory]]

    @classmethod
    def open(
        cls, project_id: UUID, anchor_id: UUID, ids: Iterable[UUID], cause: Cause
    ) -> Self:
        """Lock the anchor, then read under the lock; call inside a tenant scope."""
        batch = Batch.open(project_id, [anchor_id])
        mine = Memory.objects.filter(anchor_id=anchor_id, text__isnull=False)
        heads = mine.filter(id__in=list(ids), state=State.QUARANTINED)
        waiting = {head.id: head for head in heads}
        events = held_events(waiting)
        targets = {e.related_memory_id for e in events.values() if e.related_memory_id}
        return cls(batch, cause, waiting, events, mine.in_bulk(targets), [], [])

    def reject(self, memory_id: UUID) -> Memory | None:
        """It is deleted; None when it does not wait any more."""
        head = self.waiting.pop(memory_id, None)
        if head is not None:
            gone = Revision(state=State.DELETED)
            self.batch.revise(head, Kind.DELETE, gone, self.cause)
        return head

    def approve(
        self, memory_id: UUID, text: str | None, vectors: Mapping[str, SpaceVectors]
    ) -> Approved | None:
        """It comes into force, in other words with ``text``; None when it does not wait
        any more.

        ``vectors`` is by text: of other words, and of an UPDATE's.
        """
        head = self.waiting.pop(memory_id, None)
        if head is None:
            return None
        held, words = self._held(head), text or head.text or ""
        target = self.known.get(held.target_id) if held.target_id else None
        note = _why_beside(held, head, target)
        if note:
            held = replace(held, verdict=Verdict.ADD)
        place = target if target and held.verdict == Verdict.UPDATE else head
        twin = self._twin(head, words, place.run_id)
        if twin is not None:
            return self._approve_known(head, twin, held, target)
        if target is not None and held.verdict == Verdict.UPDATE:
            return self._update(head, target, words, vectors)
        if target is not None and held.verdict == Verdict.MERGE:
            return self._merge_behind(head, target)
        if target is not None and held.verdict == Verdict.DELETE:
            return self._supersede(head, target, text, vectors)
        return self._activate(head, text, vectors, note=note)

    def flush(self) -> None:
        """Write all of it; then what was merged leaves what it asserts to its heir."""
        self.batch.flush()
        for giver, heir in self._heirs:
            inherit(giver, heir)
        for giver, heir in self._completed:
            inherit_sources(giver, heir)

    def _held(self, head: Memory) -> Held:
        event = self.events.get(head.id)
        return Held.of(event) if event else Held()

    def _because(self, head: Memory) -> Cause:
        """Approved by whoever asked; learned as it was learned."""
        event = self.events.get(head.id)
        if event is None:
            return self.cause
        return replace(
            self.cause,
            operation_id=event.operation_id,
            message_ids=tuple(event.message_ids),
            prompt_version_id=event.prompt_version_id,
            engine=event.engine,
            model=event.model,
        )

    def _twin(self, head: Memory, words: str, run_id: str | None) -> Memory | None:
        """Who says exactly this in a run by now."""
        text_hash = hash_text(words)
        for known in self.known.values():
            said = (known.text_hash, known.run_id, known.state)
            if said == (text_hash, run_id, State.ACTIVE):
                return known
        rows = Memory.objects.filter(
            anchor_id=head.anchor_id,
            text_hash=text_hash,
            run_id=run_id,
            state=State.ACTIVE,
        )
        return rows.exclude(id__in=self.known).first()

    def _approve_known(
        self, head: Memory, twin: Memory, held: Held, target: Memory | None
    ) -> Approved:
        """The words are in force already; what they contradict, they supersede."""
        superseded = None
        if held.verdict == Verdict.DELETE and target and target.id != twin.id:
            self._close(target, twin, head)
            superseded = target
        approved = self._merge_behind(head, twin)
        return replace(approved, superseded=superseded, note=SAID_BY_NOW)

    def _merge_behind(self, head: Memory, into: Memory) -> Approved:
        merged = Revision(state=State.MERGED, replaced_by_id=into.id)
        because = self._because(head)
        self.batch.revise(head, Kind.APPROVE, merged, because, related=into.id)
        return Approved(head, into=into)

    def _update(
        self,
        head: Memory,
        target: Memory,
        words: str,
        vectors: Mapping[str, SpaceVectors],
    ) -> Approved:
        known = ValidTime(head.valid_from, head.valid_to, recurs=head.recurs)
        valid = updated_valid(known, target)
        revision = Revision(
            text=words,
            metadata=(
                UNSET
                if head.metadata is None
                else (target.metadata or {}) | head.metadata
            ),
            categories=categories_of(head) or categories_of(target),
            speaker=head.speaker or target.speaker,
            valid_from=valid.start,
            valid_to=valid.end,
            valid_precision=head.valid_precision or target.valid_precision,
            recurs=valid.recurs,
            aspect=head.aspect or target.aspect,
            expires_on=head.expires_on or target.expires_on,
            is_immutable=head.is_immutable,
            confidence=head.confidence,
            vectors=vectors[words],
        )
        because = self._because(head)
        self.batch.revise(target, Kind.UPDATE, revision, because, related=head.id)
        if words == head.text:
            self._heirs.append((head, target))
        self._completed.append((head, target))
        return self._merge_behind(head, target)

    def _supersede(
        self,
        head: Memory,
        target: Memory,
        text: str | None,
        vectors: Mapping[str, SpaceVectors],
    ) -> Approved:
        began = began_after(head.valid_from, head.created_at, target, head.aspect)
        if began is not None:
            return self._activate(
                head, text, vectors, ended=end_of(head, began), note=TRUE_EARLIER
            )
        approved = self._activate(head, text, vectors)
        self._close(target, head, head)
        return replace(approved, superseded=target)

    def _close(self, target: Memory, successor: Memory, head: Memory) -> None:
        """The target was true until what replaces it began to be."""
        closing = Revision(
            state=State.SUPERSEDED,
            valid_to=end_of(target, head.valid_from or head.created_at),
            replaced_by_id=successor.id,
        )
        because = self._because(head)
        self.batch.revise(
            target, Kind.SUPERSEDE, closing, because, related=successor.id
        )

    def _activate(
        self,
        head: Memory,
        text: str | None,
        vectors: Mapping[str, SpaceVectors],
        *,
        ended: datetime | Unset = UNSET,
        note: str = "",
    ) -> Approved:
        """It counts from now on; what was replaced before it came in, as replaced."""
        is_past = head.replaced_by_id is not None
        state = State.SUPERSEDED if is_past else State.ACTIVE
        revision = Revision(state=state, valid_to=ended)
        if text is not None and text != head.text:
            revision.text, revision.vectors = text, vectors[text]
        self.batch.revise(head, Kind.APPROVE, revision, self._because(head))
        self.known[head.id] = head
        return Approved(head, note=note)


def _why_beside(held: Held, head: Memory, target: Memory | None) -> str:
    """Why an approved change is a plain addition by now; blank when it is not."""
    if held.verdict in (Verdict.ADD, Verdict.NONE):
        return ""
    if held.verdict == Verdict.MERGE:
        is_there = target is not None and target.state == State.ACTIVE
        return "" if is_there else why_untouched(target)
    if target is None or not may_change(target):
        return why_untouched(target)
    return "" if target.vector_number == held.target_number else REWORDED
