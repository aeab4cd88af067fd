"""``memories_with_words()`` is told what may be shown, and looks up by one statement
what is not counted (ADR 503)."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


def read(*names: str) -> str:
    return "".join((SQL / f"{name}.sql").read_text() for name in names)


class Migration(migrations.Migration):
    dependencies = [("memories", "0005_count_common_words")]

    operations = [
        # It has other arguments now, and would stand beside the one before.
        migrations.RunSQL(read("words_undo"), read("words_counted", "words_grants")),
        migrations.RunSQL(read("words_together"), read("words_together_undo")),
    ]
