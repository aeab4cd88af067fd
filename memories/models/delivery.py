"""What leaves the platform: the outbox, webhooks and their deliveries."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel, reference


class Topic(models.TextChoices):
    """What a webhook can be told of, in the words of the wire."""

    MEMORY_ADD = "memory_add"
    MEMORY_UPDATE = "memory_update"
    MEMORY_DELETE = "memory_delete"
    MEMORY_CATEGORIZE = "memory_categorize"
    JOB_COMPLETED = "ingest_job_completed"
    JOB_PARTIALLY_COMPLETED = "ingest_job_partially_completed"
    JOB_FAILED = "ingest_job_failed"
    JOB_CANCELLED = "ingest_job_cancelled"


class Outbox(ProjectModel):
    """A change to be told, written in the transaction that made it; ids, no text.

    There is one only where a webhook waits for its topic. ``payload`` names the version
    of a memory (``memory_id``, ``number``) or an add (``operation_id``). Handled, it
    stays as long as its deliveries, so that an erasure finds them.
    """

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
            ),
            models.Index(
                F("tenant"),
                Cast(KeyTextTransform("memory_id", "payload"), models.UUIDField()),
                name="outbox_of_memory",
            ),
        ]


class Webhook(ProjectModel):
    """An address of the project's that wants to be told.

    ``secret_encrypted`` signs, and so does the previous one until its time is over.
    ``failures`` counts failed attempts since the last success (``failing_since``: the
    first of them); after one nothing is tried before ``paused_until``.
    """

    name = models.CharField(max_length=200)
    url = models.URLField(max_length=2000)
    event_types = ArrayField(models.CharField(max_length=64))
    secret_encrypted = models.TextField(blank=True, default="")
    previous_secret_encrypted = models.TextField(blank=True, default="", db_default="")
    previous_secret_until = models.DateTimeField(null=True)
    owner_id = models.UUIDField(null=True)
    is_active = models.BooleanField(default=True)
    disabled_reason = models.TextField(blank=True, default="")
    disabled_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0, db_default=0)
    failing_since = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    woken_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)


class Delivery(ProjectModel):
    """One attempt series to tell one webhook of one change.

    Due from ``next_attempt_at`` on, given up at ``give_up_at``; whoever tries it holds
    it until ``lease_until``. ``outbox`` is None for a test. Url, headers and response
    are those of the last attempt; ``attempt_log`` tells of each without its texts.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"
        CANCELLED = "cancelled"

    webhook = reference(Webhook)
    outbox = reference(Outbox, null=True)
    event_type = models.CharField(max_length=64)
    url = models.URLField(max_length=2000, blank=True, default="", db_default="")
    request_headers = models.JSONField(null=True)
    body = models.JSONField(null=True)
    status = models.CharField(
        max_length=16, choices=Status.choices, default=Status.PENDING
    )
    attempts = models.IntegerField(default=0)
    attempt_log = models.JSONField(default=list, db_default=[])
    next_attempt_at = models.DateTimeField(null=True)
    give_up_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    response_status = models.IntegerField(null=True)
    response_body = models.TextField(null=True)
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=clock.now)
    delivered_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "webhook", "next_attempt_at"],
                condition=Q(status="pending"),
                name="delivery_due",
            ),
            models.Index(
                fields=["tenant", "webhook", "-created_at"], name="delivery_newest"
            ),
            models.Index(fields=["tenant", "outbox"], name="delivery_of_outbox"),
        ]
