"""A project's own questions, asked on a schedule, and how they were answered."""

from __future__ import annotations

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import memplatform.lib.clock
import memplatform.lib.ids
from tenants.tables import TenantTable

SQL = Path(__file__).parent / "sql"
STATES = [
    ("new", "not asked yet"),
    ("good", "as accepted"),
    ("below", "below what was accepted"),
    ("failed", "the last run failed"),
]


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


def now() -> models.DateTimeField:
    return models.DateTimeField(default=memplatform.lib.clock.now)


OPTIONS = {"abstract": False, "base_manager_name": "objects"}


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0016_memories_that_moved"),
        ("tenants", "0003_deleted_projects"),
    ]

    operations = [
        migrations.CreateModel(
            name="GoldenSet",
            fields=[
                *keys(),
                ("name", models.CharField(max_length=200)),
                ("questions", models.JSONField(default=list)),
                ("every_hours", models.IntegerField(default=0)),
                ("tolerance", models.FloatField(default=0.02)),
                ("next_run_at", models.DateTimeField(null=True)),
                (
                    "state",
                    models.CharField(choices=STATES, default="new", max_length=8),
                ),
                ("author_id", models.UUIDField(null=True)),
                ("created_at", now()),
                ("updated_at", now()),
            ],
            options={
                **OPTIONS,
                "indexes": [
                    models.Index(
                        condition=Q(next_run_at__isnull=False),
                        fields=["next_run_at"],
                        name="golden_set_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "project", "name"), name="golden_set_name"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GoldenRun",
            fields=[
                *keys(),
                ("golden_set", reference("memories.goldenset")),
                ("figures", models.JSONField(default=dict)),
                ("answers", models.JSONField(default=list)),
                ("below", models.JSONField(default=list)),
                ("error", models.CharField(blank=True, default="", max_length=500)),
                ("is_accepted", models.BooleanField(default=False)),
                ("started_at", now()),
                ("created_at", now()),
            ],
            options={
                **OPTIONS,
                "indexes": [
                    models.Index(
                        fields=["tenant", "golden_set", "-created_at", "-id"],
                        name="golden_run_newest",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(is_accepted=True),
                        fields=("tenant", "golden_set"),
                        name="one_accepted_run",
                    )
                ],
            },
        ),
        TenantTable("GoldenSet", is_parent=True),
        TenantTable("GoldenRun"),
        migrations.RunSQL(
            (SQL / "golden.sql").read_text(), (SQL / "golden_undo.sql").read_text()
        ),
    ]
