"""Exports: shaped by a schema; and raw, as a file."""

from __future__ import annotations

from typing import NoReturn

from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import reading
from memories.api.exports import describe, requests, shapes
from memories.api.views.base import MemoryApiView, spend_quota
from memories.models import Export, Operation
from memories.selectors.exports import get_export, get_finished_export
from memories.services.exports import request_export, request_raw_export
from memories.services.raw_exports import read_chunks
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.api.permissions import require_unnarrowed
from tenants.scopes import tenant_scope
from tenants.selectors import Access


class NotReady(NotFound):
    """not ready"""

    code = "not_ready"


class ExportFailed(NotFound):
    """The export failed; ask for it again."""

    code = "export_failed"


class Emptied(NotFound):
    """The data of this export are kept no more; ask for it again."""

    code = "export_emptied"


class Exports(MemoryApiView):
    """POST /v1/exports/"""

    operation = "export"

    @extend_schema(**describe.EXPORT)
    def post(self, request: Request) -> Response:
        self.error_key = "message"
        requests.read_schema(request.data)
        self.error_key = "error"
        asked = requests.read_export(request.data, self.access)
        spend_quota(self.access, self.operation)
        export = request_export(self.access, asked)
        message = (
            "Memory export request received. The export will be ready in a few seconds."
        )
        return Response({"message": message, "id": str(export.id)}, status=201)


class GetExport(MemoryApiView):
    """POST /v1/exports/get/"""

    operation = "get_export"
    is_read = True

    @extend_schema(**describe.GET)
    def post(self, request: Request) -> Response:
        access, wanted = self.access, requests.read_wanted(request.data)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            if wanted.export_id is not None:
                export = get_export(wanted.export_id, Export.Kind.SCHEMA, access.only)
            elif wanted.filters is not None:
                export = get_finished_export(wanted.filters, access.only)
            else:
                raise InvalidRequest
        if export.status != Export.Status.FINISHED:
            refuse_unfinished(export)
        return Response(export.data, headers={"X-Export-Made-By": export.made_by or ""})


def refuse_unfinished(export: Export) -> NoReturn:
    """Raise what says why there is nothing to give."""
    operation = export.operation
    if export.status == Export.Status.EMPTIED:
        raise Emptied
    if operation and operation.status == Operation.Status.FAILED:
        raise ExportFailed(f"The export failed: {operation.error}")
    raise NotReady


class RawExports(MemoryApiView):
    """POST /v1/exports/raw/"""

    operation = "export"

    @extend_schema(**describe.RAW)
    def post(self, request: Request) -> Response:
        access = self.access
        require_unnarrowed(access, "export everything as it is stored")
        kind, name = requests.read_subject(request.data)
        export = request_raw_export(access, kind, name)
        return Response(shapes.raw_json(request, export), status=201)


class RawExport(MemoryApiView):
    """GET /v1/exports/raw/{export_id}/"""

    operation = "get_export"

    @extend_schema(**describe.RAW_STATUS)
    def get(self, request: Request, export_id: str) -> Response:
        return Response(shapes.raw_json(request, find_raw(self.access, export_id)))


class RawExportFile(MemoryApiView):
    """GET /v1/exports/raw/{export_id}/file/"""

    operation = "get_export"

    @extend_schema(**describe.RAW_FILE)
    def get(self, request: Request, export_id: str) -> StreamingHttpResponse:
        export = find_raw(self.access, export_id)
        if export.status != Export.Status.FINISHED:
            refuse_unfinished(export)
        name = f'attachment; filename="memories-{export.id}.jsonl"'
        return StreamingHttpResponse(
            (chunk.encode() for chunk in read_chunks(export)),
            content_type="application/x-ndjson",
            headers={
                "Content-Disposition": name,
                "Content-Length": str(export.size_bytes),
            },
        )


def find_raw(access: Access, export_id: str) -> Export:
    """Raises NotFound, and Forbidden for a narrowed key."""
    known_id = reading.uuid_of("export_id", export_id)
    require_unnarrowed(access, "read an export of everything")
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        return get_export(known_id, Export.Kind.RAW, access.only)
