"""Look for patterns among memories, in the background, where a project wants it.

An anchor is looked at once enough of its memories are new, in an operation of kind
SYNTHESIZE: a model is asked, or rules group them, with no transaction open; what came
of it is written under the anchor's lock. Patterns that no longer rest on what they were
made from are doubted or retired by the sweep (ADR 621).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from django.conf import settings

from memories import wake
from memories.models import Anchor, Memory, MemoryEvent, Operation
from memories.models.ingestion import UNFINISHED
from memories.pipeline.asking import Asker
from memories.pipeline.gate import concerns_about
from memories.pipeline.local.patterns import find_by_rules
from memories.pipeline.patterns import (
    FEWEST_SOURCES,
    find_by_model,
    settle,
)
from memories.prompts import get_prompt
from memories.providers.base import Chat
from memories.providers.factory import LOCAL
from memories.providers.vectors import SpaceVectors, embed_in_spaces
from memories.selectors.due import due_ids
from memories.selectors.patterns import PatternGround, count_held, read_ground
from memories.selectors.projects import ProjectSetup
from memories.selectors.sources import Source
from memories.services.setup import ready_setup
from memories.store import barriers, operations
from memories.store.apply import record_calls
from memories.store.batch import Batch, Cause, Revision
from memories.store.operations import Lease
from memories.store.patterns import Written, mark_suspect, write_patterns
from memories.types import (
    Concern,
    EngineOptions,
    ModelCall,
    OperationResult,
    ProposedPattern,
    SettledPattern,
    State,
)
from memplatform.lib import clock
from tenants.scopes import OpenScope, tenant_scope

ENOUGH = 20
"""New memories of an anchor, since the last look."""
MOST_MEMORIES = 500
MOST_ANCHORS = 100
MOST_DOUBTS = 500
PAUSE = timedelta(minutes=1)
"""Between two looks at an anchor, whatever the settings say: two beats at once."""
MODEL, RULES = "model", "rules"
GONE = "fewer than three of the memories it rests on are left"
CHANGED = "a memory it rests on is gone or says something else"


def look_for_patterns() -> int:
    """Ask for a look wherever enough is new; returns how many."""
    due = due_ids("due_patterns", clock.now(), ENOUGH, MOST_ANCHORS)
    return sum(
        start_look(tenant_id, anchor_id)
        for tenant_id, anchor_ids in due.items()
        for anchor_id in anchor_ids
    )


def start_look(tenant_id: UUID, anchor_id: UUID) -> bool:
    """Accept a look at an anchor; False when another beat was faster."""
    now = clock.now()
    with tenant_scope(tenant_id):
        found = Anchor.objects.select_for_update(no_key=True).filter(id=anchor_id)
        anchor = found.first()
        if anchor is None or _is_asked(anchor):
            return False
        operation = Operation.objects.create(
            project_id=anchor.project_id,
            kind=Operation.Kind.SYNTHESIZE,
            user_id=anchor.user_id,
            agent_id=anchor.agent_id,
            app_id=anchor.app_id,
            anchor=anchor,
            woken_at=now,
            created_at=now,
            updated_at=now,
        )
        found.update(patterns_asked_at=now)
        wake.after_commit(wake.RUN_OPERATION, tenant_id, operation.id)
    return True


def _is_asked(anchor: Anchor) -> bool:
    asked_at = anchor.patterns_asked_at
    looks = Operation.objects.filter(
        anchor=anchor, kind=Operation.Kind.SYNTHESIZE, status__in=UNFINISHED
    )
    is_just_asked = asked_at is not None and asked_at > clock.now() - PAUSE
    return is_just_asked or looks.exists()


def run_synthesis(operation: Operation, lease: Lease, calls: list[ModelCall]) -> None:
    """Look for patterns and write those that are new. Raises ProviderError."""
    setup = ready_setup(operation.tenant_id, operation.project_id)
    look = _Look(operation, lease, setup, calls)
    with look.scope():
        anchor_id = operation.anchor_id
        ground = read_ground(anchor_id, most=MOST_MEMORIES) if anchor_id else None
    settled = settle(look.find(ground), ground.patterns) if ground else []
    vectors = _embed(setup, settled)
    with look.scope():
        look.write(ground, settled, vectors)


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at an anchor, which runs under its lease."""

    operation: Operation
    lease: Lease
    setup: ProjectSetup
    calls: list[ModelCall]

    @property
    def chat(self) -> Chat | None:
        """The model that is asked; None: rules find them."""
        return None if self.setup.engine == LOCAL else self.setup.chat

    def scope(self) -> AbstractContextManager[OpenScope]:
        return tenant_scope(
            self.operation.tenant_id, project_id=self.operation.project_id
        )

    def find(self, ground: PatternGround) -> list[ProposedPattern]:
        """By the model or by rules; nothing where the project wants none any more."""
        is_wanted = self.setup.settings.patterns_enabled
        if not is_wanted or len(ground.memories) < FEWEST_SOURCES:
            return []
        if self.chat is None:
            return find_by_rules(ground.memories, self.setup.timezone)
        kept = self.setup.settings
        options = EngineOptions(
            reference=clock.now(),
            timezone=self.setup.timezone,
            instructions=kept.instructions,
            includes=kept.includes,
            excludes=kept.excludes,
        )
        asker = Asker(self.chat, self.calls.append, self._renew)
        return find_by_model(asker, self.setup.prompts, ground.memories, options)

    def _renew(self) -> None:
        """Before every request: a lease outlasts one call, not several."""
        with self.scope():
            held = operations.hold(self.lease)
            operations.renew(held, lease_s=settings.LEASE_S)

    def write(
        self,
        ground: PatternGround | None,
        settled: Sequence[SettledPattern],
        vectors: Mapping[str, SpaceVectors],
    ) -> None:
        """Under the locks, in the order of an add's: deletes, anchor, operation."""
        operation = self.operation
        barriers.pass_barriers(operation.project_id)
        batch = Batch.open(operation.project_id, [ground.anchor.id] if ground else [])
        held = operations.hold(self.lease)
        results: tuple[OperationResult, ...] = ()
        if ground is not None:
            written = Written(
                self._cause(),
                vectors,
                self._language,
                self._made_by,
                concerns={text: self._concerns(text) for text in vectors},
            )
            results = write_patterns(batch, ground, settled, written)
        record_calls(held.project_id, held.id, self._kept_calls())
        operations.succeed(held, results)

    def _concerns(self, text: str) -> tuple[Concern, ...]:
        """What the project wants reviewed: a pattern comes in by the gate, too."""
        source = Source(self.operation.app_id)
        return concerns_about(text, self.setup.settings, source)

    @property
    def _language(self) -> str:
        """Rules write English; a model the language of the memories."""
        return self.setup.text_config if self.chat else "english"

    @property
    def _made_by(self) -> str:
        return MODEL if self.chat else RULES

    def _cause(self) -> Cause:
        prompt = get_prompt(self.setup.prompts, "patterns")
        return Cause(
            actor_kind=MemoryEvent.ActorKind.ENGINE,
            operation_id=self.operation.id,
            prompt_version_id=prompt.version_id if self.chat else None,
            engine=self.setup.engine,
            model=self.chat.model if self.chat else None,
        )

    def _kept_calls(self) -> Sequence[ModelCall]:
        """Without their texts where the project keeps none."""
        if self.setup.settings.keep_model_texts:
            return self.calls
        return [replace(call, request=(), reply="") for call in self.calls]


