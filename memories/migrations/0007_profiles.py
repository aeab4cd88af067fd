"""Profiles of users, and which of them are due to be made anew."""

from __future__ import annotations

from pathlib import Path

import django.db.models.deletion
import memplatform.lib.ids
from django.db import migrations, models

from tenants.tables import TenantTable

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0006_exports_and_imports"),
        ("tenants", "0003_deleted_projects"),
    ]

    operations = [
        migrations.AlterField(
            model_name="operation",
            name="kind",
            field=models.CharField(
                choices=[
                    ("ADD", "Add"),
                    ("SEARCH", "Search"),
                    ("UPDATE", "Update"),
                    ("DELETE", "Delete"),
                    ("DELETE_ALL", "Delete All"),
                    ("DELETE_USER", "Delete User"),
                    ("RESTORE", "Restore"),
                    ("GET", "Get"),
                    ("GET_ALL", "Get All"),
                    ("EXPORT", "Export"),
                    ("IMPORT", "Import"),
                    ("REEMBED", "Reembed"),
                    ("PROFILE", "Profile"),
                ],
                max_length=16,
            ),
        ),
        migrations.CreateModel(
            name="Profile",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=memplatform.lib.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("user_id", models.CharField(max_length=256)),
                ("asked_at", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("insufficient_data", "Insufficient Data"),
                        ],
                        max_length=20,
                        null=True,
                    ),
                ),
                ("data", models.JSONField(default=dict)),
                ("sources", models.JSONField(default=dict)),
                ("generation_count", models.IntegerField(default=0)),
                ("memories_read", models.IntegerField(default=0)),
                ("engine", models.CharField(max_length=16, null=True)),
                ("model", models.CharField(max_length=200, null=True)),
                ("schema_hash", models.CharField(max_length=64, null=True)),
                ("error_code", models.CharField(max_length=64, null=True)),
                ("error", models.TextField(blank=True, default="")),
                ("read_at", models.DateTimeField(null=True)),
                ("updated_at", models.DateTimeField(null=True)),
                (
                    "operation",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="memories.operation",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.project",
                    ),
                ),
                (
                    "prompt_version",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="memories.promptversion",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "project", "user_id"), name="profile_of_user"
                    )
                ],
            },
        ),
        TenantTable("Profile"),
        migrations.RunSQL(
            (SQL / "due_profiles.sql").read_text(),
            (SQL / "due_profiles_undo.sql").read_text(),
        ),
    ]
