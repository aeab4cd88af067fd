"""Nodes that are one and can be parted again, what replaced what, and old edges."""

from __future__ import annotations

from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import memplatform.lib.ids
from tenants.tables import TenantTable

SQL = Path(__file__).parent / "sql"
STANDS = Q(state="active", known_to=None)


def reference(to: str, **options: object) -> models.ForeignKey:
    return models.ForeignKey(
        to,
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        **options,
    )


def words(most: int) -> models.CharField:
    return models.CharField(max_length=most)


NAMED = ["tenant", "project", "anchor", "normalized", "type"]
KINDS = (
    *("ADD", "UPDATE", "DELETE", "SUPERSEDE", "MERGE", "RETIRE", "RESTORE", "EXPIRE"),
    *("CATEGORIZE", "QUARANTINE", "APPROVE", "ARCHIVE", "SUSPECT", "CONFIRM", "ERASE"),
)
SAID = (("mention", "said"), ("relation", "source_said"), ("relation", "target_said"))


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0019_scope_indexes"),
    ]

    operations = [
        migrations.AddField(
            "entity",
            "qualifier",
            models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            "entity",
            "keys",
            django.contrib.postgres.fields.ArrayField(
                words(64), db_default=[], default=list
            ),
        ),
        migrations.RemoveConstraint("entity", "entity_name"),
        migrations.AddConstraint(
            "entity",
            models.UniqueConstraint(
                fields=[*NAMED, "qualifier"],
                condition=Q(state="active"),
                name="entity_name",
            ),
        ),
        migrations.AddIndex(
            "entity",
            models.Index(
                fields=["tenant", "anchor", "normalized"], name="entity_named"
            ),
        ),
        *(
            migrations.AddField(model, name, models.UUIDField(null=True))
            for model, name in SAID
        ),
        migrations.RunSQL(
            [
                "UPDATE memories_mention SET said = entity_id",
                "UPDATE memories_relation SET source_said = source_id,"
                " target_said = target_id",
                "UPDATE memories_entity SET keys = ARRAY[left(normalized, 64)]",
            ],
            migrations.RunSQL.noop,
        ),
        *(
            migrations.AlterField(model, name, models.UUIDField())
            for model, name in SAID
        ),
        migrations.RemoveConstraint("mention", "mention_once"),
        migrations.AddConstraint(
            "mention",
            models.UniqueConstraint(
                fields=["tenant", "said", "memory"], name="mention_once"
            ),
        ),
        migrations.AddIndex(
            "mention",
            models.Index(fields=["tenant", "entity", "memory"], name="mention_entity"),
        ),
        migrations.AddField(
            "relation",
            "is_single",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="One at a time of its subject.",
            ),
        ),
        migrations.AddField(
            "relation", "valid_precision", models.CharField(max_length=8, null=True)
        ),
        migrations.AddField("relation", "archived_at", models.DateTimeField(null=True)),
        *(
            migrations.AddIndex(
                "relation",
                models.Index(
                    fields=["tenant", end, "type"],
                    condition=STANDS,
                    name=f"relation_stands_{way}",
                ),
            )
            for end, way in (("source", "out"), ("target", "in"))
        ),
        migrations.AddIndex(
            "relation",
            models.Index(
                fields=["tenant", "replaced_by"],
                condition=Q(replaced_by__isnull=False),
                name="relation_successor",
            ),
        ),
        migrations.AddIndex(
            "relation",
            models.Index(
                fields=["tenant", "project", "known_to", "valid_to"],
                condition=Q(archived_at=None) & ~STANDS,
                name="relation_over",
            ),
        ),
        migrations.AlterField(
            "memoryevent",
            "kind",
            models.CharField(
                choices=[(kind, kind.capitalize()) for kind in KINDS], max_length=16
            ),
        ),
        migrations.AddIndex(
            "memory",
            models.Index(
                fields=["tenant", "project", "anchor"],
                condition=Q(is_stale_suspect=True, state="active"),
                name="memory_suspect",
            ),
        ),
        migrations.CreateModel(
            name="EntityMerge",
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
                ("kept", reference("memories.entity")),
                ("absorbed", reference("memories.entity")),
                (
                    "decided_by",
                    models.CharField(
                        choices=[
                            ("rule", "Rule"),
                            ("model", "Model"),
                            ("operator", "Operator"),
                        ],
                        max_length=8,
                    ),
                ),
                ("score", models.FloatField(default=1.0)),
                ("evidence", models.JSONField(default=dict)),
                ("actor_kind", words(16)),
                ("actor_id", models.UUIDField(null=True)),
                ("at", models.DateTimeField()),
                ("undone_at", models.DateTimeField(null=True)),
                ("undone_by", models.UUIDField(null=True)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "absorbed"),
                        condition=Q(undone_at=None),
                        name="merged_into_one",
                    )
                ],
                "indexes": [
                    models.Index(fields=["tenant", "kept"], name="merge_kept"),
                    models.Index(fields=["tenant", "anchor"], name="merge_of_anchor"),
                ],
            },
        ),
        TenantTable("EntityMerge", grants=("SELECT", "INSERT", "UPDATE")),
        migrations.RunSQL(
            (SQL / "graph.sql").read_text(), (SQL / "graph_undo.sql").read_text()
        ),
    ]
