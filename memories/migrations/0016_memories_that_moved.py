"""Indexes: what became of a subject's memories since an instant, and adds run again."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0015_search_traces"),
    ]

    operations = [
        migrations.AddIndex(
            "memory",
            models.Index(
                fields=["tenant", "project", f"{kind}_id", "state", "known_from"],
                include=["id", "number", "accepted_at"],
                condition=Q(**{f"{kind}_id__isnull": False}),
                name=f"memory_moved_{kind}",
            ),
        )
        for kind in ("user", "agent", "app", "run")
    ] + [
        migrations.AddIndex(
            "operation",
            models.Index(
                fields=["tenant", "anchor", "created_at"],
                condition=Q(kind="ADD", payload__has_key="reprocess_of"),
                name="add_again",
            ),
        ),
    ]
