"""Why memories wait for review, and the queue of those that do."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0009_prompt_trials"),
    ]

    operations = [
        migrations.AddField("memoryevent", "review", models.JSONField(null=True)),
        migrations.AddIndex(
            "memory",
            models.Index(
                fields=["tenant", "project", "accepted_at", "id"],
                condition=models.Q(state="quarantined"),
                name="memory_waiting",
            ),
        ),
    ]
