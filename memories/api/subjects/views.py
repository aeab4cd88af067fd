"""Subjects, which the wire calls entities: users, agents, apps and runs."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import shapes as shared
from memories.api.requests import PageRequest, read_page
from memories.api.subjects import describe, requests, shapes
from memories.api.views.base import MemoryApiView
from memories.models import Operation
from memories.selectors.conditions import FIELDS
from memories.selectors.filters import parse_filters, restrict
from memories.selectors.memories import list_memories
from memories.selectors.projects import get_setup
from memories.selectors.subjects import (
    KINDS,
    Origin,
    find_subject,
    list_names,
    list_subjects,
    origins_of,
)
from memories.services.subjects import declare_subject, delete_subject
from memories.types import Scope, Visibility
from memplatform.lib.errors import PlatformError
from tenants.api.permissions import narrow
from tenants.scopes import tenant_scope
from tenants.selectors import Access

PAGE_SIZE = 100
NAMES_TOLD = 100


class Gone(PlatformError):
    """Entities have no numbers: use DELETE /v2/entities/{type}/{name}/."""

    code = "gone"
    status = 410


class SubjectApiView(MemoryApiView):
    """Errors repeat their message under ``message``, as clients of entities expect."""

    error_key = "message"


class ListSubjects(SubjectApiView):
    """GET /v1/entities/"""

    operation = "entities"

    @extend_schema(**describe.LIST)
    def get(self, request: Request) -> Response:
        access, page = self.access, read_page(request.query_params)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            found, totals = list_subjects(
                access.only, page=page.number, page_size=page.size
            )
        owner = access.operator_email
        body = shared.page_json(request, found, lambda s: shapes.subject_json(s, owner))
        return Response(body | {f"total_{kind}s": totals[kind] for kind in KINDS})


class OneSubject(SubjectApiView):
    """GET, DELETE /v2/entities/{type}/{name}/"""

    @property
    def operation(self) -> str:
        """What usage is counted under."""
        return "delete_entity" if self.request.method == "DELETE" else "entity"

    @extend_schema(**describe.GET)
    def get(self, request: Request, kind: str, name: str) -> Response:
        access, named = self.access, requests.read_named(kind, name)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            found = find_subject(access.only, named.kind, named.name)
        owner = access.operator_email
        return Response([shapes.subject_json(found, owner)] if found else [])

    @extend_schema(**describe.DELETE)
    def delete(self, request: Request, kind: str, name: str) -> Response:
        named = requests.read_named(kind, name)
        requests.require_whole(self.access, named)
        operation_id = delete_subject(self.access, named.kind, named.name)
        message = "Delete in progress. Follow the event to see it finish."
        return Response({"message": message, "event_id": str(operation_id)})


class NumberedSubject(SubjectApiView):
    """DELETE /v1/entities/{type}/{number}/, which older clients know."""

    operation = "delete_entity"

    @extend_schema(exclude=True)
    def delete(self, request: Request, kind: str, number: str) -> Response:
        raise Gone


class SubjectMemories(MemoryApiView):
    """GET /v1/memories/{type}/{name}/"""

    operation = "list"

    @extend_schema(**describe.MEMORIES)
    def get(self, request: Request, kind: str, name: str) -> Response:
        return read_memories_of(request, self.access, kind, name)


def read_memories_of(
    request: Request, access: Access, kind: str, name: str
) -> Response:
    """A page of what belongs to one subject; opens its own scope."""
    named = requests.read_named(kind, name)
    own = narrow(access, Scope(**{named.key: named.name}))
    filters = restrict(parse_filters({named.key: named.name}), own)
    page = PageRequest(read_page(request.query_params).number, PAGE_SIZE)
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        found = list_memories(
            filters, Visibility(), page=page.number, page_size=page.size
        )
        origins = origins_of([memory.id for memory in found.items])
    return Response(
        shared.page_json(
            request,
            found,
            lambda m: shapes.told_json(m, origins.get(m.id, Origin())),
        )
    )


class SubjectFilters(SubjectApiView):
    """GET /v1/entities/filters/: what a dashboard offers to filter by."""

    operation = "entities"

    @extend_schema(**describe.FILTERS)
    def get(self, request: Request) -> Response:
        access = self.access
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            categories = list(get_setup(access.project_id).settings.categories)
            users = list_names(access.only, "user", most=NAMES_TOLD)
        return Response(
            {
                "event_type": list(Operation.Kind.values),
                "categories": categories,
                "users": users,
                "parameters": list(FIELDS),
            }
        )


class _DeclareSubject(SubjectApiView):
    operation = "create_entity"

    def declare(self, request: Request, kind: str) -> Response:
        declared = requests.read_declaration(kind, request.data, self.access)
        subject = declare_subject(self.access, declared)
        return Response(
            shapes.declared_json(subject, self.access.project_id), status=201
        )


class DeclareUser(_DeclareSubject):
    """POST /v1/users/"""

    @extend_schema(**describe.declare("user"))
    def post(self, request: Request) -> Response:
        return self.declare(request, "user")


class DeclareAgent(_DeclareSubject):
    """POST /v1/agents/"""

    @extend_schema(**describe.declare("agent"))
    def post(self, request: Request) -> Response:
        return self.declare(request, "agent")


class DeclareApp(_DeclareSubject):
    """POST /v1/apps/"""

    @extend_schema(**describe.declare("app"))
    def post(self, request: Request) -> Response:
        return self.declare(request, "app")


class DeclareRun(_DeclareSubject):
    """POST /v1/runs/"""

    @extend_schema(**describe.declare("run"))
    def post(self, request: Request) -> Response:
        return self.declare(request, "run")
