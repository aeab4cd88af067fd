"""What messages bring beside words, and memories that wait for their categories."""

from __future__ import annotations

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

import memplatform.lib.clock
import memplatform.lib.ids
from tenants.tables import TenantTable

SQL = Path(__file__).parent / "sql"


def reference(to: str, **options: object) -> models.ForeignKey:
    return models.ForeignKey(
        to,
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        **options,
    )


def own_id() -> models.UUIDField:
    return models.UUIDField(
        default=memplatform.lib.ids.new_id,
        editable=False,
        primary_key=True,
        serialize=False,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0004_declared_subjects"),
        ("tenants", "0003_deleted_projects"),
    ]

    operations = [
        migrations.CreateModel(
            name="Attachment",
            fields=[
                ("id", own_id()),
                (
                    "position",
                    models.BigIntegerField(help_text="Of its message in the anchor."),
                ),
                (
                    "number",
                    models.IntegerField(
                        help_text="Its place among those of its message."
                    ),
                ),
                (
                    "part",
                    models.IntegerField(
                        help_text="Its place in a list of parts.", null=True
                    ),
                ),
                ("kind", models.CharField(max_length=16)),
                ("url", models.TextField(null=True)),
                ("data", models.BinaryField(null=True)),
                ("media_type", models.CharField(max_length=64, null=True)),
                ("size", models.BigIntegerField(help_text="Bytes.", null=True)),
                ("sha256", models.CharField(max_length=64, null=True)),
                ("pages", models.JSONField(null=True)),
                ("created_at", models.DateTimeField(default=memplatform.lib.clock.now)),
                ("read_at", models.DateTimeField(null=True)),
                ("ingestion", reference("memories.ingestion")),
                ("project", reference("tenants.project")),
                ("tenant", reference("tenants.tenant", editable=False)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "ingestion", "position", "number"),
                        name="attachment_number",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Uncategorized",
            fields=[
                ("id", own_id()),
                ("attempts", models.IntegerField(default=0)),
                ("due_at", models.DateTimeField(default=memplatform.lib.clock.now)),
                ("lease_until", models.DateTimeField(null=True)),
                ("memory", reference("memories.memory")),
                ("operation", reference("memories.operation", null=True)),
                ("project", reference("tenants.project")),
                ("tenant", reference("tenants.tenant", editable=False)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["due_at"], name="uncategorized_due")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "memory"), name="uncategorized_memory"
                    )
                ],
            },
        ),
        TenantTable("Attachment"),
        TenantTable("Uncategorized"),
        migrations.RunSQL(
            (SQL / "attachments.sql").read_text(),
            (SQL / "attachments_undo.sql").read_text(),
        ),
    ]
