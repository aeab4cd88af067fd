"""Rates of keys, quotas of projects, and usage by subject."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import memplatform.lib.clock
import memplatform.lib.ids
from tenants.tables import TenantTable


def _to(model: str) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        editable=model != "tenants.tenant",
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to=model,
    )


def _id() -> models.UUIDField:
    return models.UUIDField(
        default=memplatform.lib.ids.new_id,
        editable=False,
        primary_key=True,
        serialize=False,
    )


def _count() -> models.BigIntegerField:
    return models.BigIntegerField(db_default=0, default=0)


class Migration(migrations.Migration):
    dependencies = [("tenants", "0003_deleted_projects")]

    operations = [
        migrations.AddField(
            "apikey",
            "requests_per_minute",
            models.IntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            "project", "limits", models.JSONField(blank=True, null=True)
        ),
        migrations.AddField("usage", "embedding_tokens", _count()),
        migrations.CreateModel(
            "SubjectUsage",
            [
                ("id", _id()),
                ("day", models.DateField()),
                ("kind", models.CharField(max_length=8)),
                ("name", models.CharField(max_length=256)),
                ("operation", models.CharField(max_length=32)),
                ("requests", _count()),
                ("prompt_tokens", _count()),
                ("completion_tokens", _count()),
                ("embedding_tokens", _count()),
                ("project", _to("tenants.project")),
                ("tenant", _to("tenants.tenant")),
            ],
            {"abstract": False, "base_manager_name": "objects"},
        ),
        migrations.CreateModel(
            "ForgottenSubject",
            [
                ("id", _id()),
                ("digest", models.CharField(max_length=64)),
                ("pseudonym", models.CharField(max_length=64)),
                ("at", models.DateTimeField(default=memplatform.lib.clock.now)),
                ("project", _to("tenants.project")),
                ("tenant", _to("tenants.tenant")),
            ],
            {"abstract": False, "base_manager_name": "objects"},
        ),
        migrations.AddConstraint(
            "subjectusage",
            models.UniqueConstraint(
                fields=["tenant", "project", "day", "kind", "name", "operation"],
                name="subject_usage_counter",
            ),
        ),
        migrations.AddIndex(
            "forgottensubject",
            models.Index(
                fields=["tenant", "project", "digest", "at"], name="forgotten_subject"
            ),
        ),
        TenantTable("SubjectUsage"),
        TenantTable("ForgottenSubject"),
    ]
