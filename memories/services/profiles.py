"""Profiles of users: how they are set up, read and asked for.

They are asked for as jobs: operations of kind PROFILE, whose payload holds an outcome
for each subject they are about, by id and never by name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from memories import wake
from memories.models import Operation, Profile, Subject
from memories.models.settings import ProjectSettings
from memories.pipeline.client_schema import resolve
from memories.pipeline.profile import default_schema
from memories.selectors.profiles import (
    REFRESH,
    SAMPLE,
    WAITING,
    JobView,
    ProfileView,
    get_profile,
    view_of,
)
from memories.selectors.projects import ProjectSetup, get_setup
from memories.selectors.subjects import find_subject
from memories.services.configuration import change_settings
from memories.services.idempotency import remember, reserve
from memories.store.profiles import expect_profiles
from memories.types import (
    AddAnswer,
    JsonDict,
)
from memplatform.lib import clock, logs
from memplatform.lib.errors import (
    InvalidRequest,
    NotFound,
    RateLimited,
)
from tenants.audit import Actor
from tenants.models import Project
from tenants.scopes import tenant_scope
from tenants.selectors import Access

MOST_SAMPLED, SAMPLED = 10, 3
SAMPLE_PAUSE = timedelta(minutes=1)
UNKNOWN = "There is no such user."
NOT_ENABLED = (
    "Profiles are not enabled for this project: send enabled = true to"
    " /v2/profiles/settings/ first."
)


@dataclass(frozen=True, slots=True)
class JobRequest:
    """Which profiles to make; ``user_id`` of a trigger, ``limit`` of a sample."""

    operation: str
    user_id: str | None = None
    limit: int = SAMPLED
    idempotency_key: str | None = None
    body_hash: str = ""


# --- Settings ---------------------------------------------------------------


def get_profile_settings(access: Access) -> ProjectSetup:
    """The setup that the settings are a part of; opens its own scope."""
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        return get_setup(access.project_id)


def change_profile_settings(
    access: Access, changes: Mapping[str, Any], actor: Actor
) -> ProjectSetup:
    """Change what is named, audited; opens its own scope. Raises InvalidRequest."""
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        if changes:
            project = Project.objects.get(id=access.project_id)
            change_settings(project, changes, actor=actor)
        return get_setup(access.project_id)


# --- A profile, and jobs ----------------------------------------------------


def read_profile(access: Access, user_id: str) -> ProfileView:
    """What is kept of a user; opens its own scope. Raises NotFound."""
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        if find_subject(access.only, "user", user_id) is None:
            raise NotFound(UNKNOWN)
        kept = get_setup(access.project_id).settings
        return get_profile(
            user_id, schema_hash=hash_settings(kept), is_enabled=kept.profiles_enabled
        )


def start_job(access: Access, request: JobRequest) -> tuple[JobView, bool]:
    """Accept a job; also says whether it was accepted before, under the same key.

    Opens its own scope. Raises InvalidRequest while profiles are not enabled, NotFound
    for a user that is not there, RateLimited for a sample right after another, and
    Conflict.
    """
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        record = reserve(
            access, request.idempotency_key, request.body_hash, clock.now()
        )
        if record and record.operation_id and record.answer is not None:
            return view_of(Operation.objects.get(id=record.operation_id)), True
        if not get_setup(access.project_id).settings.profiles_enabled:
            raise InvalidRequest(NOT_ENABLED)
        subjects = _subjects_of(access, request)
        job = _create_job(access.project_id, request.operation, subjects, access.key_id)
        remember(record, AddAnswer(job.id, job.status))
        return view_of(job), False


def start_refresh(tenant_id: UUID, subject_id: UUID) -> bool:
    """A job for a user whose memories have changed; opens its own scope."""
    with tenant_scope(tenant_id):
        found = Subject.objects.filter(id=subject_id)
        subject = found.select_for_update(no_key=True).first()
        if subject is None:
            return False
        asked = Profile.objects.filter(
            project_id=subject.project_id,
            user_id=subject.external_id,
            asked_at__gt=clock.now() - SAMPLE_PAUSE,
        )
        if asked.exists():  # another beat was faster
            return False
        _create_job(subject.project_id, REFRESH, [subject], None)
    return True


def _subjects_of(access: Access, request: JobRequest) -> list[Subject]:
    if request.operation == SAMPLE:
        _require_pause(access.project_id)
        users = Subject.objects.filter(kind="user", memory_count__gt=0)
        return list(users.order_by("-last_active_at", "-id")[: request.limit])
    named = request.user_id or ""
    if find_subject(access.only, "user", named) is None:
        raise NotFound(UNKNOWN)
    # Locked: a deletion that is asked for now comes after this job, and so finds it.
    rows = Subject.objects.filter(kind="user", external_id=named)
    return list(rows.select_for_update(no_key=True))


def _require_pause(project_id: UUID) -> None:
    """Raises RateLimited; the project's lock makes two at once see one another."""
    Project.objects.select_for_update(no_key=True).get(id=project_id)
    now = clock.now()
    samples = Operation.objects.filter(
        kind=Operation.Kind.PROFILE,
        payload__operation=SAMPLE,
        created_at__gt=now - SAMPLE_PAUSE,
    )
    last = samples.order_by("-created_at").first()
    if last is not None:
        wait = last.created_at + SAMPLE_PAUSE - now
        raise RateLimited(
            "A sample was started a moment ago.", retry_after_s=wait.total_seconds()
        )


def _create_job(
    project_id: UUID, why: str, subjects: Sequence[Subject], key_id: UUID | None
) -> Operation:
    now = clock.now()
    names = [subject.external_id for subject in subjects]
    job = Operation.objects.create(
        project_id=project_id,
        kind=Operation.Kind.PROFILE,
        user_id=None if why == SAMPLE else names[0],
        payload={
            "operation": why,
            "entity_type": "user",
            "subjects": {str(subject.id): WAITING for subject in subjects},
        },
        request_id=logs.request_id.get(),
        api_key_id=key_id,
        woken_at=now,
        created_at=now,
        updated_at=now,
    )
    expect_profiles(job, names)
    wake.after_commit(wake.RUN_OPERATION, job.tenant_id, job.id)
    return job


def schema_of(kept: ProjectSettings) -> JsonDict:
    """The schema that profiles are filled in by, resolved."""
    if kept.profile_schema is None:
        return default_schema(kept.categories)
    return resolve(kept.profile_schema)


def hash_settings(kept: ProjectSettings) -> str:
    """Tells whether a profile was made by the settings as they are."""
    by = [schema_of(kept), kept.profile_instructions]
    return hashlib.sha256(json.dumps(by, sort_keys=True).encode()).hexdigest()
