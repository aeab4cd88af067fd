"""Who memories are about, and the unit in which they are ordered."""

from __future__ import annotations

from django.db import models

from memories.models.fields import SCOPE_ID_CHARS, scope_id
from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel


class Anchor(ProjectModel):
    """(project, user_id, agent_id, app_id), across runs (decision 7).

    Locking this row is the anchor lock: it orders accepts (``next_seq``), numbers
    messages (``next_position``) and makes applies of one anchor follow one another.
    ``last_known_at`` is the newest known-time instant given out under the lock;
    ``patterns_asked_at`` is when patterns were last looked for among its memories.
    """

    user_id = scope_id()
    agent_id = scope_id()
    app_id = scope_id()
    next_seq = models.BigIntegerField(default=0)
    next_position = models.BigIntegerField(default=0)
    last_known_at = models.DateTimeField(null=True)
    patterns_asked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                # By hash: three ids of any characters would not fit an index row.
                models.F("tenant"),
                models.F("project"),
                models.Func(
                    "user_id",
                    "agent_id",
                    "app_id",
                    function="memories_anchor_hash",
                    output_field=models.BinaryField(),
                ),
                name="anchor_key",
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "project", "user_id"], name="anchor_user"),
            models.Index(fields=["tenant", "project", "agent_id"], name="anchor_agent"),
            models.Index(fields=["tenant", "project", "app_id"], name="anchor_app"),
        ]


class SubjectKind(models.TextChoices):
    """The four kinds of subject; ``<kind>_id`` names one in a scope."""

    USER = "user"
    AGENT = "agent"
    APP = "app"
    RUN = "run"


class Subject(ProjectModel):
    """A user, agent, app or run that memories belong to (wire: entity).

    ``memory_count`` counts memories visible in a list, ``expiring_count`` those of
    them that carry an expiry day; both are kept by the store (decision 36).
    ``declared_at`` is when somebody created it by name, with ``display_name`` and
    ``metadata``; null: it came with its first memory, and is listed while it has one.
    """

    kind = models.CharField(max_length=8, choices=SubjectKind.choices)
    external_id = models.CharField(max_length=SCOPE_ID_CHARS)
    display_name = models.CharField(max_length=SCOPE_ID_CHARS, null=True)
    metadata = models.JSONField(null=True)
    declared_at = models.DateTimeField(null=True)
    memory_count = models.BigIntegerField(default=0)
    expiring_count = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)
    last_active_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "project", "kind", "external_id"],
                name="subject_name",
            )
        ]
        indexes = [
            models.Index(
                fields=["tenant", "project", "-last_active_at", "-id"],
                name="subject_newest",
            )
        ]
