"""What memories are confirmed by, what patterns rest on, and what is due for either."""

from __future__ import annotations

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import memplatform.lib.clock
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
    ]


KINDS = (
    *("ADD", "SEARCH", "UPDATE", "DELETE", "DELETE_ALL", "DELETE_USER", "RESTORE"),
    *("GET", "GET_ALL", "EXPORT", "IMPORT", "REEMBED", "PROFILE", "REPLAY"),
    *("ARCHIVE", "SYNTHESIZE"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0021_valid_time"),
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
            "anchor", "patterns_asked_at", models.DateTimeField(null=True)
        ),
        migrations.AddIndex(
            "memory",
            models.Index(
                fields=["tenant", "anchor"],
                condition=Q(kind="pattern"),
                name="memory_pattern",
            ),
        ),
        migrations.CreateModel(
            name="Confirmation",
            fields=[
                *keys(),
                ("memory", reference("memories.memory")),
                ("operation", reference("memories.operation", null=True)),
                ("at", models.DateTimeField(default=memplatform.lib.clock.now)),
            ],
            options={
                **OPTIONS,
                "indexes": [
                    models.Index(
                        fields=["tenant", "memory", "at"], name="confirmation_newest"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "memory", "operation"), name="confirmed_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PatternSource",
            fields=[
                *keys(),
                ("pattern", reference("memories.memory")),
                ("number", models.IntegerField()),
                ("source", reference("memories.memory")),
                ("wording", models.IntegerField()),
            ],
            options={
                **OPTIONS,
                "indexes": [
                    models.Index(fields=["tenant", "source"], name="pattern_of_source")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "pattern", "number", "source"),
                        name="pattern_source_once",
                    )
                ],
            },
        ),
        TenantTable("Confirmation"),
        TenantTable("PatternSource"),
        migrations.RunSQL(
            (SQL / "keeping.sql").read_text(), (SQL / "keeping_undo.sql").read_text()
        ),
    ]
