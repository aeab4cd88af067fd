"""What the tests of memories share: an agent with a key, who adds, edits and asks.

State is made through services; only a plan, what an engine would have decided, is
written by hand where a test is about the store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from uuid import UUID

import numpy as np
from django.db import connection, connections

from memories.models import (
    Ingestion,
    Memory,
    MemoryEvent,
    MemoryVersion,
    Message,
    Operation,
    Outbox,
    Subject,
    Topic,
    Webhook,
)
from memories.pipeline.relate import Where, read_names, relate
from memories.retrieval.search import search
from memories.selectors import memories as selectors
from memories.selectors.filters import parse_filters
from memories.selectors.projects import ProjectSetup
from memories.services.add import add_memories
from memories.services.edit import MemoryChanges, delete_memory, update_memory
from memories.services.run import run_operation
from memories.services.setup import ready_setup
from memories.services.webhooks import NewWebhook, create_webhook
from memories.store import operations
from memories.store.apply import Applied, Plan, apply
from memories.store.operations import Lease
from memories.types import (
    SCOPE_KEYS,
    STATE_RULES,
    AddAnswer,
    AddRequest,
    ChatMessage,
    Decision,
    Fact,
    KnownMemory,
    Links,
    MemoryView,
    Scope,
    SearchRequest,
    State,
    Verdict,
    Visibility,
)
from memplatform.lib import clock
from tenants.scopes import tenant_scope
from tenants.selectors import Access
from tenants.services import admit_key
from tests.model_vectors import embed_text

ANN = {"user_id": "ann"}


def fact(text: str, **details) -> Fact:
    return Fact(text, **{"messages": (0,), **details})


def adds(text: str, **details) -> Decision:
    return Decision(Verdict.ADD, fact(text, **details), reason="new")


def decides(verdict: Verdict, text: str | None, target, **details) -> Decision:
    """A decision on a fact of this text about a memory (or its id)."""
    target_id = getattr(target, "id", target)
    proposed = fact(text) if text is not None else None
    return Decision(verdict, proposed, target_id, reason="because", **details)


@dataclass
class Agent:
    """One key of a company in use; ``user_id`` ann unless the call says otherwise."""

    company: object
    secret: str = ""

    @property
    def access(self) -> Access:
        """What the key may do at this moment; every request asks anew."""
        return admit_key(self.company.key)

    def scope(self):
        return tenant_scope(self.company.id, project_id=self.company.project.id)

    @property
    def setup(self):
        return ready_setup(self.company.id, self.company.project.id)

    # --- adding

    def add(self, *texts: str | ChatMessage, infer: bool = True, **details):
        """An add as the door asks for it; scope ids are among ``details``."""
        keyed = {
            n: details.pop(n) for n in ("idempotency_key", "body_hash") if n in details
        }
        ids = {key: details.pop(key) for key in SCOPE_KEYS if key in details} or ANN
        messages = tuple(
            text if isinstance(text, ChatMessage) else ChatMessage("user", text)
            for text in texts
        )
        request = AddRequest(Scope(**ids), messages, infer=infer, **details)
        return add_memories(self.access, request, **keyed)

    def say(self, *texts: str, **details) -> AddAnswer:
        """Verbatim: stored word for word, and answered at once."""
        return self.add(*texts, infer=False, **details)

    def keep(self, text: str, **details) -> UUID:
        """The id of the one memory that a verbatim add makes."""
        (result,) = self.say(text, **details).results or ()
        return result.memory_id

    def accept(self, *texts: str, **details) -> UUID:
        """The id of an accepted, unprocessed add."""
        return self.add(*texts or ("Hello.",), **details).operation_id

    def run(self, operation_id: UUID) -> Operation:
        run_operation(self.company.id, operation_id)
        return self.operation(operation_id)

    def learn(self, *texts: str, **details) -> Operation:
        """An add, run to its end by the project's engine."""
        return self.run(self.accept(*texts, **details))

    # --- what an engine would have decided

    def claim(self, operation_id: UUID) -> Lease:
        with self.scope():
            operation = operations.claim(operation_id, lease_s=60)
        assert operation is not None, "this operation cannot be claimed now"
        return Lease(operation.id, operation.lease_token)

    def plan(self, operation_id: UUID, *decisions: Decision, **details) -> Plan:
        """A plan over the messages of an add; known memories are as they are now."""
        facts = [d.fact for d in decisions if d.fact]
        setup = self.setup
        space_id = setup.active_space.id
        with self.scope():
            operation = Operation.objects.get(id=operation_id)
            ingestion = Ingestion.objects.get(operation_id=operation_id)
            rows = Message.objects.filter(ingestion=ingestion).order_by("position")
            message_ids = tuple(row.id for row in rows)
            targets = [d.target for d in decisions if d.target]
            heads = list(Memory.objects.filter(id__in=targets))
        links = self.links(operation.anchor_id, setup, facts)
        plain = {
            "scope": Scope(**{key: getattr(operation, key) for key in SCOPE_KEYS}),
            "message_ids": message_ids,
            "decisions": decisions,
            "dropped": (),
            "known": {head.id: known_as(head) for head in heads},
            "vectors": {
                f.text: {space_id: embed_text(f.text, 384)[None, :]} for f in facts
            },
            "engine": "single_pass",
            "model": "stand-in",
            "prompt_version_id": None,
            "language": "english",
            "created_at": ingestion.accepted_at,
            "links": links,
        }
        return Plan(**plain | details)

    def links(self, anchor_id: UUID, setup: ProjectSetup, facts: list[Fact]) -> Links:
        """How facts of an add hang on the graph of its anchor."""
        space_id = setup.active_space.id
        where = Where(self.company.id, self.company.project.id, anchor_id, space_id)
        named = read_names(where, facts)
        vectors = {
            name: {space_id: embed_text(name, 384)[None, :]}
            for name in named.new.values()
        }
        return relate(named, vectors, setup.settings.ontology)

    def apply(self, lease: Lease, plan: Plan, *, accept_stale: bool = True) -> Applied:
        with self.scope():
            return apply(lease, plan, accept_stale=accept_stale)

    def decide(
        self, *decisions: Decision, on: UUID | None = None, **details
    ) -> Operation:
        """An add whose engine decided this, applied; ``on`` is one accepted before."""
        ids = {key: details.pop(key) for key in SCOPE_KEYS if key in details}
        operation_id = on or self.accept(**ids)
        plan = self.plan(operation_id, *decisions, **details)
        self.apply(self.claim(operation_id), plan)
        return self.operation(operation_id)

    # --- changing

    def edit(self, memory_id: UUID, **changes) -> MemoryView:
        return update_memory(self.access, memory_id, MemoryChanges(**changes))

    def delete(self, memory_id: UUID, *, delete_linked: bool = False) -> int:
        return delete_memory(self.access, memory_id, delete_linked=delete_linked)

    # --- being told

    def subscribe(self, *topics: str, url: str = "https://ann.example/in") -> Webhook:
        """A webhook for these topics, or for all."""
        new = NewWebhook("hook", url, topics or Topic.values)
        owner_id = self.access.operator_id
        with self.scope():
            project = self.company.project
            webhook, self.secret = create_webhook(project, new, owner_id=owner_id)
        return webhook

    def told(self) -> list[str]:
        """The topics that wait in the outbox, oldest first."""
        with self.scope():
            rows = Outbox.objects.filter(handled_at=None).order_by("created_at", "id")
            return list(rows.values_list("topic", flat=True))

    # --- asking

    def get(self, memory_id: UUID, as_of: datetime | None = None) -> MemoryView:
        with self.scope():
            return selectors.get_memory(memory_id, as_of=as_of)

    def page(self, filters=None, page: int = 1, page_size: int = 100, **visibility):
        with self.scope():
            return selectors.list_memories(
                parse_filters(filters or ANN),
                Visibility(**visibility),
                page=page,
                page_size=page_size,
            )

    def texts(self, filters=None, **visibility) -> list[str]:
        """What a list shows, oldest first."""
        items = self.page(filters, **visibility).items
        return [memory.text for memory in reversed(items)]

    def search(self, query: str, filters=None, **details):
        names = ("show_expired", "latest_only", "include_merged", "as_of")
        seen = Visibility(**{n: details.pop(n) for n in names if n in details})
        request = SearchRequest(
            query, parse_filters(filters or ANN), visibility=seen, **details
        )
        return search(self.access, request)

    def found(self, query: str, filters=None, **details) -> list[str]:
        return [hit.memory.text for hit in self.search(query, filters, **details)]

    def history(self, memory_id: UUID):
        with self.scope():
            return selectors.get_history(memory_id)

    # --- rows

    def head(self, memory_id: UUID) -> Memory:
        with self.scope():
            return Memory.objects.get(id=memory_id)

    def heads(self) -> list[Memory]:
        with self.scope():
            return list(Memory.objects.order_by("known_from"))

    def operation(self, operation_id: UUID) -> Operation:
        with self.scope():
            return Operation.objects.get(id=operation_id)

    def ledger(self, operation_id: UUID) -> dict:
        with self.scope():
            return Ingestion.objects.get(operation_id=operation_id).ledger

    def fates(self, operation_id: UUID) -> list[tuple[str, str]]:
        """(outcome, note) of each proposed fact."""
        facts = self.ledger(operation_id)["facts"]
        return [(fate["outcome"], fate["note"]) for fate in facts]

    def events(self, memory_id: UUID | None = None) -> list[str]:
        with self.scope():
            rows = MemoryEvent.objects.order_by("at", "id")
            rows = rows.filter(memory_id=memory_id) if memory_id else rows
            return list(rows.values_list("kind", flat=True))

    def versions(self, memory_id: UUID) -> list[MemoryVersion]:
        with self.scope():
            rows = MemoryVersion.objects.filter(memory_id=memory_id)
            return list(rows.order_by("number"))

    def count(self, model, **conditions) -> int:
        with self.scope():
            return model.objects.filter(**conditions).count()

    def sql(self, statement: str, *values) -> list[tuple]:
        """Rows of a statement, as the application may run it."""
        with self.scope(), connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


