"""Restores are few among many operations, and a subject's last one is looked up."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0011_adds_newest"),
    ]

    operations = [
        migrations.AddIndex(
            "operation",
            models.Index(
                fields=["tenant", "project", "-created_at", "-id"],
                condition=models.Q(kind="RESTORE"),
                name="restore_newest",
            ),
        ),
    ]
