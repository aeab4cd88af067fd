"""What a fact tells of, how often it recurs, and the offset a message was sent at."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent / "sql"
ASPECTS = [
    ("event", "an event"),
    ("state", "a state"),
    ("plan", "a plan"),
    ("preference", "a preference"),
    ("relationship", "a relationship"),
    ("absence", "an absence"),
]


def recurs() -> models.CharField:
    return models.CharField(
        help_text="An RRULE, without a start.", max_length=200, null=True
    )


def aspect() -> models.CharField:
    return models.CharField(
        choices=ASPECTS, max_length=16, null=True
    )


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0020_graph"),
    ]

    operations = [
        # It never held anything: a head and its versions both say what a fact tells of.
        migrations.RemoveField("memory", "fact_type"),
        *(
            migrations.AddField(model, name, field())
            for model in ("memory", "memoryversion")
            for name, field in (("recurs", recurs), ("aspect", aspect))
        ),
        migrations.AddField(
            "message",
            "utc_offset",
            models.SmallIntegerField(
                help_text="Minutes, as sent_at was given; NULL: none but UTC.",
                null=True,
            ),
        ),
        migrations.RunSQL(
            (SQL / "valid_time.sql").read_text(),
            (SQL / "valid_time_undo.sql").read_text(),
        ),
    ]
