"""Memories that may be stale: decided on by the engine's model, or by hand.

Where a project has a model, a sweep asks it about each, with what ended the premise;
where it has none, or the model cannot be reached, the mark stays until somebody looks.
No transaction is open while the model is asked; what changed meanwhile is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, Subquery

from memories.models import Memory, MemoryEvent
from memories.pipeline.redecide import is_over
from memories.providers.base import Chat
from memories.selectors.due import due_ids
from memories.selectors.memories import get_memory
from memories.selectors.projects import ProjectSetup
from memories.services.actors import audit_edit, cause_of
from memories.services.setup import ready_setup
from memories.services.usage import count_tokens_of
from memories.store.apply import record_calls
from memories.store.batch import Batch, Cause, Revision
from memories.store.succession import end_of, may_change
from memories.types import EngineOptions, KnownMemory, MemoryView, ModelCall, State
from memplatform.lib import clock, logs
from memplatform.lib.errors import InvalidRequest, NotFound, ProviderError
from tenants.scopes import tenant_scope
from tenants.selectors import Access

log = logs.get(__name__)

MOST = 20
"""Of a project in one sweep: each is a call."""
MOST_PROJECTS = 500
STILL_SO = "it still holds"


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A marked memory as it is shown, and what is known that made it doubtful."""

    memory: KnownMemory
    news: str
    because: UUID


def redecide_due() -> int:
    """Ask about what is marked in every project with a model; returns how many."""
    return sum(
        redecide(tenant_id, project_id)
        for tenant_id, projects in due_ids("due_suspects", MOST_PROJECTS).items()
        for project_id in projects
    )


def redecide(tenant_id: UUID, project_id: UUID) -> int:
    """Decide on marked memories of a project, oldest mark first; returns how many."""
    setup = ready_setup(tenant_id, project_id)
    if setup.chat is None:
        return 0
    with tenant_scope(tenant_id, project_id=project_id):
        doubts = _doubts(project_id)
    decided = 0
    for doubt in doubts:
        calls: list[ModelCall] = []
        try:
            decided += _redecide(setup, setup.chat, doubt, calls)
        except ProviderError as exc:
            log.warning("suspects postponed", extra={"code": exc.code})
            break
        finally:
            count_tokens_of((tenant_id, project_id, None), "suspects", calls)
    return decided


def confirm_memory(access: Access, memory_id: UUID, *, reason: str = "") -> MemoryView:
    """Somebody has looked: it still holds. Opens its own scope.

    Raises NotFound, and InvalidRequest for a memory that nobody doubts.
    """
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        found = _find(memory_id)
        batch = Batch.open(found.project_id, [found.anchor_id])
        head = _find(memory_id)
        if not head.is_stale_suspect:
            raise InvalidRequest("Nobody doubts this memory.")
        batch.confirm(head, cause_of(access, reason or STILL_SO))
        batch.flush()
        audit_edit(access, "memory.confirm", [head])
        return get_memory(memory_id)


def doubt_again(access: Access, memory_id: UUID, *, reason: str = "") -> MemoryView:
    """Take back that it still holds: what spoke against it does again.

    Opens its own scope. Raises NotFound, and InvalidRequest for a memory that nobody
    ever doubted, or that is doubted already.
    """
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        found = _find(memory_id)
        batch = Batch.open(found.project_id, [found.anchor_id])
        head = _find(memory_id)
        marks = MemoryEvent.objects.filter(memory_id=memory_id, kind="SUSPECT")
        last = marks.order_by("-at").first()
        if head.is_stale_suspect or last is None:
            raise InvalidRequest("There is no doubt to bring back.")
        why = reason or last.reason
        batch.doubt(head, last.related_memory_id, cause_of(access, why))
        batch.flush()
        audit_edit(access, "memory.doubt", [head])
        return get_memory(memory_id)


def _find(memory_id: UUID) -> Memory:
    head = Memory.objects.filter(
        id=memory_id, state=State.ACTIVE, text__isnull=False
    ).first()
    if head is None:
        raise NotFound("Memory not found!")
    return head


def _doubts(project_id: UUID) -> list[_Doubt]:
    """Only those that something is known about which a model could be asked with: what
    else is marked (patterns, what rests on something erased) waits for somebody."""
    marks = MemoryEvent.objects.filter(memory_id=OuterRef("pk"), kind="SUSPECT")
    because = marks.order_by("-at").values("related_memory_id")[:1]
    told = Memory.objects.filter(_HAS_NEWS, id=OuterRef("because"))
    marked = Memory.objects.filter(
        project_id=project_id, is_stale_suspect=True, state=State.ACTIVE
    ).exclude(text=None)
    heads = marked.annotate(because=Subquery(because)).filter(Exists(told))
    found = list(heads.order_by("updated_at", "id")[:MOST])
    premises = Memory.objects.select_related("replaced_by").in_bulk(
        {head.because for head in found}
    )
    return [_doubt(head, premises[head.because]) for head in found]


def _doubt(head: Memory, premise: Memory) -> _Doubt:
    known = KnownMemory(head.id, head.text or "", head.created_at, number=head.number)
    return _Doubt(known, _news(premise), premise.id)


_HAS_NEWS = (
    Q(state=State.ACTIVE, text__isnull=False)
    | Q(~Q(state=State.ACTIVE), replaced_by__text__isnull=False)
    | Q(replaced_by=None, text__isnull=False)
)
"""Of a premise, when :func:`_news` has something to tell."""


def _news(premise: Memory) -> str:
    """What took the place of the premise; else that it is over."""
    if premise.state == State.ACTIVE:
        return premise.text or ""
    if premise.replaced_by_id and premise.replaced_by:
        return str(premise.replaced_by.text or "")
    return f"No longer so: {premise.text}"


def _redecide(
    setup: ProjectSetup, chat: Chat, doubt: _Doubt, calls: list[ModelCall]
) -> bool:
    options = EngineOptions(reference=clock.now(), timezone=setup.timezone)
    is_gone, why = is_over(
        doubt.memory, doubt.news, options, chat, setup.prompts, calls.append
    )
    with tenant_scope(setup.tenant_id, project_id=setup.project_id):
        record_calls(setup.project_id, None, calls)
        return _settle(doubt, is_gone=is_gone, why=why, calls=calls)


def _settle(doubt: _Doubt, *, is_gone: bool, why: str, calls: list[ModelCall]) -> bool:
    """What the model said of the memory, unless that was changed meanwhile."""
    found = Memory.objects.filter(id=doubt.memory.id).first()
    if found is None:
        return False
    batch = Batch.open(found.project_id, [found.anchor_id])
    head = Memory.objects.get(id=found.id)
    if head.number != doubt.memory.number or not head.is_stale_suspect:
        return False
    model = calls[-1].model if calls else None
    cause = Cause(actor_kind="engine", engine="suspects", model=model)
    if is_gone and may_change(head):
        premise = Memory.objects.get(id=doubt.because)
        over = Revision(
            state=State.SUPERSEDED,
            valid_to=end_of(head, premise.valid_to or clock.now()),
            replaced_by_id=premise.replaced_by_id or premise.id,
        )
        batch.revise(head, MemoryEvent.Kind.SUPERSEDE, over, cause.because(why))
    else:
        batch.confirm(head, cause.because(why or STILL_SO))
    batch.flush()
    return True
