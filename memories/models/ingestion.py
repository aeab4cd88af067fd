"""Accepted requests, the messages they brought, and what models were asked."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models import Q

from memories.models.fields import scope_id
from memories.models.prompts import PromptVersion
from memories.models.subjects import Anchor
from memories.types import Actor
from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel, reference

UNFINISHED = ("PENDING", "RUNNING")
ERASED = "erased"
"""The error code of an operation that erasure has emptied (sql/erase.sql)."""
CANCELLED = "cancelled"
"""The error code of an operation that somebody stopped."""
REPROCESS_OF = "reprocess_of"
"""The option of an add that reprocesses: the ingestion whose messages it takes."""


class Operation(ProjectModel):
    """One request that changes or reads memories, and its state (wire: event).

    Order (decision 19): ``seq`` numbers the adds of an anchor; only the oldest
    unfinished one may run. A runner holds it until ``lease_until`` with
    ``lease_token``, which the store checks again before it writes.
    """

    class Kind(models.TextChoices):
        ADD = "ADD"
        SEARCH = "SEARCH"
        UPDATE = "UPDATE"
        DELETE = "DELETE"
        DELETE_ALL = "DELETE_ALL"
        DELETE_USER = "DELETE_USER"
        RESTORE = "RESTORE"
        GET = "GET"
        GET_ALL = "GET_ALL"
        EXPORT = "EXPORT"
        IMPORT = "IMPORT"
        REEMBED = "REEMBED"
        PROFILE = "PROFILE"
        REPLAY = "REPLAY"
        ARCHIVE = "ARCHIVE"
        SYNTHESIZE = "SYNTHESIZE"

    class Status(models.TextChoices):
        PENDING = "PENDING"
        RUNNING = "RUNNING"
        SUCCEEDED = "SUCCEEDED"
        FAILED = "FAILED"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    status = models.CharField(
        max_length=16, choices=Status.choices, default=Status.PENDING
    )
    user_id = scope_id()
    agent_id = scope_id()
    app_id = scope_id()
    run_id = scope_id()
    anchor = reference(Anchor, null=True)
    seq = models.BigIntegerField(null=True)
    payload = models.JSONField(default=dict)
    results = models.JSONField(default=list)
    attempts = models.IntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    lease_token = models.BigIntegerField(default=0)
    woken_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=64, null=True)
    error = models.TextField(null=True)
    request_id = models.CharField(max_length=64, blank=True, default="")
    api_key_id = models.UUIDField(null=True)
    operator_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(default=clock.now)
    latency_ms = models.FloatField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "project", "-created_at", "-id"],
                name="operation_newest",
            ),
            models.Index(
                fields=["tenant", "anchor", "seq"],
                condition=Q(status__in=UNFINISHED),
                name="operation_queue",
            ),
            models.Index(
                fields=["woken_at"],
                condition=Q(status__in=UNFINISHED),
                name="operation_due",
            ),
            models.Index(
                fields=["tenant", "project", "created_at"],
                condition=Q(kind="SEARCH") & ~Q(payload={}),
                name="search_kept",
            ),
            models.Index(
                fields=["tenant", "project", "-created_at", "-id"],
                condition=Q(kind="SEARCH", payload__has_key="trace"),
                name="search_traced",
            ),
            models.Index(
                fields=["tenant", "project", "-created_at", "-id"],
                condition=Q(kind="RESTORE"),
                name="restore_newest",
            ),
            models.Index(
                fields=["tenant", "project", "-created_at", "-id"],
                condition=Q(kind="ADD"),
                name="add_newest",
            ),
            models.Index(
                fields=["tenant", "anchor", "-created_at", "-id"],
                condition=Q(kind="ADD"),
                name="add_of_anchor",
            ),
            models.Index(
                fields=["tenant", "anchor", "created_at"],
                condition=Q(kind="ADD", payload__has_key=REPROCESS_OF),
                name="add_again",
            ),
            models.Index(
                fields=["tenant", "project", "run_id", "-created_at", "-id"],
                condition=Q(kind="ADD", run_id__isnull=False),
                name="add_of_run",
            ),
            models.Index(
                fields=["tenant", "project", "-created_at", "-id"],
                condition=Q(kind="ADD", status="FAILED"),
                name="add_failed",
            ),
        ]

    @property
    def asked_by(self) -> Actor:
        """Who asked for it: an operator, a key, or nobody but the platform."""
        if self.operator_id:
            return Actor("operator", self.operator_id, self.request_id)
        if self.api_key_id:
            return Actor("api_key", self.api_key_id, self.request_id)
        return Actor("system", None, self.request_id)


class Ingestion(ProjectModel):
    """The detail of an ADD: how it was to be processed, and its ledger.

    ``ledger`` gives each message and each proposed fact exactly one outcome
    (domain.md, invariant 2); it holds ids and reasons, never text.
    """

    operation = reference(Operation)
    anchor = reference(Anchor)
    infer = models.BooleanField(default=True)
    engine = models.CharField(max_length=16, null=True)
    memory_type = models.CharField(max_length=16, default="fact")
    options = models.JSONField(default=dict)
    metadata = models.JSONField(null=True)
    session_key = models.CharField(max_length=300, null=True)
    ledger = models.JSONField(default=dict)
    prompt_tokens = models.IntegerField(default=0)
    completion_tokens = models.IntegerField(default=0)
    model_calls = models.IntegerField(default=0)
    accepted_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "operation"], name="ingestion_of_operation"
            )
        ]

    @property
    def said_in(self) -> UUID:
        """The ingestion that its messages belong to: an earlier one, or itself."""
        earlier = self.options.get(REPROCESS_OF)
        return UUID(earlier) if earlier else self.id


class Message(ProjectModel):
    """One chat turn that came in. Content is nulled by retention or erasure."""

    ingestion = reference(Ingestion)
    anchor = reference(Anchor)
    run_id = scope_id()
    position = models.BigIntegerField()
    session_key = models.CharField(max_length=300, null=True)
    role = models.CharField(max_length=16)
    name = models.CharField(max_length=256, null=True)
    content = models.TextField(null=True)
    attachments = models.JSONField(null=True)
    sent_at = models.DateTimeField()
    utc_offset = models.SmallIntegerField(
        null=True, help_text="Minutes, as sent_at was given; NULL: none but UTC."
    )
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "anchor", "position"], name="message_position"
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "ingestion"], name="message_of_ingestion"),
            models.Index(
                fields=["tenant", "project", "created_at"],
                condition=Q(content__isnull=False),
                name="message_kept",
            ),
        ]


class ConversationSummary(ProjectModel):
    """The rolling summary of one anchor, up to a message position."""

    anchor = reference(Anchor)
    text = models.TextField(null=True)
    upto_position = models.BigIntegerField(default=-1)
    model = models.CharField(max_length=200, null=True)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "anchor"], name="summary_of_anchor"
            )
        ]


class LlmCall(ProjectModel):
    """One request to a model, its cost and outcome; texts are under retention."""

    operation = reference(Operation, null=True)
    purpose = models.CharField(max_length=32)
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=200)
    prompt_version = reference(PromptVersion, null=True)
    prompt_tokens = models.IntegerField(default=0)
    completion_tokens = models.IntegerField(default=0)
    cost = models.DecimalField(max_digits=18, decimal_places=8, null=True)
    latency_ms = models.FloatField(default=0)
    outcome = models.CharField(max_length=32)
    error = models.TextField(blank=True, default="")
    request = models.JSONField(null=True)
    reply = models.TextField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "operation"], name="call_of_operation"),
            models.Index(
                fields=["tenant", "project", "-created_at"], name="call_newest"
            ),
            models.Index(
                fields=["tenant", "project", "created_at"],
                condition=Q(request__isnull=False) | Q(reply__isnull=False),
                name="call_kept",
            ),
        ]


class DeleteBarrier(ProjectModel):
    """A scope delete: facts of adds accepted before it are dropped (decision 13).

    ``pattern`` maps scope keys to an id, or to ``*`` for any value.
    """

    operation = reference(Operation, null=True)
    pattern = models.JSONField()
    accepted_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "project", "accepted_at"], name="barrier_newest"
            )
        ]


class IdempotencyRecord(ProjectModel):
    """A request that may be repeated: the same key gives the same answer for 24 h."""

    api_key_id = models.UUIDField()
    key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    status_code = models.SmallIntegerField(null=True)
    answer = models.JSONField(null=True)
    operation = reference(Operation, null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "api_key_id", "key"], name="idempotency_key"
            )
        ]
