"""Every leg of a search in one round trip: what facts mean and say, and what stood
around the messages they were learned from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from memories.retrieval.huge import SCAN_SETTINGS, huge_statement_of, is_huge
from memories.retrieval.rank import Candidate
from memories.retrieval.statement import Asked, statement_of
from memories.selectors.memories import REPLACED_BY_AT, STATE_AT, view_of
from memories.types import Aspect, MemoryView, State
from tenants.scopes import read_rows

TEXT_AT, ROLE_AT, SUSPECT_AT, CREATED_AT, VALID_AT = 1, 10, 12, 16, 19
PRECISION_AT, RECURS_AT, ASPECT_AT = 23, 24, 25
"""Where ``VIEW_COLUMNS`` has what the cues of a ranking read."""
INSTANTS_AT = range(16, 21)
_SIGNALS = 10
"""How many columns stand behind ``VIEW_COLUMNS``."""
_BY_INDEX: Mapping[str, str] = MappingProxyType({"enable_seqscan": "off"})
"""All that a search reads has an index. Where a store has few scopes, one plan for all
of them would read it whole for any (ADR 0014)."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What the legs found; ``rows`` begin with ``VIEW_COLUMNS``, instants as text."""

    candidates: tuple[Candidate, ...]
    rows: Mapping[UUID, Sequence[Any]]

    def view(self, memory_id: UUID) -> MemoryView:
        row = list(self.rows[memory_id])
        for at in INSTANTS_AT:
            row[at] = _instant(row[at])
        return view_of(row)


def gather(asked: Asked) -> Pool:
    """Every leg's candidates; opens its own scope."""
    is_of_huge = is_huge(asked)
    statement = huge_statement_of(asked) if is_of_huge else statement_of(asked)
    rows = read_rows(
        asked.setup.tenant_id,
        statement.sql,
        statement.params,
        project_id=asked.setup.project_id,
        settings={**_BY_INDEX, **(SCAN_SETTINGS if is_of_huge else {})},
    )
    return Pool(
        candidates=tuple(_candidate(row) for row in rows),
        rows={row[0]: row for row in rows},
    )


def _instant(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)


def _candidate(row: Sequence[Any]) -> Candidate:
    """From ``VIEW_COLUMNS`` and what each leg gave."""
    speaker, size, opinion, distance, words, *rest = row[-_SIGNALS:]
    around, words_around, linked, is_asked, is_stated = rest
    return Candidate(
        memory_id=row[0],
        meaning=None if distance is None else 1.0 - distance,
        words=words,
        around=around,
        words_around=words_around,
        linked=linked,
        is_asked=is_asked,
        is_stated=is_stated,
        is_suspect=row[SUSPECT_AT],
        is_current=row[STATE_AT] == State.ACTIVE,
        successor=row[REPLACED_BY_AT],
        text=row[TEXT_AT],
        speaker=speaker,
        size=size or 0,
        opinion=opinion or 0,
        role=row[ROLE_AT],
        said_at=_instant(row[CREATED_AT]),
        valid_from=_instant(row[VALID_AT]),
        valid_to=_instant(row[VALID_AT + 1]),
        precision=row[PRECISION_AT],
        recurs=row[RECURS_AT] is not None,
        aspect=None if row[ASPECT_AT] is None else Aspect(row[ASPECT_AT]),
    )
