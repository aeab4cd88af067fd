"""What the list of kept traces is read by: searches that keep one are few."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0014_reprocessed"),
    ]

    operations = [
        migrations.AddIndex(
            "operation",
            models.Index(
                fields=["tenant", "project", "-created_at", "-id"],
                condition=Q(kind="SEARCH", payload__has_key="trace"),
                name="search_traced",
            ),
        ),
    ]
