"""Reads for exports: the rows asked for, and what goes into them."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from memories.models import Export, Import
from memories.selectors.memories import VIEW_COLUMNS, owned, view_of, visible
from memories.types import Filters, JsonDict, MemoryView, Visibility
from memplatform.lib.errors import NotFound

MISSING = "No memory export request found"


def get_export(export_id: UUID, kind: Export.Kind, only: Mapping[str, str]) -> Export:
    """One of the open scope that these ids may see; raises NotFound."""
    found = _seen(kind, only).filter(id=export_id).select_related("operation").first()
    if found is None:
        raise NotFound(MISSING)
    return found


def get_finished_export(filters: JsonDict, only: Mapping[str, str]) -> Export:
    """The latest finished one with these very filters; raises NotFound."""
    finished = _seen(Export.Kind.SCHEMA, only).filter(
        filters=filters, status=Export.Status.FINISHED
    )
    found = finished.order_by("-completed_at", "-id").first()
    if found is None:
        raise NotFound(MISSING)
    return found


def get_import(import_id: UUID) -> Import:
    """One of the open scope; raises NotFound."""
    found = Import.objects.filter(id=import_id).select_related("operation").first()
    if found is None:
        raise NotFound("There is no such import.")
    return found


def _seen(kind: Export.Kind, only: Mapping[str, str]) -> QuerySet[Export]:
    """A narrowed key sees what was asked for with the same narrowing."""
    rows = Export.objects.filter(kind=kind)
    return rows.filter(narrowed_to=dict(only)) if only else rows


def list_matching(
    filters: Filters, after: UUID | None, most: int
) -> tuple[MemoryView, ...]:
    """Memories that a list would show, in the order of their ids, behind ``after``."""
    condition, params = visible(filters, Visibility())
    own, own_params = owned()
    statement = (
        f"SELECT {VIEW_COLUMNS} FROM memories_memory AS m WHERE {own} AND {condition}"
        " AND (%s::uuid IS NULL OR m.id > %s) ORDER BY m.id LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*own_params, *params, after, after, most])
        return tuple(view_of(row) for row in cursor.fetchall())
