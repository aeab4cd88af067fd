"""Stored exports and import files: they hold memory text, so they must go in time.

Their rows stay, to say what became of them; their text goes with an erasure, once its
days are over, or, of an import, once it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from memories.models import Export, ExportChunk, Import, ImportChunk, Operation
from memories.models.ingestion import ERASED, UNFINISHED
from memplatform.lib import clock

CHUNK = 500


def exports_in_work(project_id: UUID) -> list[Export]:
    """Before a subject is erased, which empties them: those being made.

    Locked, so that nobody begins to make one of what is about to go.
    """
    exports = Export.objects.filter(
        project_id=project_id, operation__status__in=UNFINISHED
    )
    locked = exports.select_for_update(of=("operation",)).order_by("operation_id")
    return list(locked.select_related("operation"))


def forget_files(
    project_id: UUID, external_id: str, accepted_at: datetime, in_work: list[Export]
) -> None:
    """When a subject is erased: empty what may hold a word of it. Inside a scope.

    Also exports asked for after the erasure was, for they were made before it has run.
    Those that are being made begin anew, without it; one that was asked for before and
    names it has lost its sense and fails. Imports go on, for the erasure's barrier
    drops what is the subject's; their files go when they end, and at once where they
    ended badly.
    """
    exports = Export.objects.filter(project_id=project_id)
    known = {export.id for export in in_work}
    begun = [e for e in exports_in_work(project_id) if e.id not in known]
    for export in [*in_work, *begun]:
        _begin_anew(export, external_id, accepted_at)
    _empty_exports(exports.filter(status=Export.Status.FINISHED))
    ExportChunk.objects.filter(export_id__in=exports.values("id")).delete()
    imports = Import.objects.filter(project_id=project_id, created_at__lte=accepted_at)
    imports.exclude(status=Import.Status.FINISHED).update(is_to_forget=True)
    over = imports.filter(operation__status=Operation.Status.FAILED)
    drop_import_files(list(over.values_list("id", flat=True)))


def _begin_anew(export: Export, external_id: str, accepted_at: datetime) -> None:
    """Whoever works on it has lost its lease."""
    names_it = export.created_at <= accepted_at and json.dumps(
        external_id
    ) in json.dumps([export.filters, export.subject_name])
    operation = export.operation
    operation.lease_token += 1
    operation.lease_until = operation.woken_at = None
    operation.updated_at = accepted_at
    operation.status = Operation.Status.PENDING
    export.data = export.cursor = export.counts = None
    export.size_bytes = export.total = 0
    if names_it:
        operation.status = Operation.Status.FAILED
        operation.error_code, operation.completed_at = ERASED, clock.now()
        export.filters = export.subject_name = None
        export.status = Export.Status.EMPTIED
    operation.save()
    export.save()


def _empty_exports(exports: QuerySet[Export]) -> int:
    return exports.update(
        status=Export.Status.EMPTIED,
        data=None,
        filters=None,
        subject_name=None,
        instructions="",
        cursor=None,
    )


def drop_import_files(import_ids: Iterable[UUID]) -> None:
    """The bytes of these imports; what was counted of them stays."""
    ImportChunk.objects.filter(upload_id__in=import_ids).delete()


def empty_old_exports(before: datetime) -> int:
    """Exports made, and imports sent, before an instant: empty one chunk of them."""
    old = Export.objects.filter(created_at__lt=before).exclude(
        status=Export.Status.EMPTIED
    )
    done = old.exclude(operation__status__in=UNFINISHED).order_by("created_at")
    ids = list(done.values_list("id", flat=True)[:CHUNK])
    ExportChunk.objects.filter(export_id__in=ids).delete()
    _empty_exports(Export.objects.filter(id__in=ids))
    ended = Q(operation__isnull=True) | ~Q(operation__status__in=UNFINISHED)
    sent = Import.objects.filter(ended, created_at__lt=before)
    failed = Import.objects.filter(
        is_to_forget=True, operation__status=Operation.Status.FAILED
    )
    for rows in (sent, failed):
        drop_import_files(list(rows.values_list("id", flat=True)))
    return len(ids)


def drop_files(project_id: UUID | None) -> None:
    """Every export and import of a project (None: of the tenant); inside its scope."""
    for model in (ExportChunk, Export, ImportChunk, Import):
        rows: QuerySet[Export] = model.objects.all()  # type: ignore[assignment]
        (rows.filter(project_id=project_id) if project_id else rows).delete()
