"""What is known of a user in short: derived from memories, and traceable to them."""

from __future__ import annotations

from django.db import models

from memories.models.fields import SCOPE_ID_CHARS
from memories.models.ingestion import Operation
from memories.models.prompts import PromptVersion
from tenants.models import ProjectModel, TenantModel, reference


class Profile(ProjectModel):
    """The profile of one user, as its last generation left it.

    ``data`` fits the project's schema of that time, told apart by ``schema_hash``.
    ``sources`` maps each of its fields to the memories and versions it rests on:
    ``{field: [{"memory_id", "number"}]}``. ``engine`` is ``model`` or ``rules``.
    ``operation`` is the last job that was asked for it, ``asked_at`` when: while that
    is unfinished the profile is pending. ``outcome`` is what the last finished one came
    to; null: none has finished. ``read_at`` is when the memories were read.
    """

    class Outcome(models.TextChoices):
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        INSUFFICIENT_DATA = "insufficient_data"

    user_id = models.CharField(max_length=SCOPE_ID_CHARS)
    operation = reference(Operation, null=True)
    asked_at = models.DateTimeField()
    outcome = models.CharField(max_length=20, choices=Outcome.choices, null=True)
    data = models.JSONField(default=dict)
    sources = models.JSONField(default=dict)
    generation_count = models.IntegerField(default=0)
    memories_read = models.IntegerField(default=0)
    engine = models.CharField(max_length=16, null=True)
    model = models.CharField(max_length=200, null=True)
    prompt_version = reference(PromptVersion, null=True)
    schema_hash = models.CharField(max_length=64, null=True)
    error_code = models.CharField(max_length=64, null=True)
    error = models.TextField(blank=True, default="")
    read_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "project", "user_id"], name="profile_of_user"
            )
        ]
