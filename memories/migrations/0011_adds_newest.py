"""What lists of adds are read by: all of a project, an anchor's, those that failed."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

NEWEST = ["-created_at", "-id"]


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0010_review"),
    ]

    operations = [
        migrations.AddIndex(
            "operation",
            models.Index(
                fields=["tenant", "project", *NEWEST],
                condition=Q(kind="ADD"),
                name="add_newest",
            ),
        ),
        migrations.AddIndex(
            "operation",
            models.Index(
                fields=["tenant", "anchor", *NEWEST],
                condition=Q(kind="ADD"),
                name="add_of_anchor",
            ),
        ),
        migrations.AddIndex(
            "operation",
            models.Index(
                fields=["tenant", "project", *NEWEST],
                condition=Q(kind="ADD", status="FAILED"),
                name="add_failed",
            ),
        ),
    ]
