"""What is due, of any tenant: ids only, from functions that see no content.

A sweep asks here, then opens each tenant for itself (decision 5).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import connection


def due_ids(function: str, *args: Any) -> dict[UUID, list[UUID]]:
    """Ids by tenant from a ``due_*`` function; it sees keys, never content."""
    places = ", ".join(["%s"] * len(args))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT tenant_id, id FROM {function}({places})",
            list(args),
        )
        rows: Iterable[tuple[UUID, UUID]] = cursor.fetchall()
    due: dict[UUID, list[UUID]] = defaultdict(list)
    for tenant_id, row_id in rows:
        due[tenant_id].append(row_id)
    return due
