"""Writes of profiles. Call inside a tenant scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F

from memories.models import Memory, MemoryEvent, Operation, Profile
from memories.types import JsonDict, KnownMemory
from memplatform.lib import clock
from memplatform.lib.errors import PlatformError


@dataclass(frozen=True, slots=True)
class Made:
    """A generated profile and how it came about; empty ``data`` is too little."""

    data: JsonDict
    sources: Mapping[str, Sequence[KnownMemory]]
    memories_read: int
    read_at: datetime
    schema_hash: str
    engine: str
    model: str | None = None
    prompt_version_id: UUID | None = None


def expect_profiles(job: Operation, user_ids: Sequence[str]) -> None:
    """From now on these are pending; what an earlier job made of them stays."""
    rows = [
        Profile(
            project_id=job.project_id,
            user_id=user_id,
            operation_id=job.id,
            asked_at=job.created_at,
        )
        for user_id in sorted(user_ids)
    ]
    Profile.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["tenant", "project", "user_id"],
        update_fields=["operation", "asked_at", "outcome", "error_code", "error"],
    )


def keep_profile(user_id: str, made: Made) -> str:
    """Replace what was kept of a user; returns the outcome.

    Does nothing for a user whose row an erasure has taken.
    """
    outcome = (
        Profile.Outcome.SUCCEEDED if made.data else Profile.Outcome.INSUFFICIENT_DATA
    )
    Profile.objects.filter(user_id=user_id).update(
        outcome=outcome,
        data=made.data,
        sources=_sources_json(made.sources),
        memories_read=made.memories_read,
        generation_count=F("generation_count") + int(bool(made.data)),
        engine=made.engine,
        model=made.model,
        prompt_version_id=made.prompt_version_id,
        schema_hash=made.schema_hash,
        error_code=None,
        error="",
        read_at=made.read_at,
        updated_at=clock.now(),
    )
    return outcome


def fail_profile(user_id: str, error: PlatformError) -> str:
    """Say why there is no new one; the old one stays. Returns the outcome."""
    Profile.objects.filter(user_id=user_id).update(
        outcome=Profile.Outcome.FAILED, error_code=error.code, error=error.message
    )
    return Profile.Outcome.FAILED


def forget_erased(kind: str, external_id: str, accepted_at: datetime) -> None:
    """Right after an erasure, in its transaction: drop what may tell of the erased.

    That is the profile of the user erased, and of every user some of whose memories
    went with another subject. Whoever makes one meanwhile waits for the lock on the
    user's subject, which the erasure holds, and then misses the memories.
    """
    if kind == "user":
        Profile.objects.filter(user_id=external_id).delete()
    erased = MemoryEvent.objects.filter(kind=MemoryEvent.Kind.ERASE, at=accepted_at)
    users = Memory.objects.filter(
        id__in=erased.values("memory_id"), user_id__isnull=False
    )
    Profile.objects.filter(user_id__in=users.values("user_id")).delete()


def forget_all(project_id: UUID | None) -> None:
    """Before a purge: every profile of a project, or of the whole tenant."""
    rows = Profile.objects.all()
    (rows.filter(project_id=project_id) if project_id else rows).delete()


def _sources_json(
    sources: Mapping[str, Sequence[KnownMemory]],
) -> dict[str, list[JsonDict]]:
    return {
        name: [{"memory_id": str(m.id), "number": m.number} for m in cited]
        for name, cited in sources.items()
    }
