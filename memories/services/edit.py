"""Edit one memory from outside: update, delete, restore.

Text is embedded before the transaction; the write takes the anchor lock, so that an
edit and a running add follow one another.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from memories.models import Memory, MemoryEvent, MemoryVersion, Operation
from memories.providers.vectors import SpaceVectors, embed_in_spaces
from memories.selectors.memories import get_memory
from memories.selectors.projects import ProjectSetup, get_setup
from memories.selectors.review import Held
from memories.services.actors import audit_edit, cause_of
from memories.services.holding import concerns_of_change
from memories.services.reworded import Reworded, read_reworded
from memories.services.setup import ready_setup
from memories.store.batch import Batch, Cause, Revision, hash_text
from memories.store.operations import results_json
from memories.store.review import hold_change
from memories.types import (
    SCOPE_KEYS,
    STATE_RULES,
    UNSET,
    Aspect,
    Concern,
    JsonDict,
    MemoryView,
    OperationResult,
    State,
    Unset,
    Verdict,
)
from memplatform.lib import clock, logs
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.scopes import tenant_scope
from tenants.selectors import Access

WAITING = "This memory waits for review; it can be deleted but not changed."
IMMUTABLE = "This memory is immutable; it can be deleted but not changed."
INVERTED = "It cannot end before it begins."


@dataclass(frozen=True, slots=True)
class MemoryChanges:
    """What to change; UNSET stays, None clears where that means something."""

    text: str | Unset = UNSET
    metadata: JsonDict | Unset | None = UNSET
    categories: tuple[str, ...] | Unset | None = UNSET
    created_at: datetime | Unset = UNSET
    expires_on: date | Unset | None = UNSET
    valid_from: datetime | Unset | None = UNSET
    valid_to: datetime | Unset | None = UNSET
    recurs: str | Unset | None = UNSET
    aspect: Aspect | Unset | None = UNSET


def update_memory(
    access: Access, memory_id: UUID, changes: MemoryChanges, *, reason: str = ""
) -> MemoryView:
    """Change a memory; opens its own scopes. ``reason`` stands in its history.

    A key's text that the project wants reviewed waits; until it is approved, the memory
    says what it said. Raises NotFound, and InvalidRequest for an immutable memory, a
    text that another memory of the same scope already says, or an end of valid time
    before its beginning.
    """
    started = clock.now()
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        found = _find(memory_id)
        _refuse_change(found, changes)
        setup = get_setup(access.project_id)
        concerns = concerns_of_change(access, setup, found, changes.text)
    vectors = _embed(access, changes.text)
    reworded = _reworded(setup, found, changes.text)
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        batch, head = _open(memory_id)
        _refuse_change(head, changes)
        revision = revision_of(head, changes, vectors)
        if revision is not None:
            if reworded is not None and not _is_dated(changes):
                revision = reworded.dated(revision)
            waits = revise(batch, head, revision, cause_of(access, reason), concerns)
            results = batch.flush()
            if reworded is not None and not waits:
                reworded.link(batch, head, vectors)
            finished(access, Operation.Kind.UPDATE, head, results, started).save()
            audit_edit(access, "memory.update", [head])
        return get_memory(memory_id)


def revise(
    batch: Batch,
    head: Memory,
    revision: Revision,
    cause: Cause,
    concerns: tuple[Concern, ...],
) -> bool:
    """Change a memory, all but a text with concerns: that waits. Whether it does."""
    waits = bool(concerns) and not isinstance(revision.text, Unset)
    if waits:
        target, number = head.id, head.vector_number
        change = Held(Verdict.UPDATE, concerns, target, number)
        hold_change(batch, head, revision, change, cause)
        revision = replace(revision, text=UNSET, vectors=None)
    if revision.changed():
        batch.revise(head, MemoryEvent.Kind.UPDATE, revision, cause)
    return waits


def delete_memory(
    access: Access, memory_id: UUID, *, delete_linked: bool, reason: str = ""
) -> int:
    """Delete softly; versions stay and can be restored. Returns how many were linked.

    With ``delete_linked`` the memories it superseded go too. Raises NotFound.
    """
    started = clock.now()
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        batch, head = _open(memory_id)
        linked = _superseded_by(head) if delete_linked else []
        cause = cause_of(access, reason)
        for doomed in [head, *linked]:
            delete_head(batch, doomed, cause)
        results = batch.flush()
        finished(access, Operation.Kind.DELETE, head, results, started).save()
        audit_edit(access, "memory.delete", [head, *linked])
    return len(linked)


def restore_version(
    access: Access, memory_id: UUID, number: int, *, reason: str = ""
) -> MemoryView:
    """Make an old version the current one again, as a new version.

    Raises NotFound, and InvalidRequest when another memory says the same by now.
    """
    started = clock.now()
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        version = MemoryVersion.objects.filter(
            memory_id=memory_id, number=number, text__isnull=False
        ).first()
        if version is None or version.text is None:
            raise NotFound("Memory version not found!")
        refuse_waiting(_find(memory_id, is_deleted_too=True))
        _refuse_said_twice(_find(memory_id, is_deleted_too=True), version.text)
    vectors = _embed(access, version.text)
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        batch, head = _open(memory_id, is_deleted_too=True)
        refuse_waiting(head)
        _refuse_said_twice(head, version.text)
        revision = Revision(
            text=version.text,
            metadata=version.metadata,
            categories=tuple(version.categories) if version.categories else None,
            state=State.ACTIVE,
            valid_from=version.valid_from,
            valid_to=version.valid_to,
            valid_precision=version.valid_precision,
            recurs=version.recurs,
            aspect=version.aspect,
            expires_on=version.expires_on,
            replaced_by_id=None,
            vectors=vectors,
        )
        kind = MemoryEvent.Kind.RESTORE
        batch.revise(head, kind, revision, cause_of(access, reason))
        results = batch.flush()
        finished(access, Operation.Kind.RESTORE, head, results, started).save()
        audit_edit(access, "memory.restore", [head])
        return get_memory(memory_id)


def delete_head(batch: Batch, head: Memory, cause: Cause) -> None:
    """One memory becomes deleted; its last version keeps what it said."""
    revision = Revision(state=State.DELETED)
    batch.revise(head, MemoryEvent.Kind.DELETE, revision, cause)


def _open(memory_id: UUID, *, is_deleted_too: bool = False) -> tuple[Batch, Memory]:
    """Lock the memory's anchor, then read the head again under the lock."""
    found = _find(memory_id, is_deleted_too=is_deleted_too)
    batch = Batch.open(found.project_id, [found.anchor_id])
    return batch, _find(memory_id, is_deleted_too=is_deleted_too)


