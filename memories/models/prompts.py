"""A project's named prompts and their immutable, numbered texts."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel, reference


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
    """One immutable text of a template; at most one of a template is published."""

    template = reference(PromptTemplate)
    number = models.IntegerField()
    text = models.TextField()
    parts = models.JSONField(default=dict)
    text_hash = models.CharField(max_length=64)
    is_shipped = models.BooleanField(default=False)
    is_published = models.BooleanField(default=False)
    canary_share = models.FloatField(default=0.0)
    published_at = models.DateTimeField(null=True)
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
