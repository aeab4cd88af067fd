"""One memory: get, change, delete, and what happened to it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import describe, requests, shapes
from memories.api.reading import uuid_of
from memories.api.subjects.views import read_memories_of
from memories.api.views.base import (
    MISSING,
    MemoryApiView,
    check_is_own,
    require_own,
    spend_quota,
)
from memories.selectors.memories import get_history, get_memory
from memories.selectors.subjects import KINDS
from memories.services.edit import delete_memory, update_memory
from memories.services.suspects import confirm_memory
from memplatform.lib.errors import NotFound
from tenants.scopes import tenant_scope


class OneMemory(MemoryApiView):
    """GET, PUT, DELETE /v1/memories/{memory_id}/"""

    @property
    def operation(self) -> str | None:
        """What usage is counted under."""
        return _OPERATIONS.get(self.request.method or "")

    @extend_schema(**describe.GET)
    def get(self, request: Request, memory_id: str) -> Response:
        access, known_id = self.access, uuid_of("memory_id", memory_id)
        as_of = requests.read_as_of(request.query_params)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            memory = get_memory(known_id, as_of=as_of)
        require_own(access, memory)
        return Response(shapes.memory_json(memory))

    @extend_schema(**describe.UPDATE)
    def put(self, request: Request, memory_id: str) -> Response:
        known_id = uuid_of("memory_id", memory_id)
        changes = requests.read_changes(request.data)
        check_is_own(self.access, known_id)
        spend_quota(self.access, "update")
        memory = update_memory(self.access, known_id, changes)
        return Response(shapes.memory_json(memory))

    @extend_schema(**describe.DELETE)
    def delete(self, request: Request, memory_id: str) -> Response:
        known_id = uuid_of("memory_id", memory_id)
        is_linked = requests.read_delete_linked(request.query_params)
        check_is_own(self.access, known_id)
        linked = delete_memory(self.access, known_id, delete_linked=is_linked)
        body: dict[str, Any] = {"message": "Memory deleted successfully!"}
        return Response(body | ({"cascade_count": linked} if is_linked else {}))


_OPERATIONS = {"GET": "get", "PUT": "update", "DELETE": "delete"}


class ConfirmMemory(MemoryApiView):
    """POST /v1/memories/{memory_id}/confirm/"""

    operation = "update"

    @property
    def allowed_methods(self) -> list[str]:
        """Nothing is read here, but for a subject of that name."""
        names = super().allowed_methods
        given = getattr(self, "kwargs", {})  # the API's document has no request
        is_of_subject = given.get("memory_id") in KINDS
        return names if is_of_subject else [n for n in names if n != "GET"]

    @extend_schema(exclude=True)
    def get(self, request: Request, memory_id: str) -> Response:
        """What belongs to a subject whose name is "confirm"."""
        if memory_id not in KINDS:
            raise MethodNotAllowed("GET")
        return read_memories_of(request, self.access, memory_id, "confirm")

    @extend_schema(**describe.CONFIRM)
    def post(self, request: Request, memory_id: str) -> Response:
        known_id = uuid_of("memory_id", memory_id)
        check_is_own(self.access, known_id)
        spend_quota(self.access, "update")
        return Response(shapes.memory_json(confirm_memory(self.access, known_id)))


class MemoryHistory(MemoryApiView):
    """GET /v1/memories/{memory_id}/history/"""

    operation = "history"

    @extend_schema(**describe.HISTORY)
    def get(self, request: Request, memory_id: str) -> Response:
        if memory_id in KINDS:  # a subject whose name is "history"
            return read_memories_of(request, self.access, memory_id, "history")
        access, known_id = self.access, uuid_of("memory_id", memory_id)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            entries = get_history(known_id)
        # Every entry carries its memory's ids: all are the key's own, or none is.
        own = [e for e in entries if access.only.items() <= e.scope.as_dict().items()]
        if not own:
            raise NotFound(MISSING)
        return Response(shapes.history_json(own))
