"""The memories that the decisions of one add concern, each read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from memories.models import Ingestion, Memory
from memories.selectors.review import Held, held_events
from memories.store.batch import hash_text
from memories.types import Decision, Scope, State


class Heads:
    """Heads of one anchor under its lock; changes of the batch show in them.

    A target outside the anchor is not there: no decision can reach what is not locked.
    """

    def __init__(
        self,
        rows: Iterable[Memory],
        accepted_at: datetime,
        held: Mapping[UUID, Held] | None = None,
    ) -> None:
        self._rows = {row.id: row for row in rows}
        self._accepted_at = accepted_at
        self._held = dict(held or {})

    @classmethod
    def read(
        cls, ingestion: Ingestion, scope: Scope, decisions: Sequence[Decision]
    ) -> Heads:
        """Targets, and memories in the very words of a fact."""
        targets = {decision.target for decision in decisions if decision.target}
        hashes = {hash_text(d.fact.text) for d in decisions if d.fact}
        mine = Memory.objects.filter(anchor_id=ingestion.anchor_id)
        rows = list(mine.filter(id__in=targets)) if targets else []
        if hashes:
            runs = {scope.run_id, *(row.run_id for row in rows)}
            known = {row.id for row in rows}
            twins = mine.filter(_saying(hashes, runs, ingestion))
            rows += twins.exclude(id__in=known)
        waiting = [row.id for row in rows if row.state == State.QUARANTINED]
        events = held_events(waiting) if waiting else {}
        held = {memory_id: Held.of(event) for memory_id, event in events.items()}
        return cls(rows, ingestion.accepted_at, held)

    def __iter__(self) -> Iterator[Memory]:
        return iter(self._rows.values())

    def target_of(self, decision: Decision, run_id: str | None = None) -> Memory | None:
        """What a decision is about; a target named by its words is one of the run."""
        if decision.target_text is not None:
            return self.saying(decision.target_text, run_id)
        return self._rows.get(decision.target) if decision.target else None

    def saying(self, text: str, run_id: str | None) -> Memory | None:
        """Who says exactly this in a run by now, or said it and was deleted since."""
        text_hash = hash_text(text)
        said = [
            row
            for row in self._rows.values()
            if row.text_hash == text_hash and row.run_id == run_id
        ]
        active = (row for row in said if row.state == State.ACTIVE)
        deleted = (row for row in said if self.was_deleted(row))
        return next(active, None) or next(deleted, None)

    def with_successors(self, over: Iterable[Memory]) -> list[tuple[Memory, Memory]]:
        """Memories, as they are by now, that another replaced, each with that one."""
        mine = {row.id: self._rows.get(row.id, row) for row in over}
        wanted = {row.replaced_by_id for row in mine.values() if row.replaced_by_id}
        there = Memory.objects.in_bulk(wanted - self._rows.keys()) | self._rows
        return [
            (row, there[row.replaced_by_id])
            for row in mine.values()
            if row.replaced_by_id in there
        ]

    def was_deleted(self, head: Memory | None) -> bool:
        """Deleted by somebody after this add was accepted: it stays deleted."""
        return (
            head is not None
            and head.state == State.DELETED
            and head.known_from >= self._accepted_at
        )

    def waiting(self, text: str, run_id: str | None, change: Held) -> Memory | None:
        """Who waits for review already with this text, to do the same once approved."""
        wanted = (hash_text(text), run_id)
        for memory_id, held in self._held.items():
            row = self._rows.get(memory_id)
            is_same = (held.verdict, held.target_id) == (
                change.verdict,
                change.target_id,
            )
            if row and is_same and (row.text_hash, row.run_id) == wanted:
                return row
        return None

    def remember(self, head: Memory, held: Held | None = None) -> None:
        self._rows[head.id] = head
        if held is not None:
            self._held[head.id] = held

    def forget(self, memory_id: UUID) -> None:
        self._rows.pop(memory_id, None)


def _saying(hashes: set[str], runs: set[str | None], ingestion: Ingestion) -> Q:
    """Active memories in these words (by the index that keeps them single), those that
    wait for review, and deleted ones: their words must not come back by an add accepted
    before."""
    condition = Q(
        state=State.DELETED,
        text_hash__in=hashes,
        known_from__gte=ingestion.accepted_at,
    )
    for run_id in runs:
        for state in (State.ACTIVE, State.QUARANTINED):
            condition |= Q(state=state, text_hash__in=hashes, run_id=run_id)
    return condition
