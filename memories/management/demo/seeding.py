"""Plays the story through the real pipeline, at the days it tells of.

The clock runs from each step's instant (``clock.running_from``): what the platform
learned then, it knows since then (docs/adr/0440). An add is accepted and claimed in one
transaction, and held for longer than the story: a worker beside has nothing to take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from memories.management.demo import story
from memories.models import Memory
from memories.providers import media
from memories.retrieval import journal
from memories.retrieval.search import search
from memories.selectors.filters import parse_filters
from memories.selectors.profiles import TRIGGER
from memories.selectors.prompts import get_published, get_template
from memories.services.add import add_memories
from memories.services.configuration import change_settings
from memories.services.edit import MemoryChanges, delete_memory, update_memory
from memories.services.feedback import Opinion, give_feedback
from memories.services.profiles import JobRequest, start_job
from memories.services.projects import delete_project
from memories.services.prompts import Draft, publish, ready_prompts, save_draft
from memories.services.run import run_claimed
from memories.services.usage import subjects_of
from memories.store import operations
from memories.types import (
    AddRequest,
    Attached,
    ChatMessage,
    Scope,
    SearchRequest,
    State,
)
from memplatform.lib import clock
from memplatform.lib.errors import NotFound, PlatformError
from tenants import selectors, services, usage
from tenants.audit import record_audit
from tenants.models import AuditEntry, Membership, Operator, Project, Role, Tenant
from tenants.scopes import OpenScope, tenant_scope
from tenants.selectors import Access
from tenants.usage import Amounts, Payer

SEEDED = "project.seed_demo"
"""The audit's word for a story that was told to its end."""
HELD_S = timedelta(days=400).total_seconds()
SESSIONS_SINCE_DAYS = 30
"""Since when the shop's chat names its sessions."""


class NotEmpty(PlatformError):
    """This tenant has memories of its own; a demonstration has no business there."""

    code = "not_empty"


def is_seeded(tenant: Tenant) -> bool:
    """Whether the story was told here once, whatever became of it."""
    with tenant_scope(tenant.id):
        return AuditEntry.objects.filter(action=SEEDED).exists()


def seed_history(
    tenant: Tenant, *, engine: str, needs_empty: bool = True
) -> Mapping[str, int]:
    """Make the demo project and play the story; how many steps of each kind happened.

    What an interrupted seeding left is taken away first. Opens its own scopes. Raises
    NotEmpty for a tenant that has memories, where it ``needs_empty``.
    """
    _take_away_unfinished(tenant)
    if needs_empty:
        _require_no_memories(tenant)
    now = clock.now()
    with clock.running_from(_instant(now, story.FIRST_DAY, "08:00")):
        desk = _open_desk(tenant, engine)
    played: dict[str, int] = {}
    for step in story.steps():
        with clock.running_from(_instant(now, step.days_ago, step.at)):
            is_played = desk.play(step)
        kind = type(step).__name__.lower()
        played[kind] = played.get(kind, 0) + is_played
    desk.finish()
    return played


def _take_away_unfinished(tenant: Tenant) -> None:
    with tenant_scope(tenant.id):
        begun = Project.objects.filter(
            name=story.PROJECT, description=story.DESCRIPTION, deleted_at=None
        ).first()
        if begun is not None:
            delete_project(begun)


def _require_no_memories(tenant: Tenant) -> None:
    with tenant_scope(tenant.id):
        if Memory.objects.filter(project__deleted_at=None).exists():
            raise NotEmpty


def _instant(now: datetime, days_ago: int, at: str) -> datetime:
    day = now.date() - timedelta(days=days_ago)
    return datetime.combine(day, time.fromisoformat(at), tzinfo=now.tzinfo)


def _open_desk(tenant: Tenant, engine: str) -> Desk:
    """The shop's project, its key, and who works at its support."""
    with tenant_scope(tenant.id):
        owner = _owner()
        project = services.create_project(story.PROJECT, description=story.DESCRIPTION)
        settings = {
            "engine": engine,
            "profiles_enabled": True,
            "categories": story.CATEGORIES,
            "review_instructions": True,
        }
        change_settings(project, settings)
        key = services.issue_api_key(project, owner, name="Shop chat")
        support = _support(project)
    return Desk(
        tenant=tenant,
        project=project,
        key=services.admit_key(key.text),
        owner=_access(project, owner),
        support=_access(project, support),
    )


def _access(project: Project, operator: Operator) -> Access:
    return Access(
        tenant_id=project.tenant_id,
        project_id=project.id,
        key_id=None,
        operator_id=operator.id,
        operator_email=operator.email,
    )


def _owner() -> Operator:
    members = selectors.list_members()
    owner = members.filter(role=Role.OWNER, project=None).first()
    if owner is None:
        raise NotFound("This tenant has no owner.")
    operator: Operator = owner.operator
    return operator


def _support(project: Project) -> Operator:
    """Sam, who may work on this project; known already when it was seeded before."""
    sam = Operator.objects.filter(email=story.SUPPORT_EMAIL).first()
    if sam is None:
        sam = services.create_operator(
            story.SUPPORT_EMAIL, None, name=story.SUPPORT_NAME
        )
    if not Membership.objects.filter(operator=sam, project=project).exists():
        services.add_member(sam, Role.SUPPORT, project=project)
    return sam


