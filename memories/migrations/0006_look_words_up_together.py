"""``memories_with_words()`` is told what may be shown, and looks up by one statement
what is not counted (ADR 503)."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("memories", "0005_count_common_words")]

    operations = [
        # With other arguments, beside the one before: web processes of that release ask
        # it until they are started anew.
        migrations.RunSQL(
            (SQL / "words_together.sql").read_text(),
            (SQL / "words_together_undo.sql").read_text(),
        ),
    ]
