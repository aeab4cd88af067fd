"""Operations, which the wire calls events: how an accepted request went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import describe, reading, requests, shapes
from memories.api.views.base import MemoryApiView
from memories.models import Operation
from memories.selectors.operations import (
    OperationFilter,
    get_operation,
    list_operations,
)
from memories.types import SCOPE_KEYS, Scope
from tenants.api.permissions import narrow
from tenants.scopes import tenant_scope
from tenants.selectors import Access


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
        access, page = self.access, requests.read_page(request.query_params)
        wanted = _read_filter(request.query_params, access)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            found = list_operations(wanted, page=page.number, page_size=page.size)
        return Response(shapes.page_json(request, found, shapes.operation_json))


def _read_filter(query: Mapping[str, Any], access: Access) -> OperationFilter:
    """Which events are asked for; raises InvalidRequest, NotFound for a foreign id.

    A narrowed key sees those of its subject, and those that it asked for itself.
    """
    fields = reading.query_fields(query)
    ids = {key: fields.read(key, reading.scope_id, None) for key in SCOPE_KEYS}
    wanted = OperationFilter(
        kind=fields.read("event_type", reading.one_of(Operation.Kind.values), None),
        status=fields.read("status", reading.one_of(Operation.Status.values), None),
        ids={key: name for key, name in ids.items() if name is not None},
        created_from=fields.read("start_date", reading.instant, None),
        created_before=fields.read("end_date", requests.end, None),
        only=access.only,
        asked_by=access.key_id,
    )
    fields.check()
    narrow(access, Scope(**wanted.ids))
    return wanted
