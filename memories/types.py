"""Frozen values that travel between stages. No Django here, and no behaviour.

Shapes: vectors are ``(n, dim) float32`` with unit norm; instants are aware datetimes;
scores and confidences are 0..1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, Literal, Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from memories.language.times import Precision

Vectors = NDArray[np.float32]

FIRST_YEAR, LAST_YEAR = 1900, 9000
"""Of instants that are stored and reckoned with."""
SCOPE_KEYS = ("user_id", "agent_id", "app_id", "run_id")

CONTEXT_START, CONTEXT_END = "<memories>", "</memories>"
"""Around memories in a prompt: what stands between them is not learned again."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose memories, within one project; at least one id is set."""

    user_id: str | None = None
    agent_id: str | None = None
    app_id: str | None = None
    run_id: str | None = None

    @property
    def anchor_key(self) -> tuple[str | None, str | None, str | None]:
        """(user_id, agent_id, app_id): the unit of order, recall and indexing."""
        return (self.user_id, self.agent_id, self.app_id)

    def as_dict(self) -> dict[str, str | None]:
        return {key: getattr(self, key) for key in SCOPE_KEYS}


@dataclass(frozen=True, slots=True)
class Attached:
    """What a message brings beside its words: an address, or the bytes themselves.

    ``kind`` is as the wire calls it (``providers.media.KINDS``); ``part`` is its place
    in a list of parts, None where it is all of the content.
    """

    kind: str
    part: int | None = None
    url: str | None = None
    data: bytes | None = None
    media_type: str | None = None

    @property
    def mention(self) -> str:
        """What stands for it among the words of its message."""
        return f"[{self.kind}: {self.url}]" if self.url else f"[{self.kind}]"


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One chat turn. ``role`` is user, assistant, system or tool.

    ``sent_at`` has the offset that it was given with, as far as that says more than
    UTC: "yesterday" is counted from there. ``document`` says what the content was read
    from ("PDF, page 2 of 3"); blank for words of whoever speaks. ``attached`` is there
    from the door to the store.
    """

    role: str
    content: str
    name: str | None = None
    sent_at: datetime | None = None
    id: UUID | None = None
    document: str = ""
    attached: tuple[Attached, ...] = ()


class State(StrEnum):
    """The life of a memory (decision 12; the table is ``STATE_RULES``)."""

    ACTIVE = "active"
    SUPERSEDED = "superseded"
    MERGED = "merged"
    RETIRED = "retired"
    DELETED = "deleted"
    QUARANTINED = "quarantined"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class StateRule:
    """Where memories of a state are seen, and what the wire calls it.

    ``listed`` rules list and search alike; ``got`` is a read by id; ``counted`` is
    the subject's memory count. A read ``as_of`` an instant applies the same rules to
    the states of that instant. The stale-suspect mark is a flag, not a state.
    """

    listed: bool
    listed_as_latest: bool
    got: bool
    counted: bool
    wire: str


STATE_RULES: Mapping[State, StateRule] = {
    State.ACTIVE: StateRule(
        listed=True, listed_as_latest=True, got=True, counted=True, wire="active"
    ),
    # Contradicted memories stay in default reads with ``replaced_by`` (contract §9).
    State.SUPERSEDED: StateRule(
        listed=True, listed_as_latest=False, got=True, counted=True, wire="superseded"
    ),
    # Seen in lists only with ``include_merged``.
    State.MERGED: StateRule(
        listed=False, listed_as_latest=False, got=True, counted=False, wire="merged"
    ),
    State.RETIRED: StateRule(
        listed=False, listed_as_latest=False, got=True, counted=False, wire="retired"
    ),
    State.DELETED: StateRule(
        listed=False, listed_as_latest=False, got=False, counted=False, wire="deleted"
    ),
    State.QUARANTINED: StateRule(
        listed=False,
        listed_as_latest=False,
        got=True,
        counted=False,
        wire="quarantined",
    ),
    State.ARCHIVED: StateRule(
        listed=False, listed_as_latest=False, got=True, counted=False, wire="archived"
    ),
}


@dataclass(frozen=True, slots=True)
class EventRule:
    """What the wire calls a kind of event, and where it is told (decision 12).

    ``result`` is the word in an operation's results; ``history`` the word in a
    memory's history, None for what changes neither its words nor its state (bringing
    back what was deleted is an ADD there); ``topic`` what webhooks are told, if any.
    """

    result: str
    history: str | None
    topic: str | None


_ADDED = EventRule("ADD", "ADD", "memory_add")
_UPDATED = EventRule("UPDATE", "UPDATE", "memory_update")
_DELETED = EventRule("DELETE", "DELETE", "memory_delete")

EVENT_RULES: Mapping[str, EventRule] = {
    "ADD": _ADDED,
    "UPDATE": _UPDATED,
    "DELETE": _DELETED,
    "SUPERSEDE": _UPDATED,
    # Stored, but hidden behind the memory that already says it.
    "MERGE": EventRule("NOOP", "UPDATE", None),
    "RETIRE": _DELETED,
    "RESTORE": _UPDATED,
    # Hidden from lists only: nothing is deleted (decision 15).
    "EXPIRE": EventRule("NOOP", None, None),
    "CATEGORIZE": EventRule("UPDATE", None, "memory_categorize"),
    # Nobody is told of what nobody is to see; approved, it is told as an ADD.
    "QUARANTINE": EventRule("NOOP", "UPDATE", None),
    "APPROVE": _UPDATED,
    "ARCHIVE": _UPDATED,
    # It may be stale; and it was looked at, and is not.
    "SUSPECT": EventRule("NOOP", None, None),
    "CONFIRM": EventRule("NOOP", None, None),
    "ERASE": _DELETED,
}
"""By ``MemoryEvent.Kind``."""


class Verdict(StrEnum):
    """The verdict on one fact (Mem0, arXiv 2504.19413 §2.1).

    DELETE with a fact supersedes the target with it; DELETE without a fact retires
    the target and needs ``evidence`` (decision 14). MERGE is the additive engine's:
    the fact is stored but hidden behind the memory that already says it.
    """

    ADD = "ADD"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    NONE = "NONE"
    MERGE = "MERGE"


class Aspect(StrEnum):
    """What a fact tells of: what happened, what holds, what is meant to happen, what
    somebody likes, how people stand to each other, or what is not so."""

    EVENT = "event"
    STATE = "state"
    PLAN = "plan"
    PREFERENCE = "preference"
    RELATIONSHIP = "relationship"
    ABSENCE = "absence"


@dataclass(frozen=True, slots=True)
class ValidTime:
    """When a fact is true in the world; None bounds are open, ``end`` is exclusive.

    ``precision`` is how much of the calendar the bounds name: a start "in May" is the
    first of May to the month. ``recurs`` says how often within them, as an RRULE of RFC
    5545 without a start: ``FREQ=WEEKLY;BYDAY=SU``. docs/adr/0610 says who reads it how.
    """

    start: datetime | None = None
    end: datetime | None = None
    precision: Precision | None = None
    recurs: str | None = None


@dataclass(frozen=True, slots=True)
class ProposedEntity:
    """A graph node the extractor saw."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class ProposedRelation:
    """A directed edge between two entity names: ``source -type-> target``."""

    source: str
    type: str
    target: str