@dataclass(frozen=True, slots=True)
class Desk:
    """Who acts in the story: the shop's key, its owner and its support."""

    tenant: Tenant
    project: Project
    key: Access
    owner: Access
    support: Access

    def play(self, step: story.Step) -> bool:
        """Let one step happen now, as the clock has it.

        False when it is about a memory, or words of a prompt, that there are not: a
        model words things its own way, where the rules always say the same.
        """
        played: Mapping[type, Callable[[Any], None]] = {
            story.Said: self._hear,
            story.Learned: self._learn,
            story.Asked: self._look_up,
            story.Corrected: self._correct,
            story.Deleted: self._delete,
            story.Rated: self._rate,
            story.Reworded: self._reword,
        }
        try:
            played[type(step)](step)
        except NotFound:
            return False
        return True

    def finish(self) -> None:
        """Profiles of today, all counts on disk, and the word that it is done."""
        for user in story.NAMES:
            self._profile(user)
        journal.flush()
        usage.flush()
        with self._scope():
            record_audit(SEEDED, self.project)

    # --- what the key does ------------------------------------------------------------

    def _hear(self, said: story.Said) -> None:
        messages = [
            ChatMessage(role, text, name=_name(role, said.user))
            for role, text in said.turns
        ]
        if said.has_broken_invoice:
            messages.append(_broken_invoice())
        recent = said.days_ago <= SESSIONS_SINCE_DAYS
        session = f"chat-{said.user.partition('.')[0]}-{said.days_ago:03}"
        scope = Scope(user_id=said.user, run_id=session if recent else None)
        self._add(AddRequest(scope, tuple(messages)))

    def _learn(self, learned: story.Learned) -> None:
        messages = tuple(ChatMessage(role, text) for role, text in learned.turns)
        scope = Scope(agent_id=story.AGENT)
        self._add(AddRequest(scope, messages, memory_type="procedure"))

    def _add(self, request: AddRequest) -> None:
        self._count("add", request.scope)
        self._run(lambda: add_memories(self.key, request).operation_id)

    def _look_up(self, asked: story.Asked) -> None:
        self._count("search", Scope(user_id=asked.user))
        filters = parse_filters({"user_id": asked.user})
        search(self.key, SearchRequest(asked.query, filters, top_k=5, threshold=0.3))

    def _rate(self, rated: story.Rated) -> None:
        opinion = Opinion(rated.value, rated.reason)
        give_feedback(self.key, self._memory(rated.user, rated.what), opinion)

    def _profile(self, user: str) -> None:
        request = JobRequest(TRIGGER, user_id=user)
        self._run(lambda: start_job(self.key, request)[0].id)

    # --- what support does ------------------------------------------------------------

    def _correct(self, corrected: story.Corrected) -> None:
        memory_id = self._memory(corrected.user, corrected.was)
        changes = MemoryChanges(text=corrected.now)
        update_memory(self.support, memory_id, changes, reason=corrected.why)

    def _delete(self, deleted: story.Deleted) -> None:
        memory_id = self._memory(deleted.user, deleted.what)
        delete_memory(self.support, memory_id, delete_linked=False, reason=deleted.why)

    # --- what the owner does ----------------------------------------------------------

    def _reword(self, reworded: story.Reworded) -> None:
        ready_prompts(self.owner)
        with self._scope():
            published = get_published(get_template(reworded.purpose))
        if reworded.was not in published.text:
            raise NotFound(f"No prompt says {reworded.was!r}.")
        text = published.text.replace(reworded.was, reworded.now)
        save_draft(self.owner, reworded.purpose, Draft(text, reworded.why))
        publish(self.owner, reworded.purpose)

    # --- how --------------------------------------------------------------------------

    def _run(self, accept: Callable[[], UUID]) -> None:
        """Accept and claim as one, so that no worker comes in between; then run."""
        with self._scope():
            operation = operations.claim(accept(), lease_s=HELD_S)
        if operation is not None:
            run_claimed(operation)

    def _count(self, name: str, scope: Scope) -> None:
        """On the key's account, as a request of the API is."""
        payer = Payer(self.tenant.id, self.project.id, self.key.key_id)
        usage.count(payer, name, Amounts(requests=1), subjects_of(scope))

    def _memory(self, user: str, fragment: str) -> UUID:
        """The active memory of a user that says this; raises NotFound."""
        with self._scope():
            found = Memory.objects.filter(
                user_id=user, state=State.ACTIVE, text__icontains=fragment
            )
            memory = found.order_by("created_at").first()
        if memory is None:
            raise NotFound(f"{user} has no memory that says {fragment!r}.")
        return memory.id

    def _scope(self) -> AbstractContextManager[OpenScope]:
        return tenant_scope(self.tenant.id, project_id=self.project.id)


def _name(role: str, user: str) -> str | None:
    return story.NAMES[user] if role == "user" else None


def _broken_invoice() -> ChatMessage:
    attached = Attached(media.PDF, data=story.BROKEN_PDF, media_type="application/pdf")
    return ChatMessage("user", attached.mention, attached=(attached,))
