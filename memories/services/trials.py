"""Try a prompt before it is published: decide adds once more, and store nothing.

A dry run is of a pasted conversation or of some recorded adds, and is answered at once;
what is kept of it are the tokens that it took, and the audit. A recorded add is decided
as a shadow of its run: by the same engine, with the project's settings of today, and
with the memories that were known just before it had its effect. (A pasted conversation
recalls what is known now.) Prompts that are not tried are the published ones.

No transaction is open while a model is asked.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NoReturn
from uuid import UUID

from memories.models import (
    Anchor,
    Ingestion,
    PromptDraft,
    PromptTemplate,
    Subject,
)
from memories.pipeline.asking import Heartbeat, no_heartbeat
from memories.pipeline.compare import (
    Difference,
    Pair,
    compare,
    difference_of,
    settled_by,
)
from memories.pipeline.conversation import read_conversation
from memories.pipeline.prompt_sections import check_prompt
from memories.pipeline.run import Add, decide_add, read_past_add
from memories.pipeline.together import divide, share_out
from memories.prompts.purposes import PURPOSES, Purpose
from memories.providers.factory import LOCAL
from memories.selectors.projects import ProjectSetup
from memories.selectors.prompts import get_template, get_version
from memories.selectors.trials import (
    PastBurst,
    get_past_burst,
    recorded_adds,
    settled_then,
)
from memories.services.attachments import with_pages
from memories.services.setup import ready_setup
from memories.services.usage import count_tokens_of
from memories.store.apply import Plan, record_calls
from memories.types import ChatMessage, ModelCall, PromptText, Scope, Settled
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest, NotFound, ProviderError
from memplatform.lib.meter import metered
from tenants import quotas
from tenants.audit import Actor, record_audit
from tenants.models import Project, Tenant
from tenants.scopes import tenant_scope
from tenants.selectors import Access

MAX_PASTED_CHARS = 20_000
MAX_DRY_RUN = 5
"""Recorded adds of one dry run: somebody waits for it."""
PATIENCE_S = 45.0
"""After which a dry run begins with no further add."""
DRY_RUN = "dry_run"
NOT_TRIED = "This prompt has no part in what an add comes to, so a trial shows nothing."


@dataclass(frozen=True, slots=True)
class Cost:
    """What models took; ``money`` None: the provider has no price."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    model_calls: int = 0
    money: Decimal | None = None

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Tried:
    """One add that was decided once more. ``pairs`` is empty when it failed.

    ``then`` None: it was never a real add. ``operation_id`` is the recorded one's.
    """

    messages: tuple[ChatMessage, ...]
    now: tuple[Settled, ...] = ()
    then: tuple[Settled, ...] | None = None
    pairs: tuple[Pair, ...] = ()
    operation_id: UUID | None = None
    error: str = ""

    @property
    def difference(self) -> Difference | None:
        """None where there is nothing to compare with."""
        if self.then is None or self.error:
            return None
        return difference_of(self.pairs)


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a dry run shows; ``engine`` is the one that decided."""

    purpose: Purpose
    engine: str
    model: str | None
    tried: tuple[Tried, ...]
    cost: Cost
    left_out: int = 0

    @property
    def is_by_rules(self) -> bool:
        """No model was asked, so no prompt was spoken."""
        return self.engine == LOCAL


@dataclass(slots=True)
class Shadow:
    """A prompt on trial in a project, and what it has taken so far."""

    setup: ProjectSetup
    purpose: Purpose
    heartbeat: Heartbeat = no_heartbeat
    calls: list[ModelCall] = field(default_factory=list)

    def decide(self, add: Add) -> Plan:
        """What would be done; raises ProviderError."""
        return decide_add(replace(add, keep_lease=self.heartbeat), self.calls)

    def decide_past(self, burst: PastBurst) -> dict[UUID, tuple[Settled, ...]]:
        """What each add of a burst would come to, by ingestion; raises ProviderError.

        Opens its own scopes.
        """
        add = self.read(burst)
        plans = divide(self.decide(add), add.shares)
        return {
            share.ingestion.id: settled_by(plans[share.operation_id])
            for share in add.shares
        }

    def read(self, burst: PastBurst) -> Add:
        setup = self.setup
        with tenant_scope(setup.tenant_id, project_id=setup.project_id):
            add = read_past_add(setup, burst.leader, burst.followers, as_of=burst.as_of)
            return with_pages(add)


def shadow_setup(
    setup: ProjectSetup, purpose: Purpose, prompt: PromptText
) -> ProjectSetup:
    """The project as it would be with this prompt: its engine is one that speaks it.

    Where the project works by rules it stays so: no prompt is spoken there.
    """
    engine = setup.engine
    if engine != LOCAL and purpose.engine:
        engine = purpose.engine
    return replace(
        setup,
        prompts={**setup.prompts, purpose.name: prompt},
        settings=replace(setup.settings, engine=engine),
        canaries={},
    )


# --- dry runs -----------------------------------------------------------------------


def dry_run_text(
    access: Access,
    purpose: str,
    said: str,
    *,
    number: int | None = None,
    subject: str = "",
) -> DryRun:
    """What a version, or the draft (None), would make of a pasted conversation.

    With ``subject``, the name of a user or agent, what is known of them now is
    recalled. Raises InvalidRequest, NotFound, QuotaExceeded and ProviderError.
    """
    messages = read_conversation(said)
    if not messages:
        _refuse("said", "Paste a conversation: at least one message.")
    if len(said) > MAX_PASTED_CHARS:
        _refuse("said", f"Paste {MAX_PASTED_CHARS:,} characters at most.")
    shadow = open_shadow(access, purpose, number)
    add = _pasted_add(shadow, messages, subject.strip())
    with metered() as meter:
        try:
            plan = shadow.decide(add)
        finally:
            cost = _account(access, shadow, DRY_RUN, meter.tokens, adds=1)
    tried = Tried(messages, now=settled_by(plan))
    return _dry_run(shadow, [tried], cost)


def dry_run_recorded(
    access: Access,
    purpose: str,
    ingestion_ids: Sequence[UUID],
    *,
    number: int | None = None,
) -> DryRun:
    """What a version, or the draft (None), would have made of recorded adds.

    Each stands beside what came of it. Raises as :func:`dry_run_text`; an add that the
    model fails at says so, and the others are tried.
    """
    if not ingestion_ids:
        _refuse("adds", "Choose at least one recorded add.")
    wanted = list(dict.fromkeys(ingestion_ids))[:MAX_DRY_RUN]
    shadow = open_shadow(access, purpose, number)
    tried: list[Tried] = []
    until = time.monotonic() + PATIENCE_S
    with metered() as meter:
        try:
            for ingestion_id in wanted:
                if tried and time.monotonic() > until:
                    break
                tried.append(_try_again(shadow, ingestion_id))
        finally:
            cost = _account(access, shadow, DRY_RUN, meter.tokens, adds=len(tried))
    return _dry_run(shadow, tried, cost, left_out=len(wanted) - len(tried))


def open_shadow(access: Access, purpose: str, number: int | None) -> Shadow:
    """A version, or the draft, ready to be tried; opens its own scopes.

    Raises NotFound, InvalidRequest for a prompt that a trial shows nothing of, and
    QuotaExceeded when the tokens of the month are used up.
    """
    setup = ready_setup(access.tenant_id, access.project_id)
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        template = get_template(purpose)
        prompt = _prompt_of(template, number)
    if not PURPOSES[purpose].is_decisive:
        _refuse("version", NOT_TRIED)
    require_tokens(access)
    named = PURPOSES[purpose]
    return Shadow(shadow_setup(setup, named, prompt), named)


def require_tokens(access: Access) -> None:
    """Raises QuotaExceeded when the tokens of the month are used up. No scope open."""
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        limits = Tenant.objects.get(id=access.tenant_id).limits
        own = Project.objects.get(id=access.project_id).limits or {}
    quotas.spend(replace(access, limits=limits, project_limits=own), DRY_RUN)


def cost_of(calls: Sequence[ModelCall]) -> Cost:
    """What calls took, in money where their provider has prices."""
    paid = [call.cost for call in calls if call.cost is not None]
    return Cost(
        prompt_tokens=sum(call.prompt_tokens for call in calls),
        completion_tokens=sum(call.completion_tokens for call in calls),
        model_calls=len(calls),
        money=sum(paid, Decimal()) if paid else None,
    )


# --- parts --------------------------------------------------------------------------


def _prompt_of(template: PromptTemplate, number: int | None) -> PromptText:
    """A draft has no id to be named by: its text may be another tomorrow."""
    if number is not None:
        version = get_version(template, number)
        return PromptText(template.purpose, version.text, version.id)
    draft = PromptDraft.objects.filter(template=template).first()
    if draft is None:
        raise NotFound("This prompt has no draft.")
    problems = check_prompt(template.purpose, draft.text).problems
    if problems:
        _refuse("text", problems[0])
    return PromptText(template.purpose, draft.text)


def _pasted_add(shadow: Shadow, messages: tuple[ChatMessage, ...], name: str) -> Add:
    setup = shadow.setup
    kind = "agent" if shadow.purpose.hears == "agent" else "user"
    scope = Scope(**{f"{kind}_id": name or "nobody"})
    now = clock.now()
    with tenant_scope(setup.tenant_id, project_id=setup.project_id):
        if name and not Subject.objects.filter(kind=kind, external_id=name).exists():
            _refuse("subject", f"There is no {kind} of this name.")
        user_id, agent_id, app_id = scope.anchor_key
        anchor = Anchor.objects.filter(
            user_id=user_id, agent_id=agent_id, app_id=app_id
        ).first()
        ingestion = Ingestion(
            project_id=setup.project_id,
            anchor=anchor if name else None,
            memory_type="procedure" if shadow.purpose.hears == "procedure" else "fact",
            accepted_at=now,
        )
    said = tuple(replace(message, sent_at=now) for message in messages)
    return Add(
        setup=setup,
        ingestion=ingestion,
        scope=scope,
        messages=said,
        recent=(),
        summary=None,
        unsummarized=len(said),
        created_at=now,
        shares=share_out([(ingestion, len(said))]),
    )


def _try_again(shadow: Shadow, ingestion_id: UUID) -> Tried:
    setup = shadow.setup
    with tenant_scope(setup.tenant_id, project_id=setup.project_id):
        _require_heard(shadow.purpose, ingestion_id)
        burst = get_past_burst(ingestion_id)
        if burst is None:
            return Tried((), error="What was said is no longer kept.")
        mine = next(i for i in burst.ingestions if i.id == ingestion_id)
        then = settled_then([mine])[mine.id]
    tried = Tried(
        _said_in(shadow, burst, mine), then=then, operation_id=mine.operation_id
    )
    try:
        now = shadow.decide_past(burst)[mine.id]
    except ProviderError as exc:
        return replace(tried, error=exc.message)
    return replace(tried, now=now, pairs=compare(then, now))


def _require_heard(purpose: Purpose, ingestion_id: UUID) -> None:
    if not recorded_adds(purpose).filter(id=ingestion_id).exists():
        raise NotFound("There is no such recorded add for this prompt.")


def _said_in(
    shadow: Shadow, burst: PastBurst, mine: Ingestion
) -> tuple[ChatMessage, ...]:
    add = shadow.read(burst)
    (positions,) = (s.positions for s in add.shares if s.ingestion.id == mine.id)
    return tuple(add.messages[position] for position in positions)


def _dry_run(
    shadow: Shadow, tried: Sequence[Tried], cost: Cost, *, left_out: int = 0
) -> DryRun:
    return DryRun(
        purpose=shadow.purpose,
        engine=shadow.setup.engine,
        model=shadow.calls[-1].model if shadow.calls else None,
        tried=tuple(tried),
        cost=cost,
        left_out=left_out,
    )


def _account(
    access: Access, shadow: Shadow, operation: str, embedded: int, *, adds: int
) -> Cost:
    """The tokens are on the project's account; what was said is kept nowhere."""
    calls = shadow.calls
    cost = cost_of(calls)
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        record_calls(access.project_id, None, calls)
        changes = {
            "purpose": [None, shadow.purpose.name],
            "adds": [None, adds],
            "tokens": [None, cost.tokens],
        }
        template = get_template(shadow.purpose.name)
        record_audit(
            "prompt.dry_run", template, actor=Actor.of(access), changes=changes
        )
    payer = (access.tenant_id, access.project_id, access.key_id)
    count_tokens_of(payer, operation, calls, embedding_tokens=embedded)
    return cost


def _refuse(field: str, message: str) -> NoReturn:
    raise InvalidRequest(message, fields={field: [message]})
