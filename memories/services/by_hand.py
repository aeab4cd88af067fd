"""What an operator writes: a memory, or the truth that takes the place of one.

It comes in as every add does, with an ingestion and its message, so that it stands in
the queue's order, in the trace and under a delete's barrier; only nobody asks a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.conf import settings

from memories.models import Memory
from memories.providers.vectors import embed_in_spaces
from memories.selectors.projects import ProjectSetup
from memories.services.actors import actor_of, audit_edit
from memories.services.edit import said_already
from memories.services.setup import ready_setup
from memories.store.accept import accept
from memories.store.apply import Plan, apply
from memories.store.batch import ALWAYS, hash_text
from memories.store.operations import Lease
from memories.store.sequence import began_after
from memories.store.succession import may_change, why_untouched
from memories.types import (
    SCOPE_KEYS,
    AddRequest,
    Aspect,
    ChatMessage,
    Decision,
    Fact,
    JsonDict,
    Scope,
    State,
    ValidTime,
    Verdict,
)
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest, NotFound
from memplatform.lib.ids import new_id
from tenants.scopes import tenant_scope
from tenants.selectors import Access

BY_HAND = "by_hand"
"""The engine of such an add, in its ledger and its events."""
NOTE = "system"
"""The role of what an operator writes: the subject has not said it."""
TRUE_EARLIER = "What replaces a memory cannot be true before it: that began on {}."


@dataclass(frozen=True, slots=True)
class Written:
    """What a memory is to say; ``categories`` None leaves them to the background.

    How often it recurs stands in ``valid``; ``aspect`` None: nobody said.
    """

    text: str
    metadata: JsonDict | None = None
    categories: tuple[str, ...] | None = None
    valid: ValidTime = ALWAYS
    expires_on: date | None = None
    aspect: Aspect | None = None


def write_memory(
    access: Access, scope: Scope, written: Written, *, reason: str = ""
) -> UUID:
    """Remember something of a subject; opens its own scopes.

    Raises InvalidRequest for a text that a memory of the scope says already, and
    ProviderError when it cannot be embedded.
    """
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        _refuse_said(scope, _checked(written))
    decision = Decision(Verdict.ADD, _fact(written), reason=reason)
    return _add(access, scope, written, decision)


def supersede_memory(
    access: Access, memory_id: UUID, written: Written, *, reason: str = ""
) -> UUID:
    """End what a memory says by what is true instead; the id of its successor.

    The old one was true until the new one began: ``written.valid.start``, else now.
    Where a memory of the scope says the new words already, that is the successor.
    Opens its own scopes. Raises NotFound, InvalidRequest and ProviderError.
    """
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        head = _target(memory_id, _checked(written))
    scope = Scope(**{key: getattr(head, key) for key in SCOPE_KEYS})
    decision = Decision(Verdict.DELETE, _fact(written, head), memory_id, reason)
    return _add(access, scope, written, decision, replaced=memory_id)


def _add(
    access: Access,
    scope: Scope,
    written: Written,
    decision: Decision,
    *,
    replaced: UUID | None = None,
) -> UUID:
    """Accept and apply in one transaction; the embedder was asked before it."""
    setup = ready_setup(access.tenant_id, access.project_id)
    request = _request(access, scope, written)
    at = clock.now()
    plan = _plan(setup, request, written, decision)
    actor = actor_of(access)
    expires_on = written.expires_on
    options = {"expires_on": expires_on.isoformat()} if expires_on else {}
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        operation = accept(
            setup,
            request,
            actor,
            options=options,
            at=at,
            is_running=True,
        )
        lease = Lease(operation.id, operation.lease_token)
        apply(lease, plan, accept_stale=True)
        head = _said(scope, written.text)
        if head is None:
            raise InvalidRequest("This was deleted meanwhile; look again.")
        changed = [head]
        if replaced is not None:
            changed.append(_replaced(replaced, head))
        audit_edit(access, "memory.supersede" if replaced else "memory.add", changed)
    return head.id


def _checked(written: Written) -> Written:
    most = settings.MAX_MESSAGE_CHARS
    problems = {}
    if not written.text.strip() or len(written.text) > most or "\0" in written.text:
        problems["text"] = [f"A memory has 1 to {most} characters."]
    start, end = written.valid.start, written.valid.end
    if start and end and end < start:
        problems["valid_to"] = ["It cannot end before it begins."]
    if problems:
        raise InvalidRequest(next(iter(problems.values()))[0], fields=problems)
    return written


def _target(memory_id: UUID, written: Written) -> Memory:
    """The memory to be replaced, which may be; call inside a scope."""
    head = Memory.objects.filter(id=memory_id, text__isnull=False).first()
    if head is None:
        raise NotFound("Memory not found!")
    if not may_change(head):
        why = why_untouched(head).removeprefix("its target is ")
        raise InvalidRequest(f"This memory is {why}; it cannot be superseded.")
    if head.text == written.text:
        message = "This is what the memory says already."
        raise InvalidRequest(message, fields={"text": [message]})
    if began := began_after(written.valid.start, clock.now(), head, written.aspect):
        message = TRUE_EARLIER.format(f"{began:%-d %B %Y}")
        raise InvalidRequest(message, fields={"valid_from": [message]})
    return head


def _fact(written: Written, replaced: Memory | None = None) -> Fact:
    """What it says, of whom the replaced one spoke."""
    is_agents = replaced is not None and replaced.attributed_to == "agent"
    return Fact(
        text=written.text,
        messages=(0,),
        attributed_to="agent" if is_agents else "user",
        categories=written.categories,
        valid=written.valid,
        aspect=written.aspect,
    )


def _request(access: Access, scope: Scope, written: Written) -> AddRequest:
    note = ChatMessage(NOTE, written.text, name=access.operator_email, id=new_id())
    return AddRequest(scope, (note,), infer=False, metadata=written.metadata)


def _plan(
    setup: ProjectSetup, request: AddRequest, written: Written, decision: Decision
) -> Plan:
    """Embeds; never inside a transaction."""
    texts = [written.text]
    vectors = embed_in_spaces(setup.hurried_embedders, texts, building=setup.building)
    return Plan(
        scope=request.scope,
        message_ids=tuple(message.id for message in request.messages if message.id),
        decisions=(decision,),
        dropped=(),
        known={},
        vectors=dict(zip(texts, vectors, strict=True)),
        engine=BY_HAND,
        model=None,
        prompt_version_id=None,
        language=setup.text_config,
        created_at=clock.now(),
        origin=Memory.Origin.CONSOLE,
    )


def _said(scope: Scope, text: str) -> Memory | None:
    """The active memory of the very scope in these words."""
    return Memory.objects.filter(
        text_hash=hash_text(text), state=State.ACTIVE, **scope.as_dict()
    ).first()


def _refuse_said(scope: Scope, written: Written) -> None:
    twin = _said(scope, written.text)
    if twin is not None:
        message = said_already(twin.id)
        raise InvalidRequest(message, fields={"text": [message]})


def _replaced(memory_id: UUID, successor: Memory) -> Memory:
    """The old one; raises InvalidRequest where somebody was faster."""
    old = Memory.objects.get(id=memory_id)
    if old.replaced_by_id != successor.id:
        raise InvalidRequest("This memory was changed meanwhile; look again.")
    return old