def known_as(head: Memory) -> KnownMemory:
    """A head as an engine would have been shown it."""
    return KnownMemory(head.id, head.text or "", head.created_at, number=head.number)


def seen(memory: MemoryView) -> MemoryView:
    """A memory without the flag that is not part of what was believed."""
    return replace(memory, is_stale_suspect=False)


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What calls return, or raise, when threads start them together."""
    gate = threading.Barrier(len(calls))
    answers: list[object] = [None] * len(calls)

    def run(position: int, call: Callable[[], object]) -> None:
        try:
            gate.wait(10)
            answers[position] = call()
        except Exception as exc:  # noqa: BLE001 - the answer is the exception
            answers[position] = exc
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def unit(*values: float) -> np.ndarray:
    """A vector of unit norm that starts with these values; dimension 384."""
    vector = np.zeros(384, dtype=np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def recount(agent: Agent) -> dict[tuple[str, str], tuple[int, int]]:
    """(memories, expiring) of every subject, counted on the heads."""
    counted: dict[tuple[str, str], tuple[int, int]] = {}
    for head in agent.heads():
        for key in SCOPE_KEYS:
            if (name := getattr(head, key)) is None:
                continue
            subject = (key.removesuffix("_id"), name)
            memories, expiring = counted.get(subject, (0, 0))
            is_counted = STATE_RULES[State(head.state)].counted
            counted[subject] = (
                memories + is_counted,
                expiring + (is_counted and head.expires_on is not None),
            )
    return counted


def counters(agent: Agent) -> dict[tuple[str, str], tuple[int, int]]:
    """The same as the store keeps it."""
    with agent.scope():
        return {
            (row.kind, row.external_id): (row.memory_count, row.expiring_count)
            for row in Subject.objects.all()
        }


def overlapping(versions: Iterable[MemoryVersion]) -> list[tuple[int, int]]:
    """Neighbouring versions whose known intervals overlap or leave a gap."""
    rows = list(versions)
    return [
        (first.number, second.number)
        for first, second in pairwise(rows)
        if first.known_to != second.known_from
    ]


def now() -> datetime:
    return clock.now()
