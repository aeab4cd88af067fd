"""A project's named prompts and their immutable, numbered texts."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel, reference

NOTE_CHARS = 300


class PromptTemplate(ProjectModel):
    """A named prompt of a project; its purpose says which stage speaks it."""

    purpose = models.CharField(max_length=32)
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "project", "purpose"], name="template_purpose"
            )
        ]


class PromptVersion(ProjectModel):
    """One immutable text of a template; at most one of a template is published.

    ``canary_share`` (0..1) is the share of ingestions that a version speaks for which
    is not published; at most one of a template has one.
    """

    template = reference(PromptTemplate)
    number = models.IntegerField()
    text = models.TextField()
    parts = models.JSONField(default=dict)
    text_hash = models.CharField(max_length=64)
    is_shipped = models.BooleanField(default=False)
    is_published = models.BooleanField(default=False)
    canary_share = models.FloatField(default=0.0)
    published_at = models.DateTimeField(null=True)
    note = models.CharField(
        max_length=NOTE_CHARS, blank=True, default="", db_default=""
    )
    author_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "template", "number"], name="prompt_number"
            ),
            models.UniqueConstraint(
                fields=["tenant", "template"],
                condition=Q(is_published=True),
                name="one_published_prompt",
            ),
        ]

    @property
    def is_canary(self) -> bool:
        return self.canary_share > 0 and not self.is_published


class PromptDraft(ProjectModel):
    """The text that is being worked on; one of a template, for all of its admins.

    It becomes a version, with a number, when it is first to speak in earnest: in a
    replay, for a share, or published. Until then nothing refers to it.
    """

    template = reference(PromptTemplate)
    text = models.TextField()
    text_hash = models.CharField(max_length=64)
    note = models.CharField(max_length=NOTE_CHARS, blank=True, default="")
    based_on = reference(PromptVersion, null=True)
    author_id = models.UUIDField(null=True)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "template"], name="draft_of_template"
            )
        ]
