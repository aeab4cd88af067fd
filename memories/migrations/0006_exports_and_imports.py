"""Raw exports and imports, in chunks; what an export needs to go on where it was."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import memplatform.lib.clock
import memplatform.lib.ids
from tenants.tables import TenantTable


def reference(to: str, **options: object) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to=to,
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
    ]


OPTIONS = {"abstract": False, "base_manager_name": "objects"}
KINDS = (
    *("ADD", "SEARCH", "UPDATE", "DELETE", "DELETE_ALL", "DELETE_USER", "RESTORE"),
    *("GET", "GET_ALL", "EXPORT", "IMPORT", "REEMBED"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0005_attachments_and_categories"),
        ("tenants", "0003_deleted_projects"),
    ]

    operations = [
        migrations.AlterField(
            "operation",
            "kind",
            models.CharField(
                choices=[(kind, kind.replace("_", " ").title()) for kind in KINDS],
                max_length=16,
            ),
        ),
        migrations.AddField("export", "counts", models.JSONField(null=True)),
        migrations.AddField("export", "cursor", models.JSONField(null=True)),
        migrations.AddField(
            "export",
            "kind",
            models.CharField(db_default="schema", default="schema", max_length=8),
        ),
        migrations.AddField(
            "export",
            "made_by",
            models.CharField(help_text="model or rules", max_length=8, null=True),
        ),
        migrations.AddField("export", "narrowed_to", models.JSONField(null=True)),
        migrations.AddField(
            "export", "size_bytes", models.BigIntegerField(db_default=0, default=0)
        ),
        migrations.AddField(
            "export", "subject_kind", models.CharField(max_length=8, null=True)
        ),
        migrations.AddField(
            "export", "subject_name", models.CharField(max_length=256, null=True)
        ),
        migrations.AddField(
            "export", "total", models.BigIntegerField(db_default=0, default=0)
        ),
        migrations.CreateModel(
            name="Import",
            fields=[
                *keys(),
                ("operation", reference("memories.operation", null=True)),
                ("status", models.CharField(default="uploading", max_length=16)),
                ("format", models.CharField(max_length=16)),
                ("scope", models.JSONField(default=dict)),
                ("fingerprint", models.CharField(max_length=64, null=True)),
                ("size_bytes", models.BigIntegerField(default=0)),
                ("read_bytes", models.BigIntegerField(default=0)),
                ("done", models.BigIntegerField(default=0)),
                ("added", models.BigIntegerField(default=0)),
                ("known", models.BigIntegerField(default=0)),
                ("refused", models.BigIntegerField(default=0)),
                ("problems", models.JSONField(default=list)),
                (
                    "is_to_forget",
                    models.BooleanField(
                        default=False,
                        help_text="An erasure came by: nothing of the file may stay.",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=memplatform.lib.clock.now),
                ),
                ("completed_at", models.DateTimeField(null=True)),
            ],
            options={
                **OPTIONS,
                "indexes": [
                    models.Index(
                        fields=["tenant", "project", "-created_at"],
                        name="import_newest",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ImportChunk",
            fields=[
                *keys(),
                ("upload", reference("memories.import")),
                ("number", models.IntegerField()),
                ("content", models.BinaryField()),
            ],
            options={
                **OPTIONS,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "upload", "number"), name="import_chunk"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ExportChunk",
            fields=[
                *keys(),
                ("export", reference("memories.export")),
                ("number", models.IntegerField()),
                ("content", models.TextField()),
            ],
            options={
                **OPTIONS,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "export", "number"), name="export_chunk"
                    )
                ],
            },
        ),
        # Chunks refer to it, by project.
        migrations.RunSQL(
            "ALTER TABLE memories_export ADD CONSTRAINT memories_export_parent"
            " UNIQUE (tenant_id, project_id, id)",
            "ALTER TABLE memories_export DROP CONSTRAINT memories_export_parent",
        ),
        TenantTable("Import", is_parent=True),
        TenantTable("ImportChunk"),
        TenantTable("ExportChunk"),
    ]
