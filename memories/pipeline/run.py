"""The story of an add: recall, decide, embed, apply.

No transaction is open while a model or an embedder is asked; everything written is one
transaction in the store. A head that changed meanwhile sends the story back to the
start, twice at most (decision 19).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from memories.models import Ingestion
from memories.pipeline.asking import Heartbeat, Record, no_heartbeat
from memories.pipeline.choose import build_engine
from memories.pipeline.gate import hold_doubtful
from memories.pipeline.passages import Brought, Passages, spread
from memories.pipeline.relate import Named, Where, read_names, relate
from memories.pipeline.relearning import mask_recalled
from memories.pipeline.together import Share, divide, said_at, share_out
from memories.pipeline.verbatim import plan_verbatim
from memories.providers.base import Embedder
from memories.providers.vectors import SpaceVectors, embed_in_spaces, head_of
from memories.selectors import recall
from memories.selectors.bursts import Follower
from memories.selectors.projects import ProjectSetup
from memories.selectors.sources import UNKNOWN, Source, source_of
from memories.store import operations
from memories.store.apply import Applied, Plan, StaleContext, apply_together
from memories.store.operations import Lease
from memories.store.windows import HEARD_ROLES, Heard
from memories.types import (
    SCOPE_KEYS,
    ChatMessage,
    Context,
    EngineOptions,
    EngineResult,
    KnownMemory,
    ModelCall,
    Scope,
)
from memplatform.lib import clock
from tenants.scopes import tenant_scope

DECISIONS = 3
"""The first, and at most two again (decision 19)."""
GUARD_MEMORIES = 30
"""How many near memories the re-learning guard compares with."""
FRESH_PART = 0.005
"""A lease of which no more is gone is not renewed: a quick add needs no query."""


@dataclass(slots=True)
class LeaseKeeper:
    """Renews the lease of an add from one model call to the next.

    An add makes several, and one alone may take nearly as long as a lease.
    """

    setup: ProjectSetup
    lease: Lease
    until: datetime

    def __call__(self) -> None:
        """Renew it unless that was just done; LeaseLost when it is another's by now."""
        fresh = timedelta(seconds=settings.LEASE_S * (1 - FRESH_PART))
        if self.until - clock.now() >= fresh:
            return
        with tenant_scope(self.setup.tenant_id, project_id=self.setup.project_id):
            operation = operations.hold(self.lease)
            self.until = operations.renew(operation, lease_s=settings.LEASE_S)


@dataclass(frozen=True, slots=True)
class Add:
    """One add with everything read that its decision needs.

    Those behind it that are decided with it have their ``shares`` in ``messages``, the
    claimed one the first. ``unsummarized`` counts the turns since the rolling summary,
    with these.

    Without a lease it is a shadow: decided, and never applied. ``as_of`` is the instant
    whose memories it recalls; None: those of now.
    """

    setup: ProjectSetup
    ingestion: Ingestion
    scope: Scope
    messages: tuple[ChatMessage, ...]
    recent: tuple[ChatMessage, ...]
    summary: str | None
    unsummarized: int
    created_at: datetime
    shares: tuple[Share, ...]
    brought: tuple[Brought, ...] = ()
    source: Source = UNKNOWN
    lease: Lease | None = None
    keep_lease: Heartbeat = no_heartbeat
    as_of: datetime | None = None

    @property
    def is_shadow(self) -> bool:
        return self.lease is None


@dataclass(slots=True)
class Recalled:
    """What was recalled for an add so far; engines ask through ``for_texts``."""

    add: Add
    embedder: Embedder
    space_id: UUID
    known: dict[UUID, KnownMemory] = field(default_factory=dict)
    vectors: dict[str, SpaceVectors] = field(default_factory=dict)
    heads: dict[str, SpaceVectors] = field(default_factory=dict)

    def for_texts(self, texts: Sequence[str]) -> list[list[KnownMemory]]:
        """The nearest memories of the anchor for each text; embeds, then reads."""
        most = self.add.setup.settings.recalled_memories
        return self._nearest(texts, most)

    def for_messages(self, messages: Sequence[ChatMessage]) -> list[KnownMemory]:
        """The nearest memories of the anchor for the whole exchange, nearest first."""
        texts = [message.content for message in messages if message.content.strip()]
        most = max(GUARD_MEMORIES, self.add.setup.settings.recalled_memories)
        found = self._nearest(texts, most)
        best: dict[UUID, KnownMemory] = {}
        for memory in (memory for row in found for memory in row):
            seen = best.get(memory.id)
            if seen is None or memory.similarity > seen.similarity:
                best[memory.id] = memory
        return sorted(best.values(), key=lambda memory: -memory.similarity)

    def _nearest(self, texts: Sequence[str], most: int) -> list[list[KnownMemory]]:
        self.add.keep_lease()
        heads = [head_of(text, self.embedder.max_tokens) for text in texts]
        vectors = self.embedder.embed(heads)
        for text, head, vector in zip(texts, heads, vectors, strict=True):
            self.heads[text] = {self.space_id: vector[None, :]}
            if head == text:
                self.vectors[text] = self.heads[text]
        add = self.add
        with tenant_scope(add.setup.tenant_id, project_id=add.setup.project_id):
            found = recall.nearest(
                add.ingestion.anchor_id,
                self.space_id,
                vectors,
                most=most,
                accepted_at=add.ingestion.accepted_at,
                as_of=add.as_of,
            )
        self.known |= {memory.id: memory for row in found for memory in row}
        return found


