"""Memories that come in from a file: facts of other systems, and whole histories.

One batch is one transaction, under the anchors' locks. What is there already is left as
it is, so that a file may come in twice, or again after a fault. Call inside the
project's scope. ``docs/adr/0130`` says which ids are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from memories.models import (
    Anchor,
    Confirmation,
    Entity,
    Feedback,
    Ingestion,
    Memory,
    MemoryEvent,
    MemoryVersion,
    Message,
    Operation,
    PatternSource,
    Subject,
)
from memories.models.memory import FactColumns
from memories.selectors.review import Held
from memories.store.accept import take_place
from memories.store.barriers import is_barred, pass_barriers
from memories.store.batch import Batch, NewMemory, Revision, hash_text
from memories.store.bringing import (
    ADDED,
    BARRED,
    KNOWN,
    Bringer,
    Names,
    Texts,
    anchor_key,
    present,
    scope_of,
)
from memories.store.script import Script
from memories.store.transfer_graph import GraphTransfer
from memories.types import SCOPE_KEYS, Concern, JsonDict, Scope, State

FACT_FIELDS = tuple(field.attname for field in FactColumns._meta.fields)
CONCERNS = "concerns"
"""Under which key the reader of a line says why its memory is to be reviewed."""


def already_here(
    project_id: UUID, ids: Iterable[UUID], node_ids: Iterable[UUID] = ()
) -> set[UUID]:
    """Which of these ids of a file name memories, or nodes, that came in before."""
    names, nodes = Names(project_id), Names(project_id)
    names.learn(Memory, ids)
    nodes.learn(Entity, node_ids)
    found = Memory.objects.filter(id__in=names.present, number__gt=0)
    whole = set(found.values_list("id", flat=True))
    here = {id_ for id_ in names.known if names[id_] in whole}
    return here | {id_ for id_ in nodes.known if nodes.has(id_)}


# --- facts of other systems ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewFact:
    """A fact to be, under the id that it has in every run of the import."""

    id: UUID
    scope: Scope
    text: str
    metadata: JsonDict | None
    categories: tuple[str, ...] | None
    created_at: datetime
    updated_at: datetime | None
    expires_on: Any
    is_immutable: bool
    replaced_by: UUID | None
    concerns: tuple[Concern, ...] = ()


def bring_facts(bringer: Bringer, facts: Sequence[NewFact], texts: Texts) -> list[str]:
    """For each fact ADDED, KNOWN, or why it is refused."""
    pass_barriers(bringer.project_id)
    anchors = _anchors_of(bringer, [fact.scope for fact in facts])
    batch = Batch.open(bringer.project_id, anchors.values())
    names = Names(bringer.project_id)
    names.learn(Memory, [i for fact in facts for i in (fact.id, fact.replaced_by)])
    said = _said(anchors.values(), [fact.text for fact in facts])
    outcomes = []
    for fact in facts:
        anchor_id = anchors[fact.scope.anchor_key]
        words = (anchor_id, hash_text(fact.text), fact.scope.run_id)
        is_past = names.has(fact.replaced_by)
        if names.has(fact.id) or (words in said and not is_past):
            outcomes.append(KNOWN)
        elif is_barred(bringer.project_id, bringer.accepted_at, fact.scope):
            outcomes.append(BARRED)
        else:
            _bring_fact(bringer, batch, fact, anchor_id, names, texts)
            names.present.add(names[fact.id])
            said |= set() if is_past else {words}
            outcomes.append(ADDED)
    batch.flush()
    return outcomes


def _bring_fact(
    bringer: Bringer,
    batch: Batch,
    fact: NewFact,
    anchor_id: UUID,
    names: Names,
    texts: Texts,
) -> None:
    successor = names.there(fact.replaced_by)
    state = State.SUPERSEDED if successor else State.ACTIVE
    waits = bool(fact.concerns)
    head = batch.add(
        NewMemory(
            id=names[fact.id],
            anchor_id=anchor_id,
            scope=fact.scope,
            text=fact.text,
            origin=Memory.Origin.IMPORTED,
            created_at=fact.created_at,
            accepted_at=bringer.accepted_at,
            vectors=texts[fact.text],
            metadata=fact.metadata,
            categories=fact.categories,
            attributed_to="user" if fact.scope.user_id else "agent",
            state=State.QUARANTINED if waits else state,
            replaced_by_id=successor,
            expires_on=fact.expires_on,
            is_immutable=fact.is_immutable,
            language=bringer.language,
        ),
        bringer.cause,
        kind=MemoryEvent.Kind.QUARANTINE if waits else MemoryEvent.Kind.ADD,
        review=Held(concerns=fact.concerns).as_json() if waits else None,
    )
    head.updated_at = fact.updated_at or fact.created_at


# --- whole histories ------------------------------------------------------------------


def bring_lines(bringer: Bringer, lines: Sequence[JsonDict], texts: Texts) -> list[str]:
    """Lines of a raw export, in the order of their sections: as :func:`bring_facts`."""
    pass_barriers(bringer.project_id)
    scopes = [scope_of(line) for line in lines if line["type"] != "subject"]
    anchors = _anchors_of(bringer, scopes)
    batch = Batch.open(bringer.project_id, anchors.values())
    transfer = _Transfer(bringer, anchors, batch, texts)
    transfer.learn(lines)
    outcomes = [transfer.bring(line) for line in lines]
    transfer.flush()
    return outcomes


class _Transfer:
    """One batch of lines on its way in."""

    def __init__(
        self,
        bringer: Bringer,
        anchors: Mapping[Any, UUID],
        batch: Batch,
        texts: Texts,
    ) -> None:
        self._bringer, self._anchors, self._batch = bringer, anchors, batch
        self._texts = texts
        project = bringer.project_id
        self._memories, self._operations = Names(project), Names(project)
        self._messages, self._events = Names(project), Names(project)
        self._before, self._behind = Script(), Script()
        self._graph = GraphTransfer(
            bringer, anchors, self._memories, self._before, self._behind, texts
        )
        self._said: set[tuple[UUID, str | None, str | None]] = set()
        self._stubs: dict[UUID, Memory] = {}

    def learn(self, lines: Sequence[JsonDict]) -> None:
        """Everything there is to know of the ids in these lines, at once."""
        of = {kind: [x for x in lines if x["type"] == kind] for kind in _BRINGS}
        memories, relations = of["memory"], of["relation"]
        events = [event for line in memories for event in line["events"]]
        self._memories.learn(
            Memory,
            [
                *(line["id"] for line in memories),
                *(v["replaced_by_id"] for x in memories for v in x["versions"]),
                *(event["related_memory_id"] for event in events),
                *(s["memory_id"] for line in relations for s in line["support"]),
                *(s["source_id"] for x in memories for s in x["sources"] or ()),
                *(_uuid_in(r) for x in of["add"] for r in x["results"] or ()),
            ],
        )
        self._operations.learn(
            Operation,
            [
                *(line["id"] for line in of["add"]),
                *(event["operation_id"] for event in events),
                *(
                    confirmation["operation_id"]
                    for line in memories
                    for confirmation in line["confirmations"] or ()
                ),
            ],
        )
        self._messages.learn(
            Message,
            [
                *(message["id"] for line in of["add"] for message in line["messages"]),
                *(id_ for event in events for id_ in event["message_ids"] or ()),
            ],
        )
        self._events.learn(MemoryEvent, [event["id"] for event in events])
        self._graph.learn(of["entity"], memories, relations)
        heads = Memory.objects.filter(
            id__in={self._memories[line["id"]] for line in memories}, number=0
        )
        self._stubs = {head.id: head for head in heads}
        texts = [line["versions"][-1]["text"] for line in memories]
        self._said = _said(self._anchors.values(), texts)

    def bring(self, line: JsonDict) -> str:
        if line["type"] != "subject" and is_barred(
            self._bringer.project_id, self._bringer.accepted_at, scope_of(line)
        ):
            return BARRED
        return _BRINGS[line["type"]](self, line)

    def flush(self) -> None:
        """What memories refer to goes before them, what refers to them behind."""
        self._graph.finish()
        self._before.run()
        self._batch.flush()
        self._behind.run()
        self._graph.settle(self._batch)

    def bring_subject(self, line: JsonDict) -> str:
        """Its counts come with its memories."""
        fields = {k: v for k, v in line.items() if k != "type"}
        known = Subject.objects.filter(
            kind=line["kind"], external_id=line["external_id"]
        ).first()
        if known is None:
            Subject.objects.create(project_id=self._bringer.project_id, **fields)
            return ADDED
        if known.declared_at is None and line["declared_at"]:
            known.declared_at = line["declared_at"]
            known.display_name = line["display_name"]
            known.metadata = line["metadata"]
            known.save(update_fields=["declared_at", "display_name", "metadata"])
        return KNOWN

    def bring_add(self, line: JsonDict) -> str:
        if self._operations.has(line["id"]):
            return KNOWN
        scope, said = scope_of(line), line["messages"]
        place = take_place(
            self._bringer.project_id, scope, len(said), line["created_at"]
        )
        operation = Operation(
            id=self._operations[line["id"]],
            project_id=self._bringer.project_id,
            kind=Operation.Kind.ADD,
            **scope.as_dict(),
            anchor_id=place.anchor_id,
            seq=place.seq,
            payload={"infer": line["ingestion"]["infer"]},
            results=self._memories.renamed(line["results"] or []),
            **{name: line[name] for name in _OPERATION_FIELDS},
        )
        ingestion = Ingestion(
            project_id=self._bringer.project_id,
            operation_id=operation.id,
            anchor_id=place.anchor_id,
            **present(line["ingestion"]) | {"ledger": self._ledger(line)},
        )
        self._before.insert([operation])
        self._before.insert([ingestion])
        by_id = {message["id"]: message for message in said}
        fresh = [m for m in by_id.values() if not self._messages.has(m["id"])]
        self._before.insert(
            Message(
                project_id=self._bringer.project_id,
                ingestion_id=ingestion.id,
                anchor_id=place.anchor_id,
                position=place.position + offset,
                **present(message) | {"id": self._messages[message["id"]]},
            )
            for offset, message in enumerate(fresh)
        )
        self._operations.present.add(operation.id)
        self._messages.present |= {self._messages[m["id"]] for m in fresh}
        return ADDED

    def bring_entity(self, line: JsonDict) -> str:
        return self._graph.bring_entity(line)

    def bring_relation(self, line: JsonDict) -> str:
        return self._graph.bring_relation(line)

    def bring_memory(self, line: JsonDict) -> str:
        memory_id, last = self._memories[line["id"]], line["versions"][-1]
        stub = self._stubs.get(memory_id)
        if self._memories.has(line["id"]) and stub is None:
            return KNOWN
        anchor_id = self._anchors[anchor_key(line)]
        words = (anchor_id, hash_text(last["text"]), line["run_id"])
        if last["state"] == State.ACTIVE and words in self._said:
            return KNOWN
        if last["state"] == State.ACTIVE:
            self._said.add(words)
        head = self._head(line, anchor_id)
        versions = [self._version(head, version, line) for version in line["versions"]]
        events = self._new_events(head, line["events"])
        vectors = [
            (head, v.number, self._texts[v.text])
            for v in versions
            if v.text and v.number == v.vector_number
        ]
        self._batch.bring(head, versions, events, vectors, is_there=stub is not None)
        if line.get(CONCERNS):
            self._hold(head, line[CONCERNS])
        self._stubs.pop(memory_id, None)
        self._memories.present.add(memory_id)
        self._bring_beside(head, line)
        return ADDED

    def _hold(self, head: Memory, concerns: Sequence[Concern]) -> None:
        """What was in force where it comes from waits here until it is approved."""
        self._batch.revise(
            head,
            MemoryEvent.Kind.QUARANTINE,
            Revision(state=State.QUARANTINED),
            self._bringer.cause,
            review=Held(concerns=tuple(concerns)).as_json(),
        )

    def _head(self, line: JsonDict, anchor_id: UUID) -> Memory:
        last = line["versions"][-1]
        return Memory(
            id=self._memories[line["id"]],
            project_id=self._bringer.project_id,
            anchor_id=anchor_id,
            language=self._bringer.language,
            **{name: line[name] for name in _HEAD_FIELDS},
            is_stale_suspect=bool(line["is_stale_suspect"]),
            **self._facts(last, line, anchor_id),
        )

    def _version(
        self, head: Memory, version: JsonDict, line: JsonDict
    ) -> MemoryVersion:
        return MemoryVersion(
            project_id=self._bringer.project_id,
            memory_id=head.id,
            number=version["number"],
            known_to=version["known_to"],
            **self._facts(version, line, head.anchor_id),
        )

    def _facts(self, version: JsonDict, line: JsonDict, anchor_id: UUID) -> JsonDict:
        found = {name: version[name] for name in FACT_FIELDS}
        found["replaced_by_id"] = self._referred(
            version["replaced_by_id"], line, anchor_id
        )
        found["is_immutable"] = bool(version["is_immutable"])
        if found["confidence"] is None:
            found["confidence"] = 1.0
        found["vector_number"] = version["vector_number"] or version["number"]
        return found

    def _referred(
        self, id_: UUID | None, line: JsonDict, anchor_id: UUID
    ) -> UUID | None:
        """What another memory is here; one that has yet to come has its place kept."""
        if id_ is None:
            return None
        if not self._memories.has(id_) and id_ != line["id"]:
            stub = Memory(
                id=self._memories[id_],
                project_id=self._bringer.project_id,
                anchor_id=anchor_id,
                **scope_of(line).as_dict(),
                origin=line["origin"],
                state=State.DELETED,
                number=0,
                created_at=line["accepted_at"],
                accepted_at=line["accepted_at"],
                known_from=line["accepted_at"],
                updated_at=line["updated_at"],
            )
            self._before.insert([stub])
            self._memories.present.add(stub.id)
            self._stubs[stub.id] = stub
        return self._memories[id_]

    def _new_events(self, head: Memory, given: Sequence[JsonDict]) -> list[MemoryEvent]:
        """Each once; one that another memory here has is that one's."""
        events = []
        for event in given:
            if not self._events.has(event["id"]):
                events.append(self._event(head, event))
                self._events.present.add(events[-1].id)
        return events

    def _event(self, head: Memory, event: JsonDict) -> MemoryEvent:
        kept = {name: event[name] for name in _EVENT_FIELDS}
        return MemoryEvent(
            id=self._events[event["id"]],
            project_id=self._bringer.project_id,
            memory_id=head.id,
            related_memory_id=self._memories.there(event["related_memory_id"]),
            operation_id=self._operations.there(event["operation_id"]),
            message_ids=[self._messages[id_] for id_ in event["message_ids"] or ()],
            **kept,
            reason=event["reason"] or "",
        )

    def _bring_beside(self, head: Memory, line: JsonDict) -> None:
        project_id = self._bringer.project_id
        self._graph.bring_mentions(head, line)
        self._behind.insert(
            [
                Feedback(project_id=project_id, memory_id=head.id, **given)
                for given in line["feedback"] or ()
            ],
            skip_known=True,
        )
        self._behind.insert(self._confirmations(head, line), skip_known=True)
        self._behind.insert(self._sources(head, line), skip_known=True)

    def _confirmations(self, head: Memory, line: JsonDict) -> Iterable[Confirmation]:
        for given in line["confirmations"] or ():
            yield Confirmation(
                project_id=self._bringer.project_id,
                memory_id=head.id,
                operation_id=self._operations.there(given["operation_id"]),
                at=given["at"],
            )

    def _sources(self, head: Memory, line: JsonDict) -> Iterable[PatternSource]:
        for given in line["sources"] or ():
            source_id = self._referred(given["source_id"], line, head.anchor_id)
            if source_id is not None:
                yield PatternSource(
                    project_id=self._bringer.project_id,
                    pattern_id=head.id,
                    number=given["number"],
                    source_id=source_id,
                    wording=given["wording"],
                )

    def _ledger(self, line: JsonDict) -> JsonDict:
        given = line["ingestion"]["ledger"] or {}
        renamed: JsonDict = self._messages.renamed(self._memories.renamed(given))
        return renamed


