"""Vectors and words of messages, and which messages memories were learned from."""

from __future__ import annotations

from pathlib import Path

import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models

import memories.models.fields
import memplatform.lib.ids
from tenants.tables import TenantTable

SQL = Path(__file__).parent / "sql"
OPTIONS = {"abstract": False, "base_manager_name": "objects"}


def reference(to: str, **options: object) -> models.ForeignKey:
    return models.ForeignKey(
        to,
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        **options,
    )


def keys() -> list[tuple[str, models.Field]]:
    return [
        (
            "id",
            models.UUIDField(
                default=memplatform.lib.ids.new_id,
                editable=False,
                primary_key=True,
                serialize=False,
            ),
        ),
        ("tenant", reference("tenants.tenant", editable=False)),
        ("project", reference("tenants.project")),
        ("anchor", reference("memories.anchor")),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0017_golden_sets"),
    ]

    operations = [
        migrations.AddField(
            "embeddingspace",
            "message_progress_id",
            models.UUIDField(
                help_text="The last message re-embedded while building.", null=True
            ),
        ),
        migrations.CreateModel(
            name="MessageVector",
            fields=[
                *keys(),
                ("space", reference("memories.embeddingspace")),
                ("message", reference("memories.message")),
                ("position", models.BigIntegerField()),
                ("session", models.BigIntegerField()),
                (
                    "search",
                    django.contrib.postgres.search.SearchVectorField(null=True),
                ),
                ("embedding", memories.models.fields.Halfvec()),
            ],
            options={
                **OPTIONS,
                "indexes": [
                    models.Index(
                        fields=["tenant", "anchor", "space"],
                        name="message_vector_scan",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "message", "space"), name="vector_of_message"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="MemorySource",
            fields=[
                *keys(),
                ("memory", reference("memories.memory")),
                ("message", reference("memories.message")),
            ],
            options={
                **OPTIONS,
                "indexes": [
                    models.Index(fields=["tenant", "anchor"], name="source_of_anchor")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "memory", "message"), name="source_once"
                    )
                ],
            },
        ),
        migrations.RunSQL(
            "ALTER TABLE memories_message ADD CONSTRAINT memories_message_parent"
            " UNIQUE (tenant_id, project_id, id)",
            "ALTER TABLE memories_message DROP CONSTRAINT memories_message_parent",
        ),
        TenantTable("MessageVector"),
        TenantTable("MemorySource"),
        migrations.RunSQL(
            (SQL / "windows.sql").read_text(), (SQL / "windows_undo.sql").read_text()
        ),
    ]
