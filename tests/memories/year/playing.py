"""The year as one engine has taken it in, and what can be asked of it afterwards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from memories.models import Entity, Memory, MemoryVersion, Operation
from memories.selectors.compare import About
from memories.selectors.graph import graph_of
from memories.selectors.restoring import Aim
from memories.services.restore import aim_of_undo, preview_restore, restore
from memories.types import ChatMessage, State
from memplatform.lib import clock
from tenants.selectors import Access
from tests.memories.agents import Agent
from tests.memories.year.story import ALICE, NEW_YEARS_EVE, YEAR, Said

ABOUT = About("user", "alice")
Conditions = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Stood:
    """A memory as it was known at an instant."""

    text: str
    state: State
    valid_from: datetime | None
    valid_to: datetime | None


@dataclass
class Year:
    """One engine's year; ``engine`` is its name, ``now`` when it is looked back at."""

    agent: Agent
    engine: str
    now: datetime = NEW_YEARS_EVE
    outcomes: dict[str, list[str]] = field(default_factory=dict)

    def play(self) -> None:
        for said in YEAR:
            with clock.frozen(said.at):
                self._add(said)

    def _add(self, said: Said) -> None:
        operation = self.agent.learn(
            ChatMessage("user", said.text, name="Alice"),
            ChatMessage("assistant", said.answer),
            **ALICE,
        )
        assert operation.status == "SUCCEEDED", (said.text, operation.error)
        ledger = self.agent.ledger(operation.id)
        self.outcomes[said.text] = [fact["outcome"] for fact in ledger["facts"]]

    # --- what was known

    def known(self, at: datetime | None = None) -> list[Stood]:
        """Every memory as it was known at an instant, the deleted ones aside."""
        at = at or self.now
        with self.agent.scope():
            rows = MemoryVersion.objects.exclude(state=State.DELETED)
            rows = rows.filter(known_from__lte=at).exclude(known_to__lte=at)
            columns = ("text", "state", "valid_from", "valid_to")
            return [Stood(*row) for row in rows.values_list(*columns)]

    def heads(self) -> list[Memory]:
        return self.agent.heads()

    def edges(self, at: datetime | None = None) -> list[str]:
        """ "source relation target" of what holds, as it was known at an instant."""
        with clock.frozen(self.now), self.agent.scope():
            edges = graph_of(ABOUT, as_of=at).edges
        named = ((e.source.name, e.type, e.target.name) for e in edges if not e.is_over)
        return sorted(" ".join(edge) for edge in named)

    def nodes(self, beginning: str) -> list[str]:
        """What things are called whose name begins so; merged ones aside."""
        with self.agent.scope():
            rows = Entity.objects.filter(state="active", name__startswith=beginning)
            return list(rows.values_list("name", flat=True))

    # --- going back

    def restore(self, at: datetime, **details) -> Operation:
        """Bring Alice's memories, or one, back to an instant; an hour goes by."""
        return self._restore(Aim(ABOUT, at, **details))

    def undo(self, operation: Operation) -> Operation:
        with self.agent.scope():
            aim = aim_of_undo(ABOUT, operation.id)
        return self._restore(aim)

    def _restore(self, aim: Aim) -> Operation:
        key, owner = self.agent.access, self.agent.company.owner
        access = Access(key.tenant_id, key.project_id, None, owner.id, owner.email)
        self.now += timedelta(hours=1)
        with clock.frozen(self.now):
            operation = restore(access, aim, preview_restore(access, aim).token)
        self.now += timedelta(hours=1)
        return operation

    # --- asking

    def found(self, question: str, more: Conditions = None, **options) -> list[str]:
        """What a search of Alice's memories answers, best first."""
        filters = {"AND": [ALICE, dict(more)]} if more else ALICE
        with clock.frozen(self.now):
            return self.agent.found(question, filters, **options)


def speaks_of(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None
