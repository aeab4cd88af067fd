"""The audit as a file, page by page: no transaction and no memory for all of it.

Each page is read in a scope of its own, from where the last one ended, while the file
is on its way. Entries that are written meanwhile are newer, and not in it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from django.db.models import Q

from tenants.console.audit.entries import actor_names, actor_of
from tenants.console.audit.filters import AuditFilter
from tenants.models import AuditEntry
from tenants.scopes import tenant_scope

CHUNK = 500
COLUMNS = (
    "at",
    "actor_kind",
    "actor",
    "action",
    "object_type",
    "object_id",
    "project_id",
    "changes",
    "address",
    "request_id",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

type Record = dict[str, Any]


def as_csv(tenant_id: UUID, asked: AuditFilter) -> Iterator[str]:
    """A header, then a line for each entry; changes are JSON in their cell."""
    yield _csv_lines([list(COLUMNS)])
    for page in _pages(tenant_id, asked):
        yield _csv_lines([[_cell(record[name]) for name in COLUMNS] for record in page])


def as_json_lines(tenant_id: UUID, asked: AuditFilter) -> Iterator[str]:
    for page in _pages(tenant_id, asked):
        lines = (json.dumps(record, ensure_ascii=False) for record in page)
        yield "".join(f"{line}\n" for line in lines)


FORMATS: dict[str, tuple[str, Callable[[UUID, AuditFilter], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "jsonl": ("application/x-ndjson", as_json_lines),
}


def _pages(tenant_id: UUID, asked: AuditFilter) -> Iterator[list[Record]]:
    """Newest first, by the place of the last entry, not by counting from the top."""
    last: AuditEntry | None = None
    while True:
        page, last = _page_behind(tenant_id, asked, last)
        if page:
            yield page
        if len(page) < CHUNK:
            return


def _page_behind(
    tenant_id: UUID, asked: AuditFilter, last: AuditEntry | None
) -> tuple[list[Record], AuditEntry | None]:
    with tenant_scope(tenant_id):
        entries = asked.entries()
        if last is not None:
            is_older = Q(at__lt=last.at) | Q(at=last.at, id__lt=last.id)
            entries = entries.filter(is_older, at__lte=last.at)
        found = list(entries[:CHUNK])
        names = actor_names(found)
    return [_record(entry, names) for entry in found], found[-1] if found else last


def _record(entry: AuditEntry, names: dict[UUID, str]) -> Record:
    return {
        "at": entry.at.isoformat(),
        "actor_kind": entry.actor_kind,
        "actor": actor_of(entry, names),
        "action": entry.action,
        "object_type": entry.object_type,
        "object_id": entry.object_id,
        "project_id": str(entry.project_id) if entry.project_id else None,
        "changes": entry.changes,
        "address": entry.address,
        "request_id": entry.request_id,
    }


def _cell(value: Any) -> str:
    """Text that no spreadsheet takes for a formula (OWASP, "CSV Injection")."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv_lines(lines: list[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(lines)
    return buffer.getvalue()
