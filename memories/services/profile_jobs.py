"""Run a profile job: its users one after another, each kept for itself.

No transaction is open while a model or an embedder is asked; what was read is checked
again under the lock of the user's subject, so that nothing deleted or erased meanwhile
is kept. A crash in the middle leaves those waiting who were not done.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.conf import settings

from memories.models import Operation, Profile, Subject
from memories.pipeline.asking import Asker, Record
from memories.pipeline.local.profile import fill_by_rules
from memories.pipeline.profile import Filled, fill_by_model
from memories.prompts import get_prompt
from memories.providers.base import Chat
from memories.providers.factory import LOCAL
from memories.selectors.profiles import (
    SKIPPED,
    WAITING,
    are_there,
    stable_memories,
    telling_memories,
    view_of,
)
from memories.selectors.projects import ProjectSetup
from memories.services.profiles import hash_settings, schema_of
from memories.services.setup import ready_setup
from memories.services.usage import count_tokens_of
from memories.store import operations
from memories.store.apply import record_calls
from memories.store.operations import Lease
from memories.store.profiles import Made, fail_profile, keep_profile
from memories.types import EngineOptions, JsonDict, KnownMemory, ModelCall, Scope
from memplatform.lib import clock
from memplatform.lib.errors import PlatformError, ProviderError
from tenants.scopes import OpenScope, tenant_scope

MOST_MEMORIES = {"model": 500, "rules": 200}
"""The newest that are read for one profile; rules embed each again, 10 ms by the
local embedder."""
MOST_TELLING = 100
"""Of those, where a user has more: older ones that the schema's fields ask for."""
MOST_READINGS = 2


class MemoriesGone(PlatformError):
    """Memories were deleted while the profile was being made; ask for it again."""

    code = "memories_gone"


@dataclass(frozen=True, slots=True)
class _Read:
    """What a profile is to be made of; ``user_id`` None: the user is gone."""

    user_id: str | None
    memories: Sequence[KnownMemory]
    at: datetime


def run_profile_job(operation: Operation, lease: Lease) -> None:
    """Make the profiles that are still waiting, and settle the job.

    Raises ProviderError when some have to be tried again.
    """
    setup = ready_setup(operation.tenant_id, operation.project_id)
    job = _Job(operation, lease, setup)
    left: ProviderError | None = None
    for subject_id in _to_do(operation):
        left = job.make(subject_id) or left
    if left is not None:
        raise left
    with job.scope():
        _settle(operations.hold(lease))