@dataclass(frozen=True, slots=True)
class KnownNode:
    """A node that is there: its names, kind, and what it hangs on.

    ``counts_as`` is the node it was merged into, or itself. ``role`` is what it is to
    the user; ``neighbours`` are ids of nodes related to it; ``only`` are those of which
    it has one at a time, by the relation; ``cosine`` (0..1) is by the name asked,
    normalised; ``space_id`` is that of its vector.
    """

    id: UUID
    name: str
    type: str
    counts_as: UUID
    role: str = ""
    aliases: tuple[str, ...] = ()
    neighbours: frozenset[UUID] = frozenset()
    only: Mapping[str, UUID] = field(default_factory=dict)
    mentioned: int = 0
    cosine: Mapping[str, float] = field(default_factory=dict)
    space_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NodeRef:
    """A node that a name means: one that is there (``id``), or one to be.

    ``key`` tells nodes to be apart; ``qualifier`` is what it is to the user, where
    another of the name is something else to them.
    """

    key: str
    name: str
    type: str
    id: UUID | None = None
    qualifier: str = ""


@dataclass(frozen=True, slots=True)
class LinkedEdge:
    """``source -type-> target`` between nodes; ``is_single``: one at a time."""

    source: NodeRef
    type: str
    target: NodeRef
    is_single: bool = False


