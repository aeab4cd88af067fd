"""A raw export as the wire tells of it."""

from __future__ import annotations

from django.urls import reverse
from rest_framework.request import Request

from memories.exports.lines import MEMORY
from memories.models import Export, Operation
from memories.types import JsonDict


def raw_json(request: Request, export: Export) -> JsonDict:
    operation, counts = export.operation, export.counts or {}
    is_finished = export.status == Export.Status.FINISHED
    path = reverse("api:raw-export-file", args=[export.id])
    about = {"kind": export.subject_kind, "name": export.subject_name}
    done = counts.get(MEMORY, 0)
    return {
        "id": str(export.id),
        "event_id": str(operation.id) if operation else None,
        "status": operation.status if operation else Operation.Status.PENDING,
        "subject": about if export.subject_kind else None,
        "percent": 100 if is_finished else int(99 * done / max(1, export.total, done)),
        "memories": export.total,
        "counts": counts,
        "size_bytes": export.size_bytes,
        "file": request.build_absolute_uri(path) if is_finished else None,
        "error": operation.error if operation else None,
        "created_at": export.created_at.isoformat(),
        "completed_at": (
            export.completed_at.isoformat() if export.completed_at else None
        ),
    }
