"""Who speaks in a scope: the names that its conversations are full of.

Kept for a minute in the process: a name that comes later is masked a little later.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from memories.types import Scope
from tenants.scopes import read_rows

LATEST = 2_000
"""How many of the newest memories are asked: speakers recur."""
KEPT_S = 60.0
_MOST_KEPT = 10_000

_SPEAKERS = """
SELECT DISTINCT speaker FROM (
    SELECT m.speaker FROM memories_memory m
     WHERE m.tenant_id = %s AND m.project_id = %s {own} AND m.state = 'active'
     ORDER BY m.created_at DESC, m.id DESC LIMIT %s) AS latest
 WHERE speaker IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class _Known:
    people: tuple[str, ...]
    until: float


_kept: dict[tuple[UUID, Scope], _Known] = {}


def list_people(tenant_id: UUID, project_id: UUID, scope: Scope) -> tuple[str, ...]:
    """Names as they were given, of who spoke lately; opens its own scope.

    ``scope`` holds the ids a filter names by equality; None of them is no bound.
    """
    key, now = (project_id, scope), time.monotonic()
    known = _kept.get(key)
    if known is None or known.until < now:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        people = _read(tenant_id, project_id, scope.as_dict())
        known = _kept[key] = _Known(people, now + KEPT_S)
    return known.people


def forget_people() -> None:
    """For tests: what was kept is another database's."""
    _kept.clear()


def _read(
    tenant_id: UUID, project_id: UUID, ids: Mapping[str, str | None]
) -> tuple[str, ...]:
    named = {key: value for key, value in ids.items() if value is not None}
    own = "".join(f" AND m.{key} = %s" for key in named)
    params = [tenant_id, project_id, *named.values(), LATEST]
    rows = read_rows(
        tenant_id, _SPEAKERS.format(own=own), params, project_id=project_id
    )
    return tuple(sorted(name for (name,) in rows))
