"""Subjects created by name; an erasure takes what was accepted before it, no more."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("memories", "0003_retained_text")]

    operations = [
        migrations.AddField(
            "subject", "display_name", models.CharField(max_length=256, null=True)
        ),
        migrations.AddField("subject", "declared_at", models.DateTimeField(null=True)),
        migrations.RunSQL(
            (SQL / "erase_accepted.sql").read_text(),
            [(SQL / "erase_undo.sql").read_text(), (SQL / "erase.sql").read_text()],
        ),
    ]
