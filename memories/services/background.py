"""Work that nobody waits for: sweeps, summaries, expiries.

A sweep learns from ``due_*`` functions which tenants have something due, then opens
each tenant for itself; two beats at once do no harm (decision 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from memories import wake
from memories.models import (
    ConversationSummary,
    IdempotencyRecord,
    Memory,
    MemoryEvent,
    MemoryVersion,
    Message,
)
from memories.models.settings import ProjectSettings
from memories.pipeline.asking import Record
from memories.pipeline.summarize import refresh_summary, summarize_by_rule
from memories.selectors import recall
from memories.selectors.due import due_ids
from memories.selectors.projects import ProjectSetup
from memories.services.archiving import archive_unused
from memories.services.idempotency import KEPT
from memories.services.profiles import start_refresh
from memories.services.projects import purge_what_was_missed
from memories.services.setup import ready_setup
from memories.services.usage import count_tokens_of
from memories.store import compaction, files, operations, retention
from memories.store.apply import record_calls
from memories.store.batch import Batch, Cause, lock_anchors
from memories.types import STATE_RULES, EngineOptions, ModelCall, State
from memplatform.lib import clock, logs
from memplatform.lib.errors import ProviderError
from tenants import usage
from tenants.models import Project
from tenants.scopes import tenant_scope

log = logs.get(__name__)

PATIENCE = timedelta(seconds=5)
"""How long a wake-up may take before the sweep repeats it."""
MOST = 500
SUMMARY_MESSAGES = 100
LATELY = timedelta(days=1)
"""How far back the sweep for profiles looks at who was active."""
MOST_PROFILES = 100


def wake_due_operations() -> int:
    """Wake what lost its message or its worker; returns how many."""
    now = clock.now()
    woken = 0
    due = due_ids("due_operations", now, PATIENCE, MOST)
    for tenant_id, operation_ids in due.items():
        with tenant_scope(tenant_id):
            mine = [
                operation_id
                for operation_id in operation_ids
                if operations.mark_woken(operation_id, before=now - PATIENCE)
            ]
        for operation_id in mine:
            wake.now(wake.RUN_OPERATION, tenant_id, operation_id)
        woken += len(mine)
    return woken


@dataclass(frozen=True, slots=True)
class _Said:
    """What was said in an anchor since its summary was written, oldest first."""

    messages: list[Message]
    previous: ConversationSummary | None


def refresh_anchor_summary(tenant_id: UUID, anchor_id: UUID) -> None:
    """Fold what was said since into the rolling summary (the paper's S)."""
    said = _read_said(tenant_id, anchor_id)
    if not said.messages:
        return
    project_id = said.messages[0].project_id
    calls: list[ModelCall] = []
    try:
        text = _summarize(ready_setup(tenant_id, project_id), said, calls.append)
    except ProviderError as exc:
        text = None
        log.warning("summary not refreshed", extra={"code": exc.code})
    with tenant_scope(tenant_id, project_id=project_id):
        record_calls(project_id, None, calls)
        if text is not None:
            _write_summary(said, text)
    count_tokens_of((tenant_id, project_id, None), "summary", calls)


def _read_said(tenant_id: UUID, anchor_id: UUID) -> _Said:
    with tenant_scope(tenant_id):
        previous = ConversationSummary.objects.filter(anchor_id=anchor_id).first()
        since = Message.objects.filter(
            anchor_id=anchor_id,
            position__gt=previous.upto_position if previous else -1,
            content__isnull=False,
        )
        return _Said(list(since.order_by("position")[:SUMMARY_MESSAGES]), previous)


def _summarize(setup: ProjectSetup, said: _Said, record: Record) -> str:
    previous = said.previous.text if said.previous else None
    messages = [recall.as_chat(message) for message in said.messages]
    if setup.chat is None:
        return summarize_by_rule(previous, messages)
    options = EngineOptions(reference=clock.now(), timezone=setup.timezone)
    return refresh_summary(
        setup.chat, setup.prompts, record, previous, messages, options
    )


def _write_summary(said: _Said, text: str) -> None:
    """Only if nobody was faster, and nothing that it tells of was erased meanwhile."""
    last, now = said.messages[-1], clock.now()
    lock_anchors([last.anchor_id])
    read = [message.id for message in said.messages]
    if Message.objects.filter(id__in=read, content__isnull=True).exists():
        return
    current = ConversationSummary.objects.filter(anchor_id=last.anchor_id)
    if said.previous is not None:
        # An erasure deletes the summary: then this finds none.
        current.filter(upto_position=said.previous.upto_position).update(
            text=text, upto_position=last.position, updated_at=now
        )
    elif not current.exists():
        ConversationSummary.objects.create(
            project_id=last.project_id,
            anchor_id=last.anchor_id,
            upto_position=last.position,
            text=text,
            updated_at=now,
        )


def keep_house() -> None:
    """Note expiries, flush usage, forget old records, purge what was deleted."""
    note_expiries()
    usage.flush()
    _forget_old_records()
    _purge_what_was_missed()


def refresh_due_profiles() -> int:
    """Ask for profiles of users whose memories have changed; returns how many."""
    return sum(
        start_refresh(tenant_id, subject_id)
        for tenant_id, subject_ids in due_ids(
            "due_profiles", clock.now(), LATELY, MOST_PROFILES
        ).items()
        for subject_id in subject_ids
    )


def empty_what_is_over() -> int:
    """Empty the texts whose days are over in every project; returns how many."""
    projects = due_ids("due_projects", MOST * 100)
    return sum(
        _empty_in(tenant_id, project_id)
        for tenant_id, project_ids in projects.items()
        for project_id in project_ids
    )


def _empty_in(tenant_id: UUID, project_id: UUID) -> int:
    with tenant_scope(tenant_id, project_id=project_id):
        project = Project.objects.filter(id=project_id).first()
    if project is None:
        return 0
    kept = ProjectSettings.of(project.settings)
    days = {
        retention.empty_messages: kept.message_days,
        retention.empty_model_texts: kept.model_text_days,
        retention.empty_trials: kept.model_text_days,
        retention.drop_unread_bytes: kept.model_text_days,
        retention.empty_searches: kept.search_days,
    }
    days[_archive_edges] = kept.graph_days
    days[files.empty_old_exports] = settings.EXPORT_DAYS
    emptied = 0
    for empty, most in days.items():
        before = clock.now() - timedelta(days=most)
        count = retention.CHUNK if most else 0
        while count == retention.CHUNK:
            with tenant_scope(tenant_id, project_id=project_id):
                count = empty(before)
            emptied += count
    return emptied


def _archive_edges(before: datetime) -> int:
    return compaction.archive_edges(before, clock.now())


def archive_what_is_unused() -> int:
    """Archive the memories whose days are over in every project; returns how many."""
    projects = due_ids("due_projects", MOST * 100)
    return sum(
        archive_unused(tenant_id, project_id)
        for tenant_id, project_ids in projects.items()
        for project_id in project_ids
    )


def note_expiries() -> int:
    """Write an EXPIRE event for memories whose day is past; nothing is deleted."""
    noted = 0
    for tenant_id, memory_ids in due_ids(
        "due_expiries", clock.now().date(), MOST
    ).items():
        for memory_id in memory_ids:
            noted += _note_expiry(tenant_id, memory_id)
    return noted


def _note_expiry(tenant_id: UUID, memory_id: UUID) -> bool:
    with tenant_scope(tenant_id):
        found = Memory.objects.filter(id=memory_id).first()
        if found is None:
            return False
        batch = Batch.open(found.project_id, [found.anchor_id])
        head = Memory.objects.get(id=memory_id)
        if not _has_just_expired(head):
            return False
        batch.note(head, MemoryEvent.Kind.EXPIRE, Cause(actor_kind="system"))
        batch.flush()
    return True


def _has_just_expired(head: Memory) -> bool:
    """Its day is past, and no event has said so of this day yet."""
    if not STATE_RULES[State(head.state)].listed or head.expires_on is None:
        return False
    told = MemoryEvent.objects.filter(
        memory_id=head.id, kind=MemoryEvent.Kind.EXPIRE
    ).values("new_number")
    of_this_day = MemoryVersion.objects.filter(
        memory_id=head.id, number__in=told, expires_on=head.expires_on
    )
    return head.expires_on < clock.now().date() and not of_this_day.exists()


def _purge_what_was_missed() -> None:
    for tenant_id in due_ids("due_projects", MOST * 100):
        purge_what_was_missed(tenant_id)


def _forget_old_records() -> None:
    for tenant_id in due_ids("due_projects", MOST * 100):
        with tenant_scope(tenant_id):
            IdempotencyRecord.objects.filter(created_at__lt=clock.now() - KEPT).delete()
            usage.drop_digests()
