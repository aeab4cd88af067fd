"""Profiles in the API document."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.serializers import (
    BooleanField,
    CharField,
    ChoiceField,
    DateTimeField,
    IntegerField,
    ListField,
    Serializer,
    UUIDField,
)

from memories.api.components import AnyObject, DeleteAccepted, maybe, nullable
from memories.api.describe import AT, EVENT_ID, MEMORY_ID, answered, asked, described
from memories.models.settings import MAX_INSTRUCTION_CHARS
from memories.selectors.profiles import REFRESH, SAMPLE, TRIGGER
from memories.services.profiles import MOST_SAMPLED, SAMPLED

TAG = "profiles"
STATES = ("succeeded", "pending", "failed", "not_enabled", "insufficient_data")
JOB_STATES = ("pending", "running", "succeeded", "failed", "skipped")
ASKED_JOBS = (TRIGGER, SAMPLE)
ALL_JOBS = (TRIGGER, SAMPLE, REFRESH)
SCHEMA_HELP = (
    "JSON schema of the profile, an object whose properties all have a description;"
    " null: what is known, by category."
)


class ProfileSource(Serializer):  # type: ignore[type-arg]
    field = CharField()
    memory_id = UUIDField()
    version = IntegerField()


class GeneratedBy(Serializer):  # type: ignore[type-arg]
    engine = nullable(CharField, help_text="model or rules; null: none was made yet.")
    model = nullable(CharField)
    prompt_version_id = nullable(UUIDField)


class Profile(Serializer):  # type: ignore[type-arg]
    profile = AnyObject()
    status = ChoiceField(choices=STATES)
    entity_type = ChoiceField(choices=["user"])
    entity_id = CharField()
    updated_at = nullable(DateTimeField)
    generation_count = IntegerField()
    stale = BooleanField(
        help_text="What it rests on, or the settings, have changed since."
    )
    memories_read = IntegerField()
    sources = ListField(child=ProfileSource())
    generated_by = GeneratedBy()
    error = maybe(CharField, help_text="Why there is no newer one.")


class UserProfileSettings(Serializer):  # type: ignore[type-arg]
    schema = nullable(AnyObject, required=False, help_text=SCHEMA_HELP)
    custom_instructions = nullable(
        CharField, required=False, max_length=MAX_INSTRUCTION_CHARS
    )


class ProfileEntities(Serializer):  # type: ignore[type-arg]
    user = maybe(UserProfileSettings)


class ProfileSettingsBody(Serializer):  # type: ignore[type-arg]
    enabled = maybe(BooleanField)
    refresh_after_memories = maybe(
        IntegerField,
        min_value=0,
        help_text="A profile is made anew once so many memories of its user have"
        " changed; 0: only when asked.",
    )
    entities = maybe(ProfileEntities)


class ProfileSettings(ProfileSettingsBody):
    capabilities = AnyObject()


class ProfileJobBody(Serializer):  # type: ignore[type-arg]
    operation = ChoiceField(choices=ASKED_JOBS)
    entity_type = ChoiceField(choices=["user"])
    entity_id = maybe(CharField, max_length=256, help_text="Of a trigger.")
    limit = maybe(
        IntegerField,
        min_value=1,
        max_value=MOST_SAMPLED,
        default=SAMPLED,
        help_text="Of a sample: the users last active.",
    )


class StartedProfileJob(Serializer):  # type: ignore[type-arg]
    job_id = UUIDField()
    status = ChoiceField(choices=JOB_STATES)
    status_url = CharField(help_text="A path.")
    operation = ChoiceField(choices=ALL_JOBS)
    entity_type = ChoiceField(choices=["user"])
    entity_count_reserved = IntegerField()
    event_id = UUIDField()
    replayed = BooleanField(help_text="This key had asked for it before.")
    sampled = maybe(IntegerField, help_text="Of a sample.")
    entity_ids = maybe(ListField, child=CharField(), help_text="Of a sample.")


class JobProgress(Serializer):  # type: ignore[type-arg]
    id = UUIDField()
    operation = ChoiceField(choices=ALL_JOBS)
    entity_type = ChoiceField(choices=["user"])
    status = ChoiceField(choices=JOB_STATES)
    total = nullable(IntegerField)
    enumeration_complete = BooleanField()
    completed = IntegerField()
    succeeded = IntegerField()
    failed = IntegerField()
    skipped = IntegerField()
    created_at = DateTimeField()
    completed_at = nullable(DateTimeField)
    error = nullable(CharField)


class ProfileJob(Serializer):  # type: ignore[type-arg]
    job = JobProgress()


SCHEMA_EXAMPLE = {
    "type": "object",
    "properties": {
        "job_title": {"type": "string", "description": "What they do for a living"}
    },
}
SETTINGS_EXAMPLE = {
    "enabled": True,
    "refresh_after_memories": 10,
    "capabilities": {"engine": "model", "sample_limit": MOST_SAMPLED},
    "entities": {
        "user": {"schema": SCHEMA_EXAMPLE, "custom_instructions": "Short, please."}
    },
}
STARTED_EXAMPLE = {
    "job_id": EVENT_ID,
    "status": "pending",
    "status_url": f"/v2/profiles/jobs/{EVENT_ID}/",
    "operation": TRIGGER,
    "entity_type": "user",
    "entity_count_reserved": 1,
    "event_id": EVENT_ID,
    "replayed": False,
}

_USER = OpenApiParameter(
    "name",
    str,
    OpenApiParameter.PATH,
    description="The user's id, percent-encoded; `/` included.",
)
NO_PROFILE = described(
    "delete_user_named_profile",
    "entities",
    DeleteAccepted,
    400,
    403,
    404,
    summary="Erase a user whose id ends in `/profile`",
    description=(
        "Profiles are not deleted by themselves: this is the deletion of the user whose"
        " id is the name with `/profile` behind it."
    ),
    parameters=[_USER],
    request=None,
    examples=[
        answered("Accepted", {"message": "Delete in progress.", "event_id": EVENT_ID})
    ],
)
PROFILE = described(
    "get_profile",
    TAG,
    Profile,
    400,
    404,
    summary="What is stably known of a user, and what it rests on",
    description=(
        "Branch on `status`. Fields that rest on a memory deleted since are left out."
        " `generated_by.engine` = `rules`: no model wrote it, memories were sorted into"
        " its fields word for word."
    ),
    parameters=[_USER],
    examples=[
        answered(
            "A profile",
            {
                "profile": {"job_title": "Beekeeper"},
                "status": "succeeded",
                "entity_type": "user",
                "entity_id": "ida",
                "updated_at": AT,
                "generation_count": 1,
                "stale": False,
                "memories_read": 12,
                "sources": [
                    {"field": "job_title", "memory_id": MEMORY_ID, "version": 1}
                ],
                "generated_by": {
                    "engine": "model",
                    "model": "gpt-5-mini",
                    "prompt_version_id": None,
                },
            },
        )
    ],
)
GET_SETTINGS = described(
    "get_profile_settings",
    TAG,
    ProfileSettings,
    summary="How profiles are made in this project",
    examples=[answered("Settings", SETTINGS_EXAMPLE)],
)
CHANGE_SETTINGS = described(
    "change_profile_settings",
    TAG,
    ProfileSettings,
    400,
    403,
    404,
    413,
    summary="Change how profiles are made",
    description="Absent is unchanged, null is cleared. For owners and admins.",
    request=ProfileSettingsBody,
    examples=[
        asked("Switch on", {"enabled": True}),
        asked("A schema", {"entities": {"user": {"schema": SCHEMA_EXAMPLE}}}),
        answered("Settings", SETTINGS_EXAMPLE),
    ],
)
START = described(
    "start_profile_job",
    TAG,
    StartedProfileJob,
    400,
    403,
    404,
    409,
    413,
    summary="Make the profile of one user, or of a few to look at",
    description="Runs in the background: follow the job, or its event.",
    parameters=[
        OpenApiParameter(
            "Idempotency-Key",
            str,
            OpenApiParameter.HEADER,
            description="The same key and body give the same job for 24 hours.",
        )
    ],
    request=ProfileJobBody,
    examples=[
        asked(
            "One user",
            {"operation": TRIGGER, "entity_type": "user", "entity_id": "ida"},
        ),
        asked("A few", {"operation": SAMPLE, "entity_type": "user", "limit": 3}),
        answered("Queued", STARTED_EXAMPLE),
    ],
)
JOB = described(
    "get_profile_job",
    TAG,
    ProfileJob,
    400,
    404,
    summary="How a profile job goes",
    parameters=[
        OpenApiParameter(
            "job_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="A UUID."
        )
    ],
    examples=[
        answered(
            "Done",
            {
                "job": {
                    "id": EVENT_ID,
                    "operation": TRIGGER,
                    "entity_type": "user",
                    "status": "succeeded",
                    "total": 1,
                    "enumeration_complete": True,
                    "completed": 1,
                    "succeeded": 1,
                    "failed": 0,
                    "skipped": 0,
                    "created_at": AT,
                    "completed_at": AT,
                    "error": None,
                }
            },
        )
    ],
)
