"""Adds that are decided together: one exchange for the engine, a plan for each add.

Positions in decisions are those in the whole exchange; what an add is not about stays
another's. Pure; no model, no database.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from memories.models import Ingestion
from memories.store.apply import Plan
from memories.types import Dropped


@dataclass(frozen=True, slots=True)
class Share:
    """One add's part of an exchange: the positions of its messages."""

    ingestion: Ingestion
    positions: range
    created_at: datetime

    @property
    def operation_id(self) -> UUID:
        return self.ingestion.operation_id


def share_out(
    adds: Sequence[tuple[Ingestion, int]],
) -> tuple[Share, ...]:
    """The parts of adds with so many messages each, in their order."""
    shares: list[Share] = []
    start = 0
    for ingestion, count in adds:
        positions = range(start, start + count)
        shares.append(Share(ingestion, positions, said_at(ingestion)))
        start += count
    return tuple(shares)


def said_at(ingestion: Ingestion) -> datetime:
    """The wire's ``created_at`` of what the add says: backdated, or its acceptance."""
    backdated = ingestion.options.get("created_at")
    return datetime.fromisoformat(backdated) if backdated else ingestion.accepted_at


def divide(plan: Plan, shares: Sequence[Share]) -> dict[UUID, Plan]:
    """By operation, what of a decided exchange is whose.

    A fact belongs to the add of the last message it rests on: that one completed it.
    What rests on no message goes with the last add. Calls are the first one's.
    """
    if len(shares) == 1:
        return {shares[0].operation_id: plan}
    owned = [_part_of(plan, share, shares) for share in shares]
    first, *others = zip(shares, owned, strict=True)
    parts = [first, *((share, replace(part, calls=())) for share, part in others)]
    return {share.operation_id: part for share, part in parts}


def _part_of(plan: Plan, share: Share, shares: Sequence[Share]) -> Plan:
    mine = share.positions
    together = tuple(s.operation_id for s in shares if s is not share)
    decisions = (d for d in plan.decisions if _owner(d.cited, shares) is share)
    return replace(
        plan,
        decisions=tuple(decisions),
        dropped=tuple(_dropped_in(plan, share, shares)),
        recalled=tuple(at for at in plan.recalled if at in mine),
        unread={at: why for at, why in plan.unread.items() if at in mine},
        created_at=share.created_at,
        mine=mine,
        together=together,
    )


def _dropped_in(plan: Plan, share: Share, shares: Sequence[Share]) -> list[Dropped]:
    """Proposed facts have one owner; silent drops tell of each message by itself."""
    found: list[Dropped] = []
    for dropped in plan.dropped:
        if dropped.is_silent:
            mine = tuple(at for at in dropped.messages if at in share.positions)
            found += [replace(dropped, messages=mine)] if mine else []
        elif _owner(dropped.messages, shares) is share:
            found.append(dropped)
    return found


def _owner(cited: Collection[int], shares: Sequence[Share]) -> Share:
    last = max(cited, default=shares[-1].positions[-1])
    return next((s for s in shares if last in s.positions), shares[-1])