def _embed(
    setup: ProjectSetup, settled: Sequence[SettledPattern]
) -> dict[str, SpaceVectors]:
    """By text; never inside a transaction."""
    texts = list(dict.fromkeys(one.pattern.text for one in settled))
    vectors = embed_in_spaces(setup.embedders, texts, building=setup.building)
    return dict(zip(texts, vectors, strict=True))


def doubt_patterns() -> int:
    """Retire or mark patterns whose sources are gone or changed; returns how many."""
    due = due_ids("due_doubts", FEWEST_SOURCES, MOST_DOUBTS)
    return sum(
        doubt_pattern(tenant_id, pattern_id)
        for tenant_id, pattern_ids in due.items()
        for pattern_id in pattern_ids
    )


def doubt_pattern(tenant_id: UUID, pattern_id: UUID) -> bool:
    """Look at one again, under its anchor's lock; whether anything became of it."""
    with tenant_scope(tenant_id):
        found = Memory.objects.filter(id=pattern_id).first()
        if found is None:
            return False
        batch = Batch.open(found.project_id, [found.anchor_id])
        pattern = Memory.objects.get(id=pattern_id)
        if pattern.state != State.ACTIVE or pattern.is_immutable:
            return False
        sources, held = count_held(pattern_id)
        cause = Cause(actor_kind=MemoryEvent.ActorKind.SYSTEM)
        if held < min(sources, FEWEST_SOURCES):
            over = Revision(state=State.RETIRED)
            kind = MemoryEvent.Kind.RETIRE
            batch.revise(pattern, kind, over, cause.because(GONE))
        elif held < sources and not pattern.is_stale_suspect:
            mark_suspect(batch, pattern, cause.because(CHANGED))
        else:
            return False
        batch.flush()
    return True