_BRINGS = {
    "subject": _Transfer.bring_subject,
    "add": _Transfer.bring_add,
    "entity": _Transfer.bring_entity,
    "memory": _Transfer.bring_memory,
    "relation": _Transfer.bring_relation,
}
_OPERATION_FIELDS = (
    *("status", "error_code", "attempts", "created_at", "started_at"),
    *("completed_at", "updated_at", "latency_ms"),
)
_HEAD_FIELDS = (
    *SCOPE_KEYS,
    *("attributed_to", "speaker", "kind", "origin", "number"),
    *("accepted_at", "updated_at"),
)
_EVENT_FIELDS = (
    *("kind", "old_number", "new_number", "actor_kind", "actor_id", "engine"),
    *("model", "review", "at"),
)


def _uuid_in(result: Any) -> UUID | None:
    try:
        return UUID(result["id"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _anchors_of(bringer: Bringer, scopes: Iterable[Scope]) -> dict[Any, UUID]:
    """The anchor of each scope, made when it is new."""
    wanted = {scope.anchor_key: scope for scope in scopes}
    named = Q(id__in=[])
    for key in wanted:
        named |= Q(**dict(zip(SCOPE_KEYS, key, strict=False)))
    rows = Anchor.objects.filter(named, project_id=bringer.project_id)
    found: dict[Any, UUID] = {(a.user_id, a.agent_id, a.app_id): a.id for a in rows}
    for key in sorted(wanted.keys() - found.keys(), key=repr):
        place = take_place(bringer.project_id, wanted[key], 0, bringer.accepted_at)
        found[key] = place.anchor_id
    return found


def _said(
    anchor_ids: Iterable[UUID], texts: Iterable[str]
) -> set[tuple[UUID, str | None, str | None]]:
    """What active memories say in these words: (anchor, hash, run)."""
    rows = Memory.objects.filter(
        anchor_id__in=set(anchor_ids),
        text_hash__in={hash_text(text) for text in texts},
        state=State.ACTIVE,
    )
    return set(rows.values_list("anchor_id", "text_hash", "run_id"))
