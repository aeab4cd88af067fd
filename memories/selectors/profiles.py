"""Reads of profiles: what is kept of a user, what it rests on, how a job goes.

Call inside a tenant scope.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from django.db.models import Q

from memories.models import Anchor, Memory, Operation, Profile, Subject
from memories.models.ingestion import UNFINISHED
from memories.selectors.recall import nearest
from memories.types import JsonDict, KnownMemory, State, Vectors
from memplatform.lib import clock
from memplatform.lib.errors import NotFound

MOST_ANCHORS = 50
NEAR_EACH = 5
WAITING, SKIPPED = "waiting", "skipped"
TRIGGER, SAMPLE, REFRESH = "trigger", "sample", "refresh"
"""Why a job was asked for: one user, a look at some, memories that changed."""
NOT_ENABLED, PENDING = "not_enabled", "pending"


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A user's profile as a reader sees it.

    ``data`` lacks the fields that rest on memories deleted since. ``is_stale`` says
    that the memories it rests on, or the settings it was made by, have changed.
    """

    user_id: str
    status: str
    data: JsonDict = field(default_factory=dict)
    sources: Mapping[str, list[JsonDict]] = field(default_factory=dict)
    generation_count: int = 0
    memories_read: int = 0
    is_stale: bool = False
    engine: str | None = None
    model: str | None = None
    prompt_version_id: UUID | None = None
    updated_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class JobView:
    """A job and how far it is; ``user_ids`` are those that are still known."""

    id: UUID
    operation: str
    status: str
    user_ids: tuple[str, ...]
    total: int
    succeeded: int
    failed: int
    skipped: int
    created_at: datetime
    completed_at: datetime | None
    error: str | None

    @property
    def completed(self) -> int:
        return self.succeeded + self.failed + self.skipped


def get_profile(user_id: str, *, schema_hash: str, is_enabled: bool) -> ProfileView:
    """What is kept of a user, whom the caller knows to be there.

    ``schema_hash`` is that of the settings as they are now.
    """
    row = Profile.objects.filter(user_id=user_id).select_related("operation").first()
    if not is_enabled:
        return ProfileView(user_id, NOT_ENABLED)
    if row is None:
        told = "No profile has been generated yet."
        return ProfileView(user_id, Profile.Outcome.INSUFFICIENT_DATA, error=told)
    status, error = _status(row)
    deleted, changed = _changed(row.sources)
    shown = {
        name: cited
        for name, cited in row.sources.items()
        if not deleted & {source["memory_id"] for source in cited}
    }
    return ProfileView(
        user_id=user_id,
        status=status,
        data={name: value for name, value in row.data.items() if name in shown},
        sources=shown,
        generation_count=row.generation_count,
        memories_read=row.memories_read,
        is_stale=bool(row.data) and (changed or row.schema_hash != schema_hash),
        engine=row.engine,
        model=row.model,
        prompt_version_id=row.prompt_version_id,
        updated_at=row.updated_at,
        error=error,
    )


def get_job(
    job_id: UUID, *, only: Mapping[str, str] | None = None, asked_by: UUID | None = None
) -> JobView:
    """A job of the open scope; raises NotFound.

    With ``only``, one about the user it names, or that the key ``asked_by`` asked for.
    """
    mine = Q(**(only or {}))
    if only and asked_by:
        mine |= Q(api_key_id=asked_by)
    jobs = Operation.objects.filter(kind=Operation.Kind.PROFILE)
    found = jobs.filter(mine, id=job_id).first()
    if found is None:
        raise NotFound("Profile job not found!")
    return view_of(found)


