"""A project's golden sets: questions about its own memories, and their answers."""

from __future__ import annotations

from django.db import models

from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel, reference

NAME_CHARS = 200
TOLERANCE = 0.02


class GoldenSet(ProjectModel):
    """Questions with what their answers must hold, asked now and then.

    ``questions`` is a list of ``{question, filters, expects, category}``. It is asked
    again at ``next_run_at`` and every ``every_hours`` from then on (0: only when
    somebody says so). A run whose figures lie more than ``tolerance`` below those of
    the accepted run is marked; the first run that finds anything is accepted by itself.
    """

    class State(models.TextChoices):
        NEW = "new", "not asked yet"
        GOOD = "good", "as accepted"
        BELOW = "below", "below what was accepted"
        FAILED = "failed", "the last run failed"

    name = models.CharField(max_length=NAME_CHARS)
    questions = models.JSONField(default=list)
    every_hours = models.IntegerField(default=0)
    tolerance = models.FloatField(default=TOLERANCE)
    next_run_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.NEW)
    author_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "project", "name"], name="golden_set_name"
            )
        ]
        indexes = [
            models.Index(
                fields=["next_run_at"],
                condition=models.Q(next_run_at__isnull=False),
                name="golden_set_due",
            )
        ]


class GoldenRun(ProjectModel):
    """One asking of all questions; written when it ends, without texts.

    ``figures`` are as ``evaluation.summary`` makes them, with ``abstention`` and
    ``latency``; ``answers`` tells of each question, in the order of the set, the place
    of the first result that fits, and how much of what it expects was found. ``below``
    names the figures below those of the accepted run, of which a set has one; ``error``
    is blank unless the run could not be made.
    """

    golden_set = reference(GoldenSet)
    figures = models.JSONField(default=dict)
    answers = models.JSONField(default=list)
    below = models.JSONField(default=list)
    error = models.CharField(max_length=500, blank=True, default="")
    is_accepted = models.BooleanField(default=False)
    started_at = models.DateTimeField(default=clock.now)
    created_at = models.DateTimeField(default=clock.now)

    @property
    def found_nothing(self) -> bool:
        """Its questions expect something, and no result held any of it: no later run
        could fall behind."""
        overall = self.figures.get("groups", {}).get("overall", {})
        return bool(overall) and overall["mrr"]["value"] == 0

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "golden_set", "-created_at", "-id"],
                name="golden_run_newest",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "golden_set"],
                condition=models.Q(is_accepted=True),
                name="one_accepted_run",
            )
        ]
