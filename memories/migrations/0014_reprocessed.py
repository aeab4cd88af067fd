"""What was a replay of an add is reprocessed: a replay is of a prompt alone."""

from __future__ import annotations

from django.db import migrations

RENAME = """
UPDATE memories_ingestion
   SET options = options - '{old}' || jsonb_build_object('{new}', options -> '{old}')
 WHERE options ? '{old}';
UPDATE memories_operation
   SET payload = payload - '{old}' || jsonb_build_object('{new}', payload -> '{old}')
 WHERE kind = 'ADD' AND payload ? '{old}';
"""
OLD, NEW = "replay_of", "reprocess_of"


class Migration(migrations.Migration):
    dependencies = [
        ("memories", "0013_adds_of_run"),
    ]

    operations = [
        migrations.RunSQL(
            RENAME.format(old=OLD, new=NEW), RENAME.format(old=NEW, new=OLD)
        ),
    ]
