"""Messages and model calls may be emptied, never reworded (decision 9)."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("memories", "0002_append_only_and_doors")]

    operations = [
        migrations.RunSQL(
            (SQL / "retention.sql").read_text(),
            (SQL / "retention_undo.sql").read_text(),
        ),
    ]