@dataclass(frozen=True, slots=True)
class FactLinks:
    """The nodes that a fact mentions, and the edges that it asserts."""

    nodes: tuple[NodeRef, ...] = ()
    edges: tuple[LinkedEdge, ...] = ()


@dataclass(frozen=True, slots=True)
class MergeProposal:
    """That two nodes are one. ``evidence`` holds signals, never a name."""

    kept: NodeRef
    absorbed: NodeRef
    score: float
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Links:
    """How the facts of an add hang on the graph.

    ``facts`` is by text; ``vectors`` of names (normalised) in one space. ``left_out``
    says what a project's ontology has no place for, by text.
    """

    facts: Mapping[str, FactLinks] = field(default_factory=dict)
    merges: tuple[MergeProposal, ...] = ()
    vectors: Mapping[str, Vectors] = field(default_factory=dict)
    space_id: UUID | None = None
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageOf:
    """A page that a fact rests on; ``message`` is a position, 0-based, as the other two
    are: ``attachment`` among those of the message, ``page`` from 1."""

    message: int
    attachment: int
    page: int


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement the extractor proposes; it stands alone and is not yet stored.

    ``messages`` are positions in the list the engine was given (0-based);
    ``categories`` None means that nobody has looked for any yet; ``pages`` are those of
    documents among the messages. ``is_instruction`` is the model's own word that it
    orders an agent about rather than tells of somebody, where it was asked for that.
    ``aspect`` None: nobody could say.
    """

    text: str
    messages: tuple[int, ...] = ()
    attributed_to: Literal["user", "agent"] = "user"
    speaker: str | None = None
    kind: Literal["fact", "procedure"] = "fact"
    categories: tuple[str, ...] | None = None
    valid: ValidTime = ValidTime()
    confidence: float = 1.0
    entities: tuple[ProposedEntity, ...] = ()
    relations: tuple[ProposedRelation, ...] = ()
    pages: tuple[PageOf, ...] = ()
    is_instruction: bool = False
    aspect: Aspect | None = None


class Rule(StrEnum):
    """Why a project may want a memory reviewed before it counts."""

    INSTRUCTION = "instruction"
    SOURCE = "source"
    CONFIDENCE = "confidence"


@dataclass(frozen=True, slots=True)
class Concern:
    """Why a memory waits for review; never with words of its own, nor a subject's id.

    ``detail`` says which part of the rule; ``spans`` are where it shows: (start, end)
    of characters in the memory's text.
    """

    rule: Rule
    detail: str
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What an engine wants done with one fact.

    ``target`` is the recalled memory that UPDATE, DELETE, MERGE and NONE name; what the
    same add told before has no id yet and is named by its words (``target_text``);
    ``fact`` is None only for a DELETE that stands alone, which then quotes the
    retracting sentence in ``evidence``, from ``messages``. ``problem`` is set when the
    engine could not make the model's answer meaningful (an unknown id, say): the store
    records it, stores the fact beside what is known, and touches no memory for it.
    With ``concerns`` whatever it would store or change waits until it is approved.
    """

    verdict: Verdict
    fact: Fact | None = None
    target: UUID | None = None
    reason: str = ""
    evidence: str | None = None
    messages: tuple[int, ...] = ()
    problem: str | None = None
    concerns: tuple[Concern, ...] = ()
    target_text: str | None = None

    @property
    def cited(self) -> tuple[int, ...]:
        """Positions of the messages it rests on: the fact's, or the retraction's."""
        return self.fact.messages if self.fact else self.messages


@dataclass(frozen=True, slots=True)
class Dropped:
    """A proposed fact, or a message, that leads to nothing, and why."""

    reason: str
    text: str | None = None
    messages: tuple[int, ...] = ()

    @property
    def is_silent(self) -> bool:
        """Only its messages have an outcome: nothing was proposed."""
        return self.text is None and bool(self.messages)


@dataclass(frozen=True, slots=True)
class KnownMemory:
    """A recalled memory as an engine sees it."""

    id: UUID
    text: str
    created_at: datetime
    similarity: float = 0.0
    attributed_to: Literal["user", "agent"] = "user"
    categories: tuple[str, ...] = ()
    valid: ValidTime = ValidTime()
    is_immutable: bool = False
    number: int = 1
    aspect: Aspect | None = None

    @property
    def valid_from(self) -> datetime | None:
        return self.valid.start

    @property
    def valid_to(self) -> datetime | None:
        return self.valid.end