@dataclass(frozen=True, slots=True)
class _Job:
    """A job that runs under its lease."""

    operation: Operation
    lease: Lease
    setup: ProjectSetup

    @property
    def most(self) -> int:
        """How many memories are read for one profile."""
        return MOST_MEMORIES["rules" if self.setup.engine == LOCAL else "model"]

    def scope(self) -> AbstractContextManager[OpenScope]:
        return tenant_scope(
            self.operation.tenant_id, project_id=self.operation.project_id
        )

    def make(self, subject_id: UUID) -> ProviderError | None:
        """Make one profile and keep it, or why not; returns what to try again for."""
        calls: list[ModelCall] = []
        read = self._read(subject_id)
        try:
            self._make_of(read, subject_id, calls.append)
        except (ProviderError, MemoriesGone) as exc:
            if isinstance(exc, ProviderError) and self._may_pass(exc):
                return exc
            with self.scope():
                outcome = fail_profile(read.user_id or "", exc)
                self._note(subject_id, outcome)
        finally:
            self._account(read, calls)
        return None

    def _make_of(self, read: _Read, subject_id: UUID, record: Record) -> None:
        for _ in range(MOST_READINGS):
            read = self._with_older(read)
            made = self._made(read, record) if read.user_id else None
            if self._keep(subject_id, read, made):
                return
            read = self._read(subject_id)
        raise MemoriesGone

    def _read(self, subject_id: UUID) -> _Read:
        with self.scope():
            at = clock.now()
            subject = Subject.objects.filter(id=subject_id).first()
            if subject is None or not self.setup.settings.profiles_enabled:
                return _Read(None, (), at)
            user_id = subject.external_id
            return _Read(user_id, stable_memories(user_id, most=self.most), at)

    def _with_older(self, read: _Read) -> _Read:
        """Of a user of whom much is known: for the oldest of the newest, what tells."""
        space, kept = self.setup.active_space, self.setup.settings
        if space is None or len(read.memories) < self.most:
            return read
        fields: dict[str, JsonDict] = schema_of(kept)["properties"]
        asked = [f"{name}: {rule['description']}" for name, rule in fields.items()]
        questions = self.setup.embedders[space.id].embed(asked)
        with self.scope():
            telling = telling_memories(
                read.user_id or "", space.id, questions, most=MOST_TELLING
            )
        newest = read.memories[: self.most - len(telling)]
        shown = {memory.id: memory for memory in (*newest, *telling)}
        return replace(read, memories=list(shown.values()))

    def _made(self, read: _Read, record: Record) -> Made:
        chat = None if self.setup.engine == LOCAL else self.setup.chat
        filled = Filled({}, {})
        if read.memories and chat:
            filled = self._fill_by_model(chat, read.memories, record)
        elif read.memories:
            filled = self._fill_by_rules(read.memories)
        prompt = get_prompt(self.setup.prompts, "profile")
        return Made(
            data=filled.data,
            sources=filled.sources,
            memories_read=len(read.memories),
            read_at=read.at,
            schema_hash=hash_settings(self.setup.settings),
            engine="model" if chat else "rules",
            model=chat.model if chat else None,
            prompt_version_id=prompt.version_id if chat else None,
        )

    def _fill_by_rules(self, memories: Sequence[KnownMemory]) -> Filled:
        space = self.setup.active_space
        if space is None:
            return Filled({}, {})
        schema = schema_of(self.setup.settings)
        return fill_by_rules(schema, memories, self.setup.embedders[space.id])

    def _fill_by_model(
        self, chat: Chat, memories: Sequence[KnownMemory], record: Record
    ) -> Filled:
        kept = self.setup.settings
        options = EngineOptions(
            reference=clock.now(),
            timezone=self.setup.timezone,
            instructions=kept.profile_instructions,
            excludes=kept.excludes,
        )
        asker = Asker(chat, record, self._renew)
        return fill_by_model(
            asker, self.setup.prompts, schema_of(kept), memories, options
        )

    def _renew(self) -> None:
        """Before every request: a lease outlasts one call, not several."""
        with self.scope():
            operations.renew(operations.hold(self.lease), lease_s=settings.LEASE_S)

    def _keep(self, subject_id: UUID, read: _Read, made: Made | None) -> bool:
        """Keep what was made, unless what it was made of is gone by now."""
        with self.scope():
            held = Subject.objects.select_for_update(no_key=True)
            subject = held.filter(id=subject_id).first()
            if made is None or subject is None:
                self._note(subject_id, SKIPPED)
                return True
            if not are_there(memory.id for memory in read.memories):
                return False
            self._note(subject_id, keep_profile(subject.external_id, made))
            return True

    def _note(self, subject_id: UUID, outcome: str) -> None:
        job = operations.hold(self.lease)
        job.payload["subjects"][str(subject_id)] = outcome
        job.save(update_fields=["payload"])

    def _may_pass(self, error: ProviderError) -> bool:
        return error.retryable and self.operation.attempts < settings.MAX_ATTEMPTS

    def _account(self, read: _Read, calls: Sequence[ModelCall]) -> None:
        """Without texts: an erasure would not find them beside a job of many users."""
        asked = self.operation
        with self.scope():
            record_calls(asked.project_id, None, calls)
        payer = (asked.tenant_id, asked.project_id, asked.api_key_id)
        scope = Scope(user_id=read.user_id)
        count_tokens_of(payer, asked.kind, calls, scope=scope, since=read.at)


def _to_do(operation: Operation) -> list[UUID]:
    """Who is waiting; and who failed, when the whole job is tried again."""
    wanted = {WAITING, *([Profile.Outcome.FAILED] if operation.attempts == 1 else [])}
    outcomes: dict[str, str] = operation.payload["subjects"]
    return [UUID(key) for key, outcome in outcomes.items() if outcome in wanted]


def _settle(job: Operation) -> None:
    """A job of which nothing came has failed with the reason of its last profile."""
    view = view_of(job)
    if view.failed and view.failed == view.total:
        last = Profile.objects.filter(operation=job).order_by("user_id").last()
        code = (last and last.error_code) or ProviderError.code
        operations.fail(job, code, last.error if last else "")
    else:
        operations.succeed(job, [])
