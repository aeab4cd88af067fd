"""What SQL alone can promise: append-only history, sweeps, erasure and purge.

``due_*`` functions belong to the directory role and return ids only (decision 2).
``erase_subject``, ``purge_project`` and ``purge_tenant`` run as the owner and write
the audit entry themselves (decision 9).
"""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


def from_file(name: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        (SQL / f"{name}.sql").read_text(), (SQL / f"{name}_undo.sql").read_text()
    )


class Migration(migrations.Migration):
    dependencies = [("memories", "0001_initial")]

    operations = [
        migrations.RunSQL((SQL / "storage.sql").read_text(), migrations.RunSQL.noop),
        from_file("append_only"),
        from_file("gone_too"),
        from_file("due"),
        from_file("words"),
        from_file("graph"),
        from_file("erase_told"),
        from_file("erase"),
        from_file("purge"),
    ]
