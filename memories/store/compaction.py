"""Edges that are over for long go out of the way of reads; nothing is forgotten.

An archived edge keeps its ends, its interval, what replaced it and which memories said
so: a read as of an instant shows it, and a restored memory asserts it anew. Its words
and its vector go: they are its memories'.
"""

from __future__ import annotations

from datetime import datetime

from memories.models import Relation
from memories.selectors.retention import over_edges
from memories.store.retention import CHUNK


def archive_edges(before: datetime, at: datetime) -> int:
    """Archive one chunk of the open project's edges that were over by ``before``."""
    rows = over_edges(before).select_for_update(skip_locked=True, of=("self",))
    ids = [row.id for row in rows.only("id")[:CHUNK]]
    emptied = {"fact": None, "space": None, "embedding": None}
    return Relation.objects.filter(id__in=ids).update(archived_at=at, **emptied)
