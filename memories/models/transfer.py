"""What is taken out as a whole and brought in as a whole: exports and imports.

Their files stand in chunks, so that no value and no transaction grows with them; they
hold memory text, and go with an erasure, after their days, or once they are read.
"""

from __future__ import annotations

from django.db import models

from memories.models.ingestion import Operation
from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel, reference


class Export(ProjectModel):
    """A requested export: ``data`` shaped by its schema, or, raw, a file in chunks.

    ``narrowed_to`` holds the ids of the key that asked, if it was narrowed: what it may
    see is all that it gets. A raw export is of one subject, or of the whole project;
    ``cursor`` is where an unfinished one goes on.
    """

    class Kind(models.TextChoices):
        SCHEMA = "schema"
        RAW = "raw"

    class Status(models.TextChoices):
        PENDING = "pending"
        FINISHED = "finished"
        EMPTIED = "emptied", "emptied by an erasure, or after its days"

    operation = reference(Operation, null=True)
    kind = models.CharField(max_length=8, default=Kind.SCHEMA, db_default=Kind.SCHEMA)
    schema = models.JSONField(null=True)
    filters = models.JSONField(null=True)
    narrowed_to = models.JSONField(null=True)
    subject_kind = models.CharField(max_length=8, null=True)
    subject_name = models.CharField(max_length=256, null=True)
    instructions = models.TextField(blank=True, default="")
    status = models.CharField(max_length=16, default="pending")
    made_by = models.CharField(max_length=8, null=True, help_text="model or rules")
    data = models.JSONField(null=True)
    error = models.TextField(blank=True, default="")
    cursor = models.JSONField(null=True)
    counts = models.JSONField(null=True)
    total = models.BigIntegerField(default=0, db_default=0)
    size_bytes = models.BigIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(default=clock.now)
    completed_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "project", "-created_at"], name="export_newest"
            )
        ]


class ExportChunk(ProjectModel):
    """Whole lines of a raw export, in their order; numbered from 0."""

    export = reference(Export)
    number = models.IntegerField()
    content = models.TextField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "export", "number"], name="export_chunk"
            )
        ]


class Import(ProjectModel):
    """A file of memories on its way in, and what became of its records.

    ``done`` records of it are settled; a run goes on behind them. ``problems`` are the
    first of those that were refused, with their line and the reason, never their text.
    ``fingerprint`` tells a local file that was begun before from another one.
    """

    class Status(models.TextChoices):
        UPLOADING = "uploading"
        PENDING = "pending"
        FINISHED = "finished"

    operation = reference(Operation, null=True)
    status = models.CharField(max_length=16, default=Status.UPLOADING)
    format = models.CharField(max_length=16)
    scope = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=64, null=True)
    size_bytes = models.BigIntegerField(default=0)
    read_bytes = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    added = models.BigIntegerField(default=0)
    known = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    problems = models.JSONField(default=list)
    is_to_forget = models.BooleanField(
        default=False, help_text="An erasure came by: nothing of the file may stay."
    )
    created_at = models.DateTimeField(default=clock.now)
    completed_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "project", "-created_at"], name="import_newest"
            )
        ]


class ImportChunk(ProjectModel):
    """A part of an uploaded file, byte for byte; numbered from 0."""

    upload = reference(Import)
    number = models.IntegerField()
    content = models.BinaryField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "upload", "number"], name="import_chunk"
            )
        ]