@dataclass(frozen=True, slots=True)
class ProposedPattern:
    """What some memories have in common; ``reason`` says how that was found."""

    text: str
    sources: tuple[KnownMemory, ...]
    reason: str = ""

    @property
    def source_ids(self) -> frozenset[UUID]:
        return frozenset(source.id for source in self.sources)


@dataclass(frozen=True, slots=True)
class KnownPattern:
    """A pattern that was written before. ``is_current``: it is in force and may change;
    else somebody deleted it, or holds it fixed. ``is_doubted``: a memory it rests on is
    gone, or says something else. ``is_refused``: it is what another one had grown to,
    and somebody rejected that."""

    id: UUID
    source_ids: frozenset[UUID]
    is_current: bool = True
    is_doubted: bool = False
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class SettledPattern:
    """A pattern to be written: a new one, or the next version of ``target``."""

    pattern: ProposedPattern
    target: UUID | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What a decision may look at: the paper's summary, last m turns, s memories.

    ``most_recent`` is m = 10 (arXiv 2504.19413 §3.3).
    """

    summary: str | None = None
    recent: tuple[ChatMessage, ...] = ()
    memories: tuple[KnownMemory, ...] = ()
    most_recent: int = 10


@dataclass(frozen=True, slots=True)
class PromptText:
    """A published prompt version: ``text`` is a template of named ``{sections}``."""

    purpose: str
    text: str
    version_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Everything that steers one add besides its messages and context.

    ``categories`` maps name to description. ``reference`` is the instant that
    relative dates without a message timestamp are resolved against; ``timezone`` is
    an IANA name. ``subject`` is user for user memory, agent for agent memory;
    ``agent_instructions`` rule the assistant's part where the subject is the user.
    ``usecase`` is what the memory is for, ``depth`` how much is to be remembered, in
    the project's own words. ``flag_instructions`` asks the model which facts order an
    agent about.
    """

    reference: datetime
    timezone: str = "UTC"
    subject: Literal["user", "agent"] = "user"
    memory_type: Literal["fact", "procedure"] = "fact"
    instructions: str = ""
    agent_instructions: str = ""
    categories: Mapping[str, str] = field(default_factory=dict)
    includes: str = ""
    excludes: str = ""
    usecase: str = ""
    depth: str = ""
    with_graph: bool = True
    flag_instructions: bool = False
    ontology: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One request to a model, for the record (LlmCall). Tokens as the model counts.

    ``cost`` None: the provider has no price.
    """

    purpose: str
    model: str
    provider: str
    outcome: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    latency_ms: float = 0.0
    cost: Decimal | None = None
    prompt_version_id: UUID | None = None
    request: tuple[Mapping[str, str], ...] = ()
    reply: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class EngineResult:
    """What an engine made of an add; the ledger is written from it."""

    decisions: tuple[Decision, ...] = ()
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one fact of an add, or would have become of it.

    ``outcome`` is a word of the ledger. ``about`` is the memory that was changed,
    ended or confirmed, and ``before`` what it said; ``text`` what is said now.
    """

    outcome: str
    text: str | None = None
    about: UUID | None = None
    before: str | None = None
    reason: str = ""
    note: str = ""


Recall = Callable[[Sequence[str]], Sequence[Sequence[KnownMemory]]]
"""Nearest memories of the anchor for each text, most similar first. Embeds, reads."""


class Engine(Protocol):
    """How an add is processed (architecture.md, "Engines")."""

    name: str

    def decide(
        self,
        messages: Sequence[ChatMessage],
        context: Context,
        options: EngineOptions,
        recall: Recall,
    ) -> EngineResult:
        """Decide what is worth remembering. Calls models; never inside a transaction.

        Raises ProviderError when the model cannot be made to answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class SpaceKey:
    """What makes two vectors comparable."""

    provider: str
    model: str
    dimension: int
    fingerprint: str = ""


JsonDict = dict[str, Any]


class Unset(Enum):
    """Absent, apart from None, which clears."""

    UNSET = "unset"


UNSET = Unset.UNSET


# --- What the doors ask for, and what they get -------------------------------------


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking, for events and the audit."""

    kind: Literal["api_key", "operator", "system", "engine"]
    id: UUID | None = None
    request_id: str = ""
    address: str | None = None


