"""Decide on memories that wait for review: approve, also in other words, or reject.

Texts are embedded before any transaction; the memories of one anchor are decided in
one, under its lock. Each item has an outcome of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import batched
from uuid import UUID

from django.conf import settings

from memories.models import Memory, Operation
from memories.providers.vectors import SpaceVectors, embed_in_spaces
from memories.selectors.review import Held, held_events
from memories.services.actors import audit_edit, cause_of
from memories.services.edit import finished
from memories.services.setup import ready_setup
from memories.store.review import Approved, Review
from memories.types import State, Verdict
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest
from tenants.scopes import tenant_scope
from tenants.selectors import Access

APPROVED = "approved in review"
REJECTED = "rejected in review"
MOST_DECIDED = 100
"""At once, so that an add of the same anchor waits a moment at most."""


class Outcome(StrEnum):
    """What became of one item; NOT_WAITING: somebody was faster, or it is gone."""

    APPROVED = "approved"
    REJECTED = "rejected"
    NOT_WAITING = "not_waiting"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """``detail`` says what an approval has changed besides, or did not."""

    memory_id: UUID
    outcome: Outcome
    detail: str = ""


def approve_memories(
    access: Access,
    ids: Sequence[UUID],
    *,
    text: str | None = None,
    reason: str = "",
) -> list[Reviewed]:
    """Outcomes in the order of the ids; opens its own scopes.

    ``text`` is what a single memory is to say instead. Raises InvalidRequest for a text
    that cannot be one, and ProviderError when it cannot be embedded; then nothing was
    decided.
    """
    ids = _limited(ids)
    words = _checked(text) if text is not None else None
    if words is not None and len(ids) != 1:
        raise InvalidRequest("Other words are for one memory at a time.")
    vectors = _embed(access, _to_embed(access, ids, words))

    def approve(review: Review, memory_id: UUID) -> Reviewed:
        approved = review.approve(memory_id, words, vectors)
        if approved is None:
            return Reviewed(memory_id, Outcome.NOT_WAITING)
        return Reviewed(memory_id, Outcome.APPROVED, _told(approved))

    doing = _Doing(Operation.Kind.UPDATE, "memory.approve", reason or APPROVED, approve)
    return _decide(access, ids, doing)


def reject_memories(
    access: Access, ids: Sequence[UUID], *, reason: str = ""
) -> list[Reviewed]:
    """They are deleted, with the reason; opens its own scopes."""

    def reject(review: Review, memory_id: UUID) -> Reviewed:
        is_done = review.reject(memory_id) is not None
        outcome = Outcome.REJECTED if is_done else Outcome.NOT_WAITING
        return Reviewed(memory_id, outcome)

    doing = _Doing(Operation.Kind.DELETE, "memory.reject", reason or REJECTED, reject)
    return _decide(access, _limited(ids), doing)


@dataclass(frozen=True, slots=True)
class _Doing:
    """One kind of decision: what it is called, why, and how it is made."""

    kind: Operation.Kind
    action: str
    reason: str
    decide: Callable[[Review, UUID], Reviewed]


def _decide(access: Access, ids: Sequence[UUID], doing: _Doing) -> list[Reviewed]:
    started = clock.now()
    found = _find(access, ids)
    outcomes = {known: Reviewed(known, Outcome.NOT_WAITING) for known in ids}
    for anchor_id, mine in _by_anchor(ids, found):
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            cause = cause_of(access, doing.reason)
            review = Review.open(access.project_id, anchor_id, mine, cause)
            decided = dict(review.waiting)
            for memory_id in mine:
                outcomes[memory_id] = _decide_one(
                    access, review, decided, memory_id, doing, started
                )
            review.flush()
    return [outcomes[memory_id] for memory_id in ids]


def _decide_one(
    access: Access,
    review: Review,
    decided: Mapping[UUID, Memory],
    memory_id: UUID,
    doing: _Doing,
    started: datetime,
) -> Reviewed:
    """The decision, an event of the project, and its line in the audit."""
    results = review.batch.results
    before = len(results)
    outcome = doing.decide(review, memory_id)
    if outcome.outcome != Outcome.NOT_WAITING:
        head = decided[memory_id]
        finished(access, doing.kind, head, results[before:], started).save()
        audit_edit(access, doing.action, [head])
    return outcome


def _find(access: Access, ids: Sequence[UUID]) -> dict[UUID, Memory]:
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        rows = Memory.objects.filter(
            id__in=set(ids),
            state=State.QUARANTINED,
            text__isnull=False,
            **access.only,
        )
        return {row.id: row for row in rows}


def _by_anchor(
    ids: Sequence[UUID], found: Mapping[UUID, Memory]
) -> Iterator[tuple[UUID, list[UUID]]]:
    by_anchor: dict[UUID, list[UUID]] = {}
    for memory_id in dict.fromkeys(ids):
        if memory_id in found:
            by_anchor.setdefault(found[memory_id].anchor_id, []).append(memory_id)
    yield from by_anchor.items()


def _to_embed(access: Access, ids: Sequence[UUID], words: str | None) -> list[str]:
    """Other words, and what an approval makes another memory say; the rest has its
    vectors since it came in."""
    if words is not None:
        return [words]
    found = _find(access, ids)
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        events = held_events(found)
    completing = (
        memory_id
        for memory_id, event in events.items()
        if Held.of(event).verdict == Verdict.UPDATE
    )
    return list(dict.fromkeys(found[id_].text or "" for id_ in completing))


def _embed(access: Access, texts: Sequence[str]) -> dict[str, SpaceVectors]:
    if not texts:
        return {}
    setup = ready_setup(access.tenant_id, access.project_id)
    vectors: dict[str, SpaceVectors] = {}
    for some in batched(texts, MOST_DECIDED):
        embedded = embed_in_spaces(
            setup.hurried_embedders, some, building=setup.building
        )
        vectors |= zip(some, embedded, strict=True)
    return vectors


def _limited(ids: Sequence[UUID]) -> Sequence[UUID]:
    if len(ids) > MOST_DECIDED:
        raise InvalidRequest(f"Decide on {MOST_DECIDED} memories at once at most.")
    return ids


def _checked(text: str) -> str:
    most = settings.MAX_MESSAGE_CHARS
    if not text.strip() or len(text) > most or "\0" in text:
        message = f"A memory has 1 to {most} characters."
        raise InvalidRequest(message, fields={"text": [message]})
    return text.strip()


def _told(approved: Approved) -> str:
    """What else an approval has done, for who made it."""
    if approved.superseded is not None:
        done = "It replaces what was known."
    elif approved.into is not None:
        done = "It became part of a memory that was there."
    else:
        done = ""
    note = f"Stored beside what is known: {approved.note}." if approved.note else ""
    return f"{done} {note}".strip() if not approved.into else done