def run_add(add: Add, calls: list[ModelCall]) -> Applied:
    """Process one claimed add, and those decided with it, to the end of all.

    Opens its own scopes; answers what became of the claimed one.

    ``calls`` collects what models were asked, also when this raises: ProviderError, or
    LeaseLost when another runner took over.
    """
    if not add.ingestion.infer:
        plan = plan_verbatim(
            *(add.setup, add.scope, add.messages, add.created_at),
            kind=engine_options(add).memory_type,
            source=add.source,
        )
        return _apply(add, plan, accept_stale=True)
    for remaining in reversed(range(DECISIONS)):
        plan = decide_add(add, calls)
        try:
            return _apply(add, plan, accept_stale=remaining == 0)
        except StaleContext:
            continue
    raise AssertionError("the last decision accepts what is stale")


def read_add(
    setup: ProjectSetup,
    lease: Lease,
    ingestion: Ingestion,
    followers: Sequence[Follower] = (),
) -> Add:
    """Everything a run needs to know of its add; call inside the tenant's scope."""
    until = ingestion.operation.lease_until or clock.now()
    keeper = LeaseKeeper(setup, lease, until)
    return replace(_read(setup, ingestion, followers), lease=lease, keep_lease=keeper)


def read_past_add(
    setup: ProjectSetup,
    ingestion: Ingestion,
    followers: Sequence[Follower] = (),
    *,
    as_of: datetime,
) -> Add:
    """The same of an add that ended long ago, as a shadow of its run.

    It recalls what was known at ``as_of``. Of the rolling summary only the newest text
    is kept: one that tells of these messages, or later ones, is left out.
    """
    add = _read(setup, ingestion, followers)
    was_there = add.unsummarized >= len(add.messages)
    return replace(add, as_of=as_of, summary=add.summary if was_there else None)


def _read(
    setup: ProjectSetup, ingestion: Ingestion, followers: Sequence[Follower]
) -> Add:
    said = recall.read_said(ingestion, recent=setup.settings.recent_messages)
    operation = ingestion.operation
    later = tuple(message for follower in followers for message in follower.messages)
    counts = [(ingestion, len(said.messages))]
    counts += [(follower.ingestion, len(follower.messages)) for follower in followers]
    scope = Scope(**{key: getattr(operation, key) for key in SCOPE_KEYS})
    return Add(
        setup=setup,
        ingestion=ingestion,
        scope=scope,
        messages=said.messages + later,
        recent=said.recent,
        summary=said.summary,
        unsummarized=said.unsummarized + len(later),
        created_at=said_at(ingestion),
        shares=share_out(counts),
        source=source_of(
            setup.settings,
            scope,
            key_id=operation.api_key_id,
            operator_id=operation.operator_id,
        ),
    )


def decide_add(add: Add, calls: list[ModelCall]) -> Plan:
    """Ask the engine what is worth remembering, and embed what it wants stored.

    Writes nothing, so that a shadow of the add is decided as the add was; its facts are
    not embedded. Opens its own scopes; raises ProviderError.
    """
    asked_before = len(calls)
    space = add.setup.active_space
    if space is None:
        raise AssertionError("a ready project has an active space")
    recalled = Recalled(add, add.setup.embedders[space.id], space.id)
    passages = spread(add.messages, add.brought)
    near = recalled.for_messages(passages.messages)
    read, emptied = mask_recalled(passages.messages, [memory.text for memory in near])
    engine = build_engine(
        add.setup, recalled.embedder, record_of(add, calls), add.keep_lease
    )
    context = Context(
        summary=add.summary,
        recent=add.recent,
        memories=tuple(near[: add.setup.settings.recalled_memories]),
        most_recent=add.setup.settings.recent_messages,
    )
    options = engine_options(add)
    result = passages.trace(engine.decide(read, context, options, recalled.for_texts))
    spoken = calls[asked_before:]
    named = _names_in(add, recalled, options, result)
    vectors = {} if add.is_shadow else _vectors_of(add, recalled, result, named)
    return Plan(
        scope=add.scope,
        message_ids=tuple(message.id for message in add.messages if message.id),
        decisions=hold_doubtful(
            result.decisions, add.messages, add.setup.settings, add.source
        ),
        dropped=result.dropped,
        known=recalled.known,
        vectors=vectors,
        engine=engine.name,
        model=spoken[-1].model if spoken else None,
        prompt_version_id=spoken[0].prompt_version_id if spoken else None,
        language=add.setup.text_config,
        created_at=add.created_at,
        calls=tuple(calls),
        recalled=tuple(passages.all_of(emptied)),
        unread=_unread(add.messages),
        heard=_heard(passages, recalled),
        links=relate(named, vectors, options.ontology),
    )


