"""Webhooks that are delivered to: retries, secrets that rotate, and what erasure does."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

SQL = Path(__file__).parent / "sql"


def a_time() -> models.DateTimeField:
    return models.DateTimeField(null=True)


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0007_profiles"),
        ("tenants", "0003_deleted_projects"),
    ]

    operations = [
        migrations.AddField(
            "webhook",
            "previous_secret_encrypted",
            models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField("webhook", "previous_secret_until", a_time()),
        migrations.AddField("webhook", "disabled_at", a_time()),
        migrations.AddField(
            "webhook", "failures", models.IntegerField(db_default=0, default=0)
        ),
        migrations.AddField("webhook", "failing_since", a_time()),
        migrations.AddField("webhook", "last_success_at", a_time()),
        migrations.AddField("webhook", "paused_until", a_time()),
        migrations.AddField("webhook", "woken_at", a_time()),
        migrations.AddField(
            "delivery",
            "url",
            models.URLField(blank=True, db_default="", default="", max_length=2000),
        ),
        migrations.AddField("delivery", "request_headers", models.JSONField(null=True)),
        migrations.AddField(
            "delivery", "attempt_log", models.JSONField(db_default=[], default=list)
        ),
        migrations.AddField("delivery", "give_up_at", a_time()),
        migrations.AddField("delivery", "lease_until", a_time()),
        migrations.AlterField(
            "delivery",
            "status",
            models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("delivered", "Delivered"),
                    ("failed", "Failed"),
                    ("cancelled", "Cancelled"),
                ],
                default="pending",
                max_length=16,
            ),
        ),
        migrations.RemoveIndex("delivery", "delivery_due"),
        migrations.AddIndex(
            "delivery",
            models.Index(
                condition=Q(status="pending"),
                fields=["tenant", "webhook", "next_attempt_at"],
                name="delivery_due",
            ),
        ),
        migrations.AddIndex(
            "delivery",
            models.Index(fields=["tenant", "outbox"], name="delivery_of_outbox"),
        ),
        migrations.AddIndex(
            "outbox",
            models.Index(
                F("tenant"),
                Cast(KeyTextTransform("memory_id", "payload"), models.UUIDField()),
                name="outbox_of_memory",
            ),
        ),
        migrations.RunSQL(
            (SQL / "webhooks.sql").read_text(), (SQL / "webhooks_undo.sql").read_text()
        ),
        migrations.RunSQL(
            (SQL / "erase_told.sql").read_text(),
            [
                (SQL / "erase_undo.sql").read_text(),
                (SQL / "erase_accepted.sql").read_text(),
            ],
        ),
    ]
