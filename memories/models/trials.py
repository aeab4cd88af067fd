"""What a replay made of recorded adds; nothing of it is remembered of anybody."""

from __future__ import annotations

from django.db import models

from memories.models.ingestion import Ingestion, Operation
from memories.models.prompts import PromptVersion
from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel, reference


class PromptTrial(ProjectModel):
    """One recorded add, decided once more with another prompt version.

    The rows of a replay are there from its start, waiting: what is left of them is
    what is left to do. ``decisions`` are the shadow's (``types.Settled``); they quote
    what was said, and are emptied by erasure and once model texts are over. ``counts``
    says how many facts came out in which way.
    """

    class Outcome(models.TextChoices):
        WAITING = "waiting"
        SAME = "same"
        REWORDED = "reworded"
        CHANGED = "changed"
        NEW = "new"
        GONE = "gone"
        FAILED = "failed", "the model failed"
        UNREAD = "unread", "its messages are no longer kept"
        ERASED = "erased"

    operation = reference(Operation)
    ingestion = reference(Ingestion)
    prompt_version = reference(PromptVersion)
    position = models.IntegerField()
    outcome = models.CharField(
        max_length=16, choices=Outcome.choices, default=Outcome.WAITING
    )
    decisions = models.JSONField(null=True)
    counts = models.JSONField(default=dict)
    error_code = models.CharField(max_length=64, null=True)
    prompt_tokens = models.IntegerField(default=0)
    completion_tokens = models.IntegerField(default=0)
    cost = models.DecimalField(max_digits=18, decimal_places=8, null=True)
    latency_ms = models.FloatField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "operation", "position"], name="trial_position"
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "ingestion"], name="trial_of_ingestion"),
            models.Index(
                fields=["tenant", "project", "created_at"],
                condition=models.Q(decisions__isnull=False),
                name="trial_kept",
            ),
        ]