def view_of(job: Operation) -> JobView:
    outcomes: dict[str, str] = job.payload.get("subjects", {})
    counts = Counter(outcomes.values())
    # What failed as a whole has failed for those that it did not come to.
    left = counts[WAITING] if job.status == Operation.Status.FAILED else 0
    skipped = counts[SKIPPED] + counts[Profile.Outcome.INSUFFICIENT_DATA]
    names = Subject.objects.filter(id__in=outcomes)
    return JobView(
        id=job.id,
        operation=job.payload.get("operation", TRIGGER),
        status=_job_status(job, is_skipped=skipped == len(outcomes)),
        user_ids=tuple(names.order_by("id").values_list("external_id", flat=True)),
        total=len(outcomes),
        succeeded=counts[Profile.Outcome.SUCCEEDED],
        failed=counts[Profile.Outcome.FAILED] + left,
        skipped=skipped,
        created_at=job.created_at,
        completed_at=job.completed_at,
        error=job.error,
    )


def stable_memories(user_id: str, *, most: int) -> list[KnownMemory]:
    """What is held true of a user now, by their own account, the newest first."""
    now = clock.now()
    rows = Memory.objects.filter(
        Q(expires_on=None) | Q(expires_on__gte=now.date()),
        Q(valid_to=None) | Q(valid_to__gt=now),
        user_id=user_id,
        state=State.ACTIVE,
        attributed_to="user",
        text__isnull=False,
    )
    return [
        KnownMemory(
            id=row.id,
            text=row.text or "",
            created_at=row.created_at,
            categories=tuple(row.categories or ()),
            number=row.number,
        )
        for row in rows.order_by("-created_at", "-id")[:most]
    ]


def telling_memories(
    user_id: str, space_id: UUID, questions: Vectors, *, most: int
) -> list[KnownMemory]:
    """Those nearest to each question in what is held true of a user, best first.

    For users of whom more is known than :func:`stable_memories` gives; ``most`` in all.
    """
    now = clock.now()
    anchors = Anchor.objects.filter(user_id=user_id).order_by("-last_known_at")
    near: dict[UUID, KnownMemory] = {}
    for anchor_id in anchors.values_list("id", flat=True)[:MOST_ANCHORS]:
        found = nearest(anchor_id, space_id, questions, most=NEAR_EACH, accepted_at=now)
        for memory in chain.from_iterable(found):
            ended = memory.valid.end is not None and memory.valid.end <= now
            known = near.get(memory.id)
            is_nearer = known is None or known.similarity < memory.similarity
            if memory.attributed_to == "user" and not ended and is_nearer:
                near[memory.id] = memory
    best = sorted(near.values(), key=lambda memory: memory.similarity, reverse=True)
    return best[:most]


def are_there(memory_ids: Iterable[UUID]) -> bool:
    """Whether none of them has been deleted or erased meanwhile."""
    gone = Memory.objects.filter(id__in=list(memory_ids))
    return not gone.filter(Q(text=None) | Q(state=State.DELETED)).exists()


def _status(row: Profile) -> tuple[str, str | None]:
    """What the last job came to; when it ended without a word, it has failed."""
    if row.outcome is not None:
        return row.outcome, row.error or None
    if row.operation is not None and row.operation.status not in UNFINISHED:
        return Profile.Outcome.FAILED, row.operation.error or "The job did not finish."
    return PENDING, None


def _job_status(job: Operation, *, is_skipped: bool) -> str:
    is_done = job.status == Operation.Status.SUCCEEDED
    return SKIPPED if is_done and is_skipped else job.status.lower()


def _changed(sources: Mapping[str, list[JsonDict]]) -> tuple[set[str], bool]:
    """The ids of sources that are deleted, and whether any is not as it was read."""
    read: dict[str, Any] = {
        source["memory_id"]: source["number"]
        for cited in sources.values()
        for source in cited
    }
    heads = {
        str(head_id): (state, number)
        for head_id, state, number in Memory.objects.filter(id__in=read).values_list(
            "id", "state", "number"
        )
    }
    deleted = {
        memory_id
        for memory_id in read
        if heads.get(memory_id, (State.DELETED, 0))[0] == State.DELETED
    }
    changed = any(
        heads.get(memory_id) != (State.ACTIVE, number)
        for memory_id, number in read.items()
    )
    return deleted, changed
