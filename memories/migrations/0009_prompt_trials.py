"""Drafts of prompts, and what replays of recorded adds made of a version."""

from __future__ import annotations

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

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
    *("GET", "GET_ALL", "EXPORT", "IMPORT", "REEMBED", "PROFILE", "REPLAY"),
)
OUTCOMES = {
    **{
        outcome: outcome.title()
        for outcome in ("waiting", "same", "reworded", "changed", "new", "gone")
    },
    "failed": "the model failed",
    "unread": "its messages are no longer kept",
    "erased": "Erased",
}


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0008_webhook_deliveries"),
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
        migrations.AddField(
            "promptversion",
            "note",
            models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
        migrations.CreateModel(
            name="PromptDraft",
            fields=[
                *keys(),
                ("template", reference("memories.prompttemplate")),
                ("text", models.TextField()),
                ("text_hash", models.CharField(max_length=64)),
                ("note", models.CharField(blank=True, default="", max_length=300)),
                ("based_on", reference("memories.promptversion", null=True)),
                ("author_id", models.UUIDField(null=True)),
                ("updated_at", models.DateTimeField(default=memplatform.lib.clock.now)),
            ],
            options={
                **OPTIONS,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "template"), name="draft_of_template"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PromptTrial",
            fields=[
                *keys(),
                ("operation", reference("memories.operation")),
                ("ingestion", reference("memories.ingestion")),
                ("prompt_version", reference("memories.promptversion")),
                ("position", models.IntegerField()),
                (
                    "outcome",
                    models.CharField(
                        choices=list(OUTCOMES.items()),
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("decisions", models.JSONField(null=True)),
                ("counts", models.JSONField(default=dict)),
                ("error_code", models.CharField(max_length=64, null=True)),
                ("prompt_tokens", models.IntegerField(default=0)),
                ("completion_tokens", models.IntegerField(default=0)),
                (
                    "cost",
                    models.DecimalField(decimal_places=8, max_digits=18, null=True),
                ),
                ("latency_ms", models.FloatField(null=True)),
                ("created_at", models.DateTimeField(default=memplatform.lib.clock.now)),
            ],
            options={
                **OPTIONS,
                "indexes": [
                    models.Index(
                        fields=["tenant", "ingestion"], name="trial_of_ingestion"
                    ),
                    models.Index(
                        condition=Q(decisions__isnull=False),
                        fields=["tenant", "project", "created_at"],
                        name="trial_kept",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "operation", "position"),
                        name="trial_position",
                    )
                ],
            },
        ),
        TenantTable("PromptDraft"),
        TenantTable("PromptTrial"),
        migrations.RunSQL(
            (SQL / "trials.sql").read_text(), (SQL / "trials_undo.sql").read_text()
        ),
    ]
