"""Which huge scopes have an index of their own, and who stands next to a message."""

from __future__ import annotations

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

import memplatform.lib.clock
import memplatform.lib.ids
from tenants.tables import TenantTable

SQL = Path(__file__).parent / "sql"
OF = [("memories", "Memories"), ("messages", "Messages"), ("words", "Words")]
STATES = [("building", "Building"), ("ready", "Ready"), ("failed", "Failed")]


def reference(to: str, **options: object) -> models.ForeignKey:
    return models.ForeignKey(
        to,
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        **options,
    )


def now() -> models.DateTimeField:
    return models.DateTimeField(default=memplatform.lib.clock.now)


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0018_windows"),
    ]

    operations = [
        # The longer index serves whoever read the shorter one.
        migrations.AddIndex(
            "messagevector",
            models.Index(
                fields=["tenant", "anchor", "space", "session", "position"],
                name="message_neighbours",
            ),
        ),
        migrations.RemoveIndex("messagevector", "message_vector_scan"),
        # Learned from a message: what a search asks of a few, and a purge of each.
        migrations.AddIndex(
            "memorysource",
            models.Index(fields=["tenant", "message"], name="source_of_message"),
        ),
        migrations.CreateModel(
            name="ScopeIndex",
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
                ("tenant", reference("tenants.tenant", editable=False)),
                ("project", reference("tenants.project")),
                ("anchor", reference("memories.anchor")),
                ("space", reference("memories.embeddingspace")),
                ("of", models.CharField(choices=OF, max_length=16)),
                ("state", models.CharField(choices=STATES, max_length=16)),
                ("vectors", models.BigIntegerField()),
                ("error", models.CharField(blank=True, default="", max_length=200)),
                ("created_at", now()),
                ("updated_at", now()),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "anchor", "space", "of"),
                        name="one_scope_index",
                    )
                ],
            },
        ),
        TenantTable("ScopeIndex"),
        migrations.RunSQL(
            (SQL / "scope_indexes.sql").read_text(),
            (SQL / "scope_indexes_undo.sql").read_text(),
        ),
    ]
