"""What leaves the platform: the outbox, webhooks and their deliveries."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel, reference


class Outbox(ProjectModel):
    """A change to be told, written in the transaction that made it; ids, no text."""

    topic = models.CharField(max_length=64)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now)
    handled_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(handled_at__isnull=True),
                name="outbox_waiting",
            )
        ]


class Webhook(ProjectModel):
    """An address of the project's that wants to be told."""

    name = models.CharField(max_length=200)
    url = models.URLField(max_length=2000)
    event_types = ArrayField(models.CharField(max_length=64))
    secret_encrypted = models.TextField(blank=True, default="")
    owner_id = models.UUIDField(null=True)
    is_active = models.BooleanField(default=True)
    disabled_reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)


class Delivery(ProjectModel):
    """One attempt series to tell one webhook of one change."""

    webhook = reference(Webhook)
    outbox = reference(Outbox, null=True)
    event_type = models.CharField(max_length=64)
    body = models.JSONField(null=True)
    status = models.CharField(max_length=16, default="pending")
    attempts = models.IntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    response_status = models.IntegerField(null=True)
    response_body = models.TextField(null=True)
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=clock.now)
    delivered_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(status="pending"),
                name="delivery_due",
            ),
            models.Index(
                fields=["tenant", "webhook", "-created_at"], name="delivery_newest"
            ),
        ]
