"""What was said about a subject, as it came in, and what was learned from each turn.

The ledger of every add gives each message exactly one outcome (domain.md, invariant 2):
this is where a person reads it. Call inside a tenant scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection

from memories.models import Ingestion, Memory, Message, Operation
from memories.selectors.compare import About
from memories.types import Page
from tenants.scopes import require_tenant

RUN = "run:"
CHANGING = ("stored", "updated", "superseded", "merged", "retired")
WORDS = {
    "stored": "learned",
    "superseded": "learned in place of another",
    "merged": "learned, and merged",
    "retired": "taken back",
    "confirmed": "known already",
}


@dataclass(frozen=True, slots=True)
class Lesson:
    """A fact that was drawn from a message, and what became of it.

    ``text`` is what the memory says by now; None: there is none, or it was erased.
    """

    outcome: str
    memory_id: UUID | None
    text: str | None
    state: str | None
    why: str

    @property
    def word(self) -> str:
        """The outcome as a person would say it of the message."""
        return WORDS.get(self.outcome, self.outcome)

    @property
    def is_change(self) -> bool:
        return self.outcome in CHANGING


@dataclass(frozen=True, slots=True)
class Turn:
    """A message; ``text`` None: kept no longer. ``outcome`` is a word of the ledger."""

    id: UUID
    operation_id: UUID
    role: str
    name: str | None
    text: str | None
    sent_at: datetime
    status: str
    outcome: str
    why: str
    lessons: tuple[Lesson, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """Turns that belong together, oldest first; ``run`` names it, or None."""

    key: str
    run: str | None
    turns: tuple[Turn, ...]

    @property
    def began_at(self) -> datetime:
        return self.turns[0].sent_at


_SAID = """
FROM memories_message g
WHERE g.tenant_id = %s AND g.project_id = %s AND g.anchor_id = ANY(%s){in_run}
"""


def list_sessions(about: About, *, page: int, page_size: int) -> Page[Session]:
    """A page of messages, the newest session first; the count is of messages."""
    scope = require_tenant()
    said = _SAID.format(in_run=" AND g.run_id = %s" if about.kind == "run" else "")
    asked: list[Any] = [scope.tenant_id, scope.project_id, _anchors(about)]
    if about.kind == "run":
        asked.append(about.name)
    newest = f"SELECT g.id {said} ORDER BY g.created_at DESC, g.position DESC"
    with connection.cursor() as cursor:
        start = (page - 1) * page_size
        cursor.execute(f"{newest} LIMIT %s OFFSET %s", [*asked, page_size, start])
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(f"SELECT count(*) {said}", asked)
        (count,) = cursor.fetchone()
    rows = Message.objects.in_bulk(ids)
    messages = [rows[id_] for id_ in ids if id_ in rows]
    return Page(tuple(_sessions(messages)), count, page, page_size)


_ANCHORS = """
SELECT a.id FROM memories_anchor a
WHERE a.tenant_id = %s AND a.project_id = %s AND a.{key} = %s
"""
_ANCHORS_OF_RUN = """
SELECT DISTINCT o.anchor_id FROM memories_operation o
WHERE o.tenant_id = %s AND o.project_id = %s AND o.{key} = %s AND o.kind = 'ADD'
"""


def _anchors(about: About) -> list[UUID]:
    """Where the subject speaks; an anchor spans runs, so a run asks its adds."""
    scope = require_tenant()
    statement = _ANCHORS_OF_RUN if about.kind == "run" else _ANCHORS
    with connection.cursor() as cursor:
        cursor.execute(
            statement.format(key=about.key),
            [scope.tenant_id, scope.project_id, about.name],
        )
        return [row[0] for row in cursor.fetchall() if row[0]]


@dataclass(slots=True)
class _Told:
    """What the ledgers of some adds say of their messages."""

    statuses: dict[UUID, Operation] = field(default_factory=dict)
    outcomes: dict[str, tuple[str, str]] = field(default_factory=dict)
    facts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    memories: dict[UUID, tuple[str | None, str]] = field(default_factory=dict)


def _sessions(messages: Sequence[Message]) -> Iterable[Session]:
    told = _read_ledgers(messages)

    def place(message: Message) -> tuple[UUID, str]:
        return message.anchor_id, message.session_key or str(message.ingestion_id)

    newest = {place(m): n for n, m in reversed([*enumerate(messages)])}
    ordered = sorted(messages, key=lambda m: (newest[place(m)], m.position))
    for (_, key), turns in groupby(ordered, key=place):
        run = key.removeprefix(RUN) if key.startswith(RUN) else None
        yield Session(key, run, tuple(_turn(message, told) for message in turns))


def _read_ledgers(messages: Sequence[Message]) -> _Told:
    """Of these messages' adds, and of those that were decided together with them."""
    ids = {message.ingestion_id for message in messages}
    mine = list(Ingestion.objects.filter(id__in=ids).select_related("operation"))
    told = _Told({i.id: i.operation for i in mine})
    beside = {id_ for i in mine for id_ in i.ledger.get("together", ())}
    others = Ingestion.objects.filter(operation_id__in=beside).exclude(id__in=ids)
    for ingestion in (*mine, *(others if beside else ())):
        _read_ledger(ingestion.ledger, told)
    facts = [fact for facts in told.facts.values() for fact in facts]
    known = {UUID(fact["memory_id"]) for fact in facts if fact["memory_id"]}
    rows = Memory.objects.filter(id__in=known).values_list("id", "text", "state")
    told.memories = {id_: (text, state) for id_, text, state in rows}
    return told


def _read_ledger(ledger: Mapping[str, Any], told: _Told) -> None:
    for entry in ledger.get("messages", ()):
        told.outcomes[entry["id"]] = (entry["outcome"], entry["reason"])
    for fact in ledger.get("facts", ()):
        for message_id in fact["messages"]:
            told.facts.setdefault(message_id, []).append(fact)


def _turn(message: Message, told: _Told) -> Turn:
    operation = told.statuses[message.ingestion_id]
    outcome, why = told.outcomes.get(str(message.id), ("", ""))
    return Turn(
        id=message.id,
        operation_id=operation.id,
        role=message.role,
        name=message.name,
        text=message.content,
        sent_at=message.sent_at,
        status=operation.status,
        outcome=outcome,
        why=operation.error or why,
        lessons=tuple(
            _lesson(fact, told) for fact in told.facts.get(str(message.id), ())
        ),
    )


def _lesson(fact: Mapping[str, Any], told: _Told) -> Lesson:
    memory_id = UUID(fact["memory_id"]) if fact["memory_id"] else None
    text, state = (
        told.memories.get(memory_id, (None, None)) if memory_id else (None,) * 2
    )
    return Lesson(
        outcome=fact["outcome"],
        memory_id=memory_id,
        text=text,
        state=state,
        why=fact["note"] or fact["reason"],
    )