def _find(memory_id: UUID, *, is_deleted_too: bool = False) -> Memory:
    head = Memory.objects.filter(id=memory_id).first()
    is_there = head is not None and (
        STATE_RULES[State(head.state)].got or is_deleted_too
    )
    if head is None or head.text is None or not is_there:
        raise NotFound("Memory not found!")
    return head


def _embed(access: Access, text: str | Unset) -> SpaceVectors | None:
    if isinstance(text, Unset):
        return None
    setup = ready_setup(access.tenant_id, access.project_id)
    return embed_in_spaces(setup.hurried_embedders, [text], building=setup.building)[0]


def _reworded(setup: ProjectSetup, head: Memory, text: str | Unset) -> Reworded | None:
    if isinstance(text, Unset) or text == head.text or head.state != State.ACTIVE:
        return None
    return read_reworded(setup, head, text)


def _is_dated(changes: MemoryChanges) -> bool:
    """Whether somebody says when it was, beside what the words tell."""
    return {changes.valid_from, changes.valid_to, changes.recurs} != {UNSET}


def revision_of(
    head: Memory, changes: MemoryChanges, vectors: SpaceVectors | None
) -> Revision | None:
    """What really changes; None when everything asked for is so already."""
    asked = {
        field.name: value
        for field in fields(changes)
        if (value := getattr(changes, field.name)) is not UNSET
        and _comparable(value) != _comparable(getattr(head, field.name))
    }
    if not asked:
        return None
    if "valid_from" in asked:
        asked["valid_precision"] = None  # it is what was given, no month or year
    return Revision(**asked, vectors=vectors if "text" in asked else None)


def _comparable(value: Any) -> Any:
    """Metadata as JSON, where ``true`` is not 1 as it is in Python."""
    if isinstance(value, tuple):
        return list(value)
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def _refuse_change(head: Memory, changes: MemoryChanges) -> None:
    """Raise what stands against the change; before the text is embedded, and after."""
    refuse_waiting(head)
    if head.is_immutable:
        raise InvalidRequest(IMMUTABLE, fields={"memory_id": [IMMUTABLE]})
    start = _then(changes.valid_from, head.valid_from)
    end = _then(changes.valid_to, head.valid_to)
    if start and end and end < start:
        raise InvalidRequest(INVERTED, fields={"valid_to": [INVERTED]})
    if head.state == State.ACTIVE and not isinstance(changes.text, Unset):
        _refuse_said_twice(head, changes.text)


def _then(given: datetime | Unset | None, known: datetime | None) -> datetime | None:
    return known if isinstance(given, Unset) else given


def refuse_waiting(head: Memory) -> None:
    """Raise for a memory in quarantine: only a decision on it changes it."""
    if head.state == State.QUARANTINED:
        raise InvalidRequest(WAITING, fields={"memory_id": [WAITING]})


def _refuse_said_twice(head: Memory, text: str) -> None:
    """Only one active memory of a scope says a text; ``head`` is to be one."""
    twin = (
        Memory.objects.filter(
            text_hash=hash_text(text),
            state=State.ACTIVE,
            **{key: getattr(head, key) for key in SCOPE_KEYS},
        )
        .exclude(id=head.id)
        .first()
    )
    if twin is not None:
        message = said_already(twin.id)
        raise InvalidRequest(message, fields={"text": [message]})


def said_already(twin_id: UUID) -> str:
    return f"Memory {twin_id} of the same scope already says exactly this."


def _superseded_by(head: Memory) -> list[Memory]:
    """The older memories this one replaced, however long the chain; same anchor."""
    found: list[Memory] = []
    successors = {head.id}
    while successors:
        older = list(
            Memory.objects.filter(
                replaced_by_id__in=successors,
                anchor_id=head.anchor_id,
                state__in=[State.SUPERSEDED, State.MERGED],
            ).exclude(id__in=[memory.id for memory in found])
        )
        found += older
        successors = {memory.id for memory in older}
    return found


def finished(
    access: Access,
    kind: Operation.Kind,
    head: Memory,
    results: Sequence[OperationResult],
    started: datetime,
) -> Operation:
    """A finished operation, to be saved: events of the project list the change.

    ``started`` is when it was asked for: it took all the time since, embedding too.
    """
    now = clock.now()
    return Operation(
        project_id=head.project_id,
        kind=kind,
        status=Operation.Status.SUCCEEDED,
        **{key: getattr(head, key) for key in SCOPE_KEYS},
        payload={"memory_id": str(head.id)},
        results=results_json(results),
        attempts=1,
        request_id=logs.request_id.get(),
        **access.asker,
        created_at=started,
        updated_at=now,
        started_at=started,
        completed_at=now,
        latency_ms=(now - started).total_seconds() * 1000,
    )