@dataclass(frozen=True, slots=True)
class AddRequest:
    """A validated add. ``created_at`` backdates; None means now.

    The overrides replace the project's settings for this call; None leaves them.
    """

    scope: Scope
    messages: tuple[ChatMessage, ...]
    infer: bool = True
    metadata: JsonDict | None = None
    memory_type: Literal["fact", "procedure"] = "fact"
    created_at: datetime | None = None
    expires_on: date | None = None
    is_immutable: bool = False
    categories: Mapping[str, str] | None = None
    instructions: str | None = None
    agent_instructions: str | None = None
    includes: str | None = None
    excludes: str | None = None
    timezone: str | None = None
    reference: datetime | None = None
    with_graph: bool | None = None


@dataclass(frozen=True, slots=True)
class OperationResult:
    """One effect of an operation; ``text`` is what the memory says after it."""

    memory_id: UUID
    event: str
    text: str | None
    user_id: str | None = None
    number: int = 1


@dataclass(frozen=True, slots=True)
class AddAnswer:
    """What an add says at once; ``results`` is None while PENDING."""

    operation_id: UUID
    status: str
    results: tuple[OperationResult, ...] | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """A parsed filter (contract §5), ready to be one SQL condition.

    ``sql`` speaks of the memory head as ``m`` with ``%s`` placeholders; never empty.
    ``scope`` holds the ids that every match is bound to by plain equality at the top
    (or inside top-level ANDs), which is what picks anchors and counters;
    ``is_only_scope`` says that nothing else is asked. Matches are of anchors ``a`` that
    meet ``anchors`` (SQL and its parameters), as are some others: what a search reads.
    ``asked`` is the same as JSON of the wire, for whoever wants to ask it again; None
    where it has no words there.
    """

    sql: str
    params: tuple[Any, ...]
    scope: Scope
    is_only_scope: bool = False
    asked: JsonDict | None = None
    anchors: tuple[str, tuple[Any, ...]] = ("true", ())


@dataclass(frozen=True, slots=True)
class Visibility:
    """Which states and expiries a read shows; ``as_of`` is a known-time instant."""

    show_expired: bool = False
    latest_only: bool = False
    include_merged: bool = False
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A validated search. ``threshold`` 0..1 gates relevance; 0 shows everything."""

    query: str
    filters: Filters
    top_k: int = 10
    threshold: float = 0.1
    visibility: Visibility = Visibility()
    rerank: bool = False
    keyword_search: bool = False
    reference: datetime | None = None


@dataclass(frozen=True, slots=True)
class MemoryView:
    """A memory as a reader sees it, now or ``as_of``."""

    id: UUID
    text: str
    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None
    metadata: JsonDict | None
    categories: tuple[str, ...] | None
    state: State
    kind: str
    attributed_to: str
    is_immutable: bool
    is_stale_suspect: bool
    confidence: float
    number: int
    expires_on: date | None
    created_at: datetime
    updated_at: datetime
    known_from: datetime
    valid_from: datetime | None
    valid_to: datetime | None
    replaced_by: UUID | None
    text_hash: str | None
    valid_precision: Precision | None = None
    recurs: str | None = None
    aspect: Aspect | None = None


@dataclass(frozen=True, slots=True)
class Uses:
    """How often a memory was found, and when last."""

    count: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A found memory, its relevance (0..1) and what each leg gave it."""

    memory: MemoryView
    score: float
    signals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event of a memory with the texts around it, and its cause.

    ``was_gone`` says that the memory was deleted or retired until then.
    """

    id: UUID
    memory_id: UUID
    kind: str
    old_text: str | None
    new_text: str | None
    at: datetime
    actor_kind: str
    actor_id: UUID | None
    reason: str
    related_memory_id: UUID | None
    operation_id: UUID | None
    message_ids: tuple[UUID, ...]
    messages: tuple[ChatMessage, ...]
    prompt_version_id: UUID | None
    engine: str | None
    model: str | None
    metadata: JsonDict | None
    categories: tuple[str, ...] | None
    scope: Scope
    was_gone: bool = False


@dataclass(frozen=True, slots=True)
class Page[Item]:
    """One page of a list; ``count`` is the total of all pages."""

    items: tuple[Item, ...]
    count: int
    number: int
    size: int

    @property
    def has_next(self) -> bool:
        return self.number * self.size < self.count

    @property
    def next(self) -> int:
        return self.number + 1

    @property
    def previous(self) -> int:
        return self.number - 1
