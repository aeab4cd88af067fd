"""Operations, which the wire calls events: how an accepted request went."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import describe, reading, requests, shapes
from memories.api.views.base import MemoryApiView
from memories.models import Operation
from memories.selectors.operations import get_operation, list_operations
from tenants.api.permissions import require_unnarrowed
from tenants.scopes import tenant_scope


class OneOperation(MemoryApiView):
    """GET /v1/event/{event_id}/"""

    operation = "event"

    @extend_schema(**describe.EVENT)
    def get(self, request: Request, event_id: str) -> Response:
        access, known_id = self.access, reading.uuid_of("event_id", event_id)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            operation = get_operation(
                known_id, only=access.only, asked_by=access.key_id
            )
        return Response(shapes.operation_json(operation))


class ListOperations(MemoryApiView):
    """GET /v1/events/"""

    operation = "events"

    @extend_schema(**describe.EVENTS)
    def get(self, request: Request) -> Response:
        access = self.access
        require_unnarrowed(access, "list the events of the project")
        page = requests.read_page(request.query_params)
        wanted = reading.query_fields(request.query_params)
        kind = wanted.read("event_type", reading.one_of(Operation.Kind.values), None)
        status = wanted.read("status", reading.one_of(Operation.Status.values), None)
        wanted.check()
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            found = list_operations(
                page=page.number, page_size=page.size, kind=kind, status=status
            )
        return Response(shapes.page_json(request, found, shapes.operation_json))
