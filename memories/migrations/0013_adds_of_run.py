"""What a list of the adds of one run is read by: runs are in no anchor's key."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0012_restores_newest"),
    ]

    operations = [
        migrations.AddIndex(
            "operation",
            models.Index(
                fields=["tenant", "project", "run_id", "-created_at", "-id"],
                condition=Q(kind="ADD", run_id__isnull=False),
                name="add_of_run",
            ),
        ),
    ]
