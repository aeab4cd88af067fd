"""Imports: a file of memories comes in."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import reading
from memories.api.imports import describe, requests
from memories.api.views.base import MemoryApiView, spend_quota
from memories.models import Import, Operation
from memories.selectors.exports import get_import
from memories.services.imports import accept_upload
from memories.types import JsonDict
from tenants.api.permissions import require_unnarrowed
from tenants.scopes import tenant_scope


class Imports(MemoryApiView):
    """POST /v1/imports/"""

    operation = "import"
    parser_classes = [
        requests.LinesParser,
        requests.JSONFileParser,
        requests.CSVParser,
        requests.FileParser,
    ]

    @extend_schema(**describe.IMPORT)
    def post(self, request: Request) -> Response:
        access = self.access
        require_unnarrowed(access, "import memories")
        requests.check_size(request.META.get("CONTENT_LENGTH"))
        form, scope = requests.read_form(
            request.query_params, request.content_type or ""
        )
        spend_quota(access, self.operation)
        row = accept_upload(access, form, scope, requests.read_pieces(request.data))
        message = "The file is here. Follow its import to see it come in."
        return Response({"message": message, **_import_json(row)}, status=201)


class OneImport(MemoryApiView):
    """GET /v1/imports/{import_id}/"""

    operation = "get_import"

    @extend_schema(**describe.STATUS)
    def get(self, request: Request, import_id: str) -> Response:
        access, known_id = self.access, reading.uuid_of("import_id", import_id)
        require_unnarrowed(access, "follow an import")
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            row = get_import(known_id)
        return Response(_import_json(row))


def _import_json(row: Import) -> JsonDict:
    operation = row.operation
    is_finished = row.status == Import.Status.FINISHED
    share = row.read_bytes / row.size_bytes if row.size_bytes else 0
    return {
        "id": str(row.id),
        "event_id": str(operation.id) if operation else None,
        "status": operation.status if operation else Operation.Status.PENDING,
        "percent": 100 if is_finished else min(99, int(share * 100)),
        "size_bytes": row.size_bytes,
        "records": row.done,
        "added": row.added,
        "already_there": row.known,
        "refused": row.refused,
        "problems": row.problems,
        "error": operation.error if operation else None,
        "created_at": row.created_at.isoformat(),
        "completed_at": row.completed_at.isoformat() if row.completed_at else None,
    }
