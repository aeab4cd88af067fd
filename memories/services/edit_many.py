"""Change or delete many memories at once; each item has an outcome of its own.

The items of one anchor are changed in one transaction, in the order they are named;
what cannot be done leaves the rest alone. Texts are embedded before any transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import batched
from typing import Self
from uuid import UUID

from memories.models import Memory, Operation
from memories.providers.vectors import SpaceVectors, embed_in_spaces
from memories.selectors.projects import ProjectSetup, get_setup
from memories.services.actors import audit_edit, cause_of
from memories.services.edit import (
    IMMUTABLE,
    WAITING,
    MemoryChanges,
    delete_head,
    finished,
    revise,
    revision_of,
    said_already,
)
from memories.services.holding import concerns_of_change
from memories.services.setup import ready_setup
from memories.store.batch import Batch, hash_text
from memories.types import STATE_RULES, OperationResult, State, Unset
from memplatform.lib import clock
from tenants.scopes import tenant_scope
from tenants.selectors import Access

MISSING = "Memory not found!"
HELD = "It waits for review; until then the memory says what it said."
TEXTS_PER_CALL = 100
ITEMS_PER_TRANSACTION = 200
"""So that an add of the same anchor waits a second at most."""


class Outcome(StrEnum):
    """What became of one item."""

    UPDATED = "updated"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    QUARANTINED = "quarantined"
    NOT_FOUND = "not_found"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """``detail`` says why nothing was done."""

    memory_id: UUID
    outcome: Outcome
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ItemChange:
    memory_id: UUID
    changes: MemoryChanges


def update_memories(
    access: Access, asked: Sequence[ItemChange], *, reason: str = ""
) -> list[ItemOutcome]:
    """Outcomes in the order of the items; opens its own scopes.

    Raises ProviderError when a text cannot be embedded; then nothing was changed.
    """
    started = clock.now()
    ids = [item.memory_id for item in asked]
    found = _find(access, ids)
    texts = [
        item.changes.text
        for item in asked
        if not isinstance(item.changes.text, Unset)
        and item.memory_id in found
        and not found[item.memory_id].is_immutable
    ]
    vectors = _embed(access, texts)
    outcomes = _all_missing(ids)
    for anchor_id, positions in _turns(ids, found):
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            items = [asked[position] for position in positions]
            turn = _Turn.open(access, anchor_id, items, texts, reason=reason)
            for position, item in zip(positions, items, strict=True):
                outcomes[position] = turn.update(item, vectors)
            turn.write(Operation.Kind.UPDATE, "memory.update", started)
    return outcomes


def delete_memories(
    access: Access, ids: Sequence[UUID], *, reason: str = ""
) -> list[ItemOutcome]:
    """Delete softly, immutable ones too; outcomes in the order of the ids.

    Opens its own scopes.
    """
    started = clock.now()
    found = _find(access, ids)
    outcomes = _all_missing(ids)
    for anchor_id, positions in _turns(ids, found):
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            items = [ItemChange(ids[n], MemoryChanges()) for n in positions]
            turn = _Turn.open(access, anchor_id, items, [], reason=reason)
            for position in positions:
                outcomes[position] = turn.delete(ids[position])
            turn.write(Operation.Kind.DELETE, "memory.delete", started)
    return outcomes


@dataclass(slots=True)
class _Turn:
    """Items of one anchor under its lock, inside the open transaction.

    ``said`` holds who says a text in a run, as far as an item asks for that text.
    """

    access: Access
    setup: ProjectSetup
    batch: Batch
    heads: dict[UUID, Memory]
    said: dict[tuple[str | None, str | None], UUID]
    reason: str = ""
    changed: list[tuple[Memory, list[OperationResult]]] = field(default_factory=list)

    @classmethod
    def open(
        cls,
        access: Access,
        anchor_id: UUID,
        items: Sequence[ItemChange],
        texts: Sequence[str],
        *,
        reason: str = "",
    ) -> Self:
        """Lock the anchor, then read the heads again under the lock."""
        batch = Batch.open(access.project_id, [anchor_id])
        heads = _heads(access, [item.memory_id for item in items])
        hashes = {hash_text(text) for text in texts}
        saying = Memory.objects.filter(
            anchor_id=anchor_id, state=State.ACTIVE, text_hash__in=hashes
        )
        said = {_said(head): head.id for head in saying} if hashes else {}
        setup = get_setup(access.project_id)
        return cls(access, setup, batch, heads, said, reason)

    def update(self, item: ItemChange, vectors: dict[str, SpaceVectors]) -> ItemOutcome:
        head, text = self.heads.get(item.memory_id), item.changes.text
        if head is None:
            return ItemOutcome(item.memory_id, Outcome.NOT_FOUND, MISSING)
        if problem := self._problem(head, text):
            return ItemOutcome(head.id, Outcome.REFUSED, problem)
        embedded = None if isinstance(text, Unset) else vectors[text]
        revision = revision_of(head, item.changes, embedded)
        if revision is None:
            return ItemOutcome(head.id, Outcome.UNCHANGED)
        before, done = _said(head), len(self.batch.results)
        cause = cause_of(self.access, self.reason)
        concerns = concerns_of_change(self.access, self.setup, head, text)
        waits = revise(self.batch, head, revision, cause, concerns)
        self._hand_over(head, before)
        self.changed.append((head, self.batch.results[done:]))
        if waits:
            return ItemOutcome(head.id, Outcome.QUARANTINED, HELD)
        return ItemOutcome(head.id, Outcome.UPDATED)

    def delete(self, memory_id: UUID) -> ItemOutcome:
        head = self.heads.pop(memory_id, None)  # a second time it is gone
        if head is None:
            return ItemOutcome(memory_id, Outcome.NOT_FOUND, MISSING)
        done = len(self.batch.results)
        delete_head(self.batch, head, cause_of(self.access, self.reason))
        self.changed.append((head, self.batch.results[done:]))
        return ItemOutcome(memory_id, Outcome.DELETED)

    def write(self, kind: Operation.Kind, action: str, started: datetime) -> None:
        """What changed, and for each change an event of the project."""
        if not self.changed:
            return
        self.batch.flush()
        Operation.objects.bulk_create(
            [
                finished(self.access, kind, head, results, started)
                for head, results in self.changed
            ]
        )
        audit_edit(self.access, action, [head for head, _ in self.changed])

    def _problem(self, head: Memory, text: str | Unset) -> str | None:
        if head.is_immutable:
            return IMMUTABLE
        if head.state == State.QUARANTINED:
            return WAITING
        if isinstance(text, Unset) or head.state != State.ACTIVE:
            return None
        twin = self.said.get((hash_text(text), head.run_id))
        return None if twin in (None, head.id) else said_already(twin)

    def _hand_over(self, head: Memory, before: tuple[str | None, str | None]) -> None:
        """A later item may take the text that this one gave up."""
        if head.state == State.ACTIVE:
            if self.said.get(before) == head.id:
                del self.said[before]
            self.said[_said(head)] = head.id


def _said(head: Memory) -> tuple[str | None, str | None]:
    """What only one active memory of an anchor has: its text, in its run."""
    return (head.text_hash, head.run_id)


def _all_missing(ids: Sequence[UUID]) -> list[ItemOutcome]:
    return [ItemOutcome(known_id, Outcome.NOT_FOUND, MISSING) for known_id in ids]


def _find(access: Access, ids: Sequence[UUID]) -> dict[UUID, Memory]:
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        return _heads(access, ids)


def _heads(access: Access, ids: Sequence[UUID]) -> dict[UUID, Memory]:
    """Those of the memories that are there, and the key's own."""
    states = [state for state, rule in STATE_RULES.items() if rule.got]
    rows = Memory.objects.filter(
        id__in=set(ids), state__in=states, text__isnull=False, **access.only
    )
    return {row.id: row for row in rows}


def _turns(
    ids: Sequence[UUID], found: dict[UUID, Memory]
) -> Iterator[tuple[UUID, tuple[int, ...]]]:
    """Positions by anchor, in their order, a limited number at a time."""
    by_anchor: dict[UUID, list[int]] = {}
    for position, known_id in enumerate(ids):
        if known_id in found:
            by_anchor.setdefault(found[known_id].anchor_id, []).append(position)
    for anchor_id, positions in by_anchor.items():
        for some in batched(positions, ITEMS_PER_TRANSACTION):
            yield anchor_id, some


def _embed(access: Access, texts: Sequence[str]) -> dict[str, SpaceVectors]:
    """Vectors by text, so that what is said twice is embedded once."""
    if not texts:
        return {}
    setup = ready_setup(access.tenant_id, access.project_id)
    vectors: dict[str, SpaceVectors] = {}
    for some in batched(dict.fromkeys(texts), TEXTS_PER_CALL):
        embedded = embed_in_spaces(
            setup.hurried_embedders, some, building=setup.building
        )
        vectors |= zip(some, embedded, strict=True)
    return vectors
