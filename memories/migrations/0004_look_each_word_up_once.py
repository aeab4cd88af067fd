"""``memories_with_words()`` looks each word up once (ADR 503)."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"
BEFORE = (SQL / "words.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [("memories", "0003_drop_index_of_chunks")]

    operations = [
        migrations.RunSQL(
            (SQL / "words_once.sql").read_text(),
            BEFORE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"),
        )
    ]
