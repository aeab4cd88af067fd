"""How the wire shows profiles, their settings and jobs (contract §8, Profiles)."""

from __future__ import annotations

from memories.providers.factory import LOCAL
from memories.selectors.profiles import SAMPLE, JobView, ProfileView
from memories.selectors.projects import ProjectSetup
from memories.services.profiles import MOST_SAMPLED
from memories.types import JsonDict

JOBS_PATH = "/v2/profiles/jobs/"


def profile_json(profile: ProfileView) -> JsonDict:
    """A profile; clients branch on ``status``, for it may be there and be empty."""
    body: JsonDict = {
        "profile": profile.data,
        "status": profile.status,
        "entity_type": "user",
        "entity_id": profile.user_id,
        "updated_at": profile.updated_at and profile.updated_at.isoformat(),
        "generation_count": profile.generation_count,
        "stale": profile.is_stale,
        "memories_read": profile.memories_read,
        "sources": [
            {
                "field": name,
                "memory_id": source["memory_id"],
                "version": source["number"],
            }
            for name, cited in profile.sources.items()
            for source in cited
        ],
        "generated_by": {
            "engine": profile.engine,
            "model": profile.model,
            "prompt_version_id": _text(profile.prompt_version_id),
        },
    }
    return {**body, "error": profile.error} if profile.error else body


def settings_json(setup: ProjectSetup) -> JsonDict:
    """The settings, and what they will be carried out by."""
    kept = setup.settings
    return {
        "enabled": kept.profiles_enabled,
        "refresh_after_memories": kept.profile_refresh_memories,
        "capabilities": {
            "engine": "rules" if setup.engine == LOCAL else "model",
            "sample_limit": MOST_SAMPLED,
        },
        "entities": {
            "user": {
                "schema": kept.profile_schema,
                "custom_instructions": kept.profile_instructions or None,
            }
        },
    }


def started_json(job: JobView, *, is_replay: bool) -> JsonDict:
    """What asking for a job answers; the path leads to how it goes."""
    body: JsonDict = {
        "job_id": str(job.id),
        "status": job.status,
        "status_url": f"{JOBS_PATH}{job.id}/",
        "operation": job.operation,
        "entity_type": "user",
        "entity_count_reserved": job.total,
        "event_id": str(job.id),
        "replayed": is_replay,
    }
    if job.operation != SAMPLE:
        return body
    return {**body, "sampled": len(job.user_ids), "entity_ids": list(job.user_ids)}


def job_json(job: JobView) -> JsonDict:
    return {
        "job": {
            "id": str(job.id),
            "operation": job.operation,
            "entity_type": "user",
            "status": job.status,
            "total": job.total,
            "enumeration_complete": True,
            "completed": job.completed,
            "succeeded": job.succeeded,
            "failed": job.failed,
            "skipped": job.skipped,
            "created_at": job.created_at.isoformat(),
            "completed_at": job.completed_at and job.completed_at.isoformat(),
            "error": job.error,
        }
    }


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)