def _names_in(
    add: Add, recalled: Recalled, options: EngineOptions, result: EngineResult
) -> Named:
    """What the facts that may be stored name; of a shadow nothing."""
    setup = add.setup
    anchor_id = add.ingestion.anchor_id
    where = Where(setup.tenant_id, setup.project_id, anchor_id, recalled.space_id)
    if add.is_shadow or not options.with_graph:
        return Named(where)
    return read_names(where, [d.fact for d in result.decisions if d.fact])


def record_of(add: Add, calls: list[ModelCall]) -> Record:
    """Into ``calls``; without what was said, where the project keeps none of it."""
    if add.setup.settings.keep_model_texts:
        return calls.append
    return lambda call: calls.append(replace(call, request=(), reply="", error=""))


def _heard(passages: Passages, recalled: Recalled) -> Mapping[UUID, Heard]:
    """Every message's own words, with the vector that recall asked with.

    A space that is being filled gets its vectors with the rest of what was said.
    """
    return {
        message.id: Heard(message.content, recalled.heads[message.content])
        for message, page in zip(passages.messages, passages.pages, strict=True)
        if message.id
        and page is None
        and message.role in HEARD_ROLES
        and message.content in recalled.heads
    }


def _unread(messages: Sequence[ChatMessage]) -> dict[int, str]:
    return {
        position: "empty"
        for position, message in enumerate(messages)
        if not message.content.strip()
    }


def _vectors_of(
    add: Add, recalled: Recalled, result: EngineResult, named: Named
) -> Mapping[str, SpaceVectors]:
    """Vectors of every fact, and of every name that is new, in every written space;
    what recall embedded is reused."""
    texts = dict.fromkeys(d.fact.text for d in result.decisions if d.fact)
    texts |= dict.fromkeys(named.new.values())
    if set(add.setup.embedders) == {recalled.space_id}:
        known = {
            text: recalled.vectors[text] for text in texts & recalled.vectors.keys()
        }
    else:
        known = {}
    missing = [text for text in texts if text not in known]
    add.keep_lease()
    embedded = embed_in_spaces(
        add.setup.embedders, missing, building=add.setup.building
    )
    return known | dict(zip(missing, embedded, strict=True))


def engine_options(add: Add) -> EngineOptions:
    """The project's settings with this call's overrides over them."""
    settings, given = add.setup.settings, add.ingestion.options
    has_agent = add.scope.agent_id is not None
    of_agent = given.get("agent_instructions", settings.agent_instructions)
    reference = given.get("reference")
    return EngineOptions(
        reference=(datetime.fromisoformat(reference) if reference else add.created_at),
        timezone=given.get("timezone", add.setup.timezone),
        subject="agent" if has_agent and add.scope.user_id is None else "user",
        memory_type=(
            "procedure" if add.ingestion.memory_type == "procedure" else "fact"
        ),
        instructions=given.get("instructions", settings.instructions),
        agent_instructions=of_agent if has_agent else "",
        categories=given.get("categories", settings.categories),
        includes=given.get("includes", settings.includes),
        excludes=given.get("excludes", settings.excludes),
        usecase=add.setup.client.usecase,
        depth=add.setup.client.memory_depth,
        with_graph=given.get("with_graph", settings.with_graph),
        flag_instructions=settings.review_instructions,
        ontology=settings.ontology,
    )


def _apply(add: Add, plan: Plan, *, accept_stale: bool) -> Applied:
    if add.lease is None:
        raise AssertionError("a shadow is never applied")
    plans = divide(plan, add.shares)
    with tenant_scope(add.setup.tenant_id, project_id=add.setup.project_id):
        return apply_together(add.lease, plans, accept_stale=accept_stale)[0]
