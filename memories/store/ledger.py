"""The ledger of an ingestion: exactly one outcome for each message and each fact.

Invariant 2 of domain.md. Pure; holds ids and reasons, never text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from memories.types import Decision, Dropped, PageOf


class Outcome(StrEnum):
    """What became of a proposed fact."""

    STORED = "stored"
    UPDATED = "updated"
    SUPERSEDED = "superseded"
    MERGED = "merged"
    RETIRED = "retired"
    QUARANTINED = "quarantined"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    DROPPED = "dropped"
    FAILED = "failed"


class MessageOutcome(StrEnum):
    """What became of a message."""

    LEARNED = "learned"
    QUARANTINED = "quarantined"
    CONFIRMED = "confirmed"
    NOTHING = "nothing"
    RECALLED = "recalled"
    DROPPED = "dropped"
    FAILED = "failed"


WAITS = "waits for review"
CHANGING = {
    Outcome.STORED,
    Outcome.UPDATED,
    Outcome.SUPERSEDED,
    Outcome.MERGED,
    Outcome.RETIRED,
}
LINKED = CHANGING | {Outcome.QUARANTINED}
"""Of facts that lead to a memory, what they name is written to the graph."""


@dataclass(slots=True)
class Ledger:
    """Written while decisions are applied; one entry per message and per fact.

    Where adds are decided together, ``message_ids`` are those of all of them, ``mine``
    says which are this add's, and ``others`` hold the facts of the rest: a message may
    bear out one that another add completed. ``left_out`` says, by the words of a fact,
    what of it the project's ontology has no place for (``Links``).
    """

    message_ids: Sequence[UUID]
    engine: str
    mine: range | None = None
    together: Sequence[UUID] = ()
    others: Sequence[Ledger] = ()
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    facts: list[dict[str, Any]] = field(default_factory=list)
    given: dict[UUID, tuple[MessageOutcome, str]] = field(default_factory=dict)

    def give(self, message_id: UUID, outcome: MessageOutcome, reason: str) -> None:
        """Settle a message before any fact is drawn from it."""
        self.given[message_id] = (outcome, reason)

    def decided(
        self,
        decision: Decision,
        outcome: Outcome,
        *,
        memory_id: UUID | None = None,
        note: str = "",
    ) -> None:
        entry: dict[str, Any] = {
            "verdict": str(decision.verdict),
            "outcome": str(outcome),
            "memory_id": str(memory_id) if memory_id else None,
            "target_id": str(decision.target) if decision.target else None,
            "reason": decision.reason,
            "note": note,
            "messages": [str(i) for i in self.ids_at(decision.cited)],
        }
        if decision.fact and decision.fact.pages:
            entry["pages"] = [self._page_entry(page) for page in decision.fact.pages]
        if decision.fact and outcome in LINKED and decision.fact.text in self.left_out:
            entry["left_out"] = list(self.left_out[decision.fact.text])
        self.facts.append(entry)

    def _page_entry(self, page: PageOf) -> dict[str, Any]:
        return {
            "message": str(self.message_ids[page.message]),
            "attachment": page.attachment,
            "page": page.page,
        }

    def dropped(self, dropped: Dropped) -> None:
        """A fact that was proposed and leads nowhere, or a message without one."""
        if dropped.is_silent:
            for message_id in self.ids_at(dropped.messages):
                self.given.setdefault(
                    message_id, (MessageOutcome.NOTHING, dropped.reason)
                )
            return
        self.facts.append(
            {
                "verdict": None,
                "outcome": str(Outcome.DROPPED),
                "memory_id": None,
                "target_id": None,
                "reason": dropped.reason,
                "note": "",
                "messages": [str(i) for i in self.ids_at(dropped.messages)],
            }
        )

    def ids_at(self, positions: Iterable[int]) -> list[UUID]:
        return [
            self.message_ids[position]
            for position in positions
            if 0 <= position < len(self.message_ids)
        ]

    @property
    def is_partial(self) -> bool:
        """Whether a message was dropped, for a reason that its entry tells."""
        outcomes = (self._message_outcome(message_id) for message_id in self.own_ids)
        return any(outcome == MessageOutcome.DROPPED for outcome, _ in outcomes)

    def as_json(self) -> dict[str, Any]:
        """``messages``, ``facts``, their ``totals``; ``together`` with which adds."""
        messages = [self._message_entry(message_id) for message_id in self.own_ids]
        beside = {"together": [str(i) for i in self.together]} if self.together else {}
        outcomes = Counter(fact["outcome"] for fact in self.facts)
        return {
            "engine": self.engine,
            "messages": messages,
            "facts": self.facts,
            "totals": {"messages": len(messages), "facts": dict(outcomes)},
            **beside,
        }

    @property
    def confirmed(self) -> list[UUID]:
        """The memories that facts said again, each once."""
        told = (f for f in self.facts if f["outcome"] == Outcome.CONFIRMED)
        return [UUID(i) for i in dict.fromkeys(f["memory_id"] for f in told) if i]

    @property
    def own_ids(self) -> Sequence[UUID]:
        if self.mine is None:
            return self.message_ids
        return self.message_ids[self.mine.start : self.mine.stop]

    def _message_entry(self, message_id: UUID) -> dict[str, Any]:
        outcome, reason = self._message_outcome(message_id)
        return {"id": str(message_id), "outcome": str(outcome), "reason": reason}

    def _message_outcome(self, message_id: UUID) -> tuple[MessageOutcome, str]:
        facts = [fact for ledger in (self, *self.others) for fact in ledger.facts]
        mine = [fact for fact in facts if str(message_id) in fact["messages"]]
        outcomes = {Outcome(fact["outcome"]) for fact in mine}
        if outcomes & CHANGING:
            return MessageOutcome.LEARNED, ""
        if Outcome.QUARANTINED in outcomes:
            return MessageOutcome.QUARANTINED, WAITS
        if Outcome.CONFIRMED in outcomes:
            return MessageOutcome.CONFIRMED, ""
        if message_id in self.given:
            return self.given[message_id]
        if mine:
            return MessageOutcome.DROPPED, mine[0]["note"] or mine[0]["reason"]
        return MessageOutcome.NOTHING, ""


def failed(message_ids: Sequence[UUID], engine: str, reason: str) -> dict[str, Any]:
    """The ledger of an ingestion that failed: every message says so."""
    ledger = Ledger(message_ids, engine)
    for message_id in message_ids:
        ledger.give(message_id, MessageOutcome.FAILED, reason)
    return ledger.as_json()


def imbalance(
    ledger: dict[str, Any], message_ids: Sequence[UUID], *, facts: int
) -> str | None:
    """What does not balance, or None: one outcome each, and only known words.

    ``facts`` is how many were proposed.
    """
    entries = [entry["id"] for entry in ledger.get("messages", [])]
    if sorted(entries) != sorted(str(message_id) for message_id in message_ids):
        return "messages without exactly one outcome"
    known_messages = {str(outcome) for outcome in MessageOutcome}
    if any(e["outcome"] not in known_messages for e in ledger["messages"]):
        return "a message with an unknown outcome"
    if len(ledger["facts"]) != facts:
        return "facts without exactly one outcome"
    known_facts = {str(outcome) for outcome in Outcome}
    if any(fact["outcome"] not in known_facts for fact in ledger["facts"]):
        return "a fact with an unknown outcome"
    if sum(ledger["totals"]["facts"].values()) != len(ledger["facts"]):
        return "totals that do not add up"
    return None
