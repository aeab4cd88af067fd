"""``memories_with_words()`` is told what many say, and looks that up last (ADR 503)."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("memories", "0004_look_each_word_up_once")]

    operations = [
        migrations.AddField(
            model_name="scopeindex",
            name="word_counts",
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.RunSQL(
            (SQL / "words_counted.sql").read_text(),
            (SQL / "words_once.sql").read_text(),
        ),
    ]
