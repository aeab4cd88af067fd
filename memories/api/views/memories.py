"""Memories: add, list, search; and delete by scope."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import describe, requests, shapes
from memories.api.graph.shapes import relation_json
from memories.api.requests import ListRequest
from memories.api.views.base import (
    MemoryApiView,
    count_for,
    spend_quota,
    tell_reranking,
)
from memories.retrieval.search import find
from memories.selectors.memories import list_memories
from memories.selectors.relations import RelationView, relations_around
from memories.selectors.sight import Sight
from memories.services.add import add_memories
from memories.services.deletion import delete_scope
from memories.types import AddAnswer, Hit, MemoryView, Page, SearchRequest
from tenants.scopes import tenant_scope
from tenants.selectors import Access


class AddMemories(MemoryApiView):
    """POST /v3/memories/add/"""

    operation = "add"

    @extend_schema(**describe.ADD)
    def post(self, request: Request) -> Response:
        return Response(shapes.add_json(add_asked(self.access, request)))

    def shape_error(self, body: dict[str, Any], status: int) -> dict[str, Any]:
        return add_error(body, status)


def add_asked(access: Access, request: Request) -> AddAnswer:
    """What a request asks to add, accepted."""
    key = requests.read_idempotency_key(request.headers.get("Idempotency-Key"))
    asked = requests.read_add(request.data, access)
    count_for(asked.scope)
    spend_quota(access, "add")
    return add_memories(
        access,
        asked,
        idempotency_key=key,
        body_hash=requests.hash_body(request.data) if key else "",
    )


def add_error(body: dict[str, Any], status: int) -> dict[str, Any]:
    """The wire's own shape for adds; ``detail`` and ``code`` stay."""
    phrase = f"{status} {HTTPStatus(status).phrase}"
    return {**body, "error": phrase, "details": {"message": body["detail"]}}


class SearchMemories(MemoryApiView):
    """POST /v3/memories/search/"""

    operation = "search"
    is_read = True

    @extend_schema(**describe.SEARCH)
    def post(self, request: Request) -> Response:
        asked = requests.read_search(request.data, self.access)
        shown = requests.read_shown_fields(request.data)
        wants_relations = requests.read_wants_relations(request.data)
        count_for(asked.filters.scope)
        spend_quota(self.access, self.operation)
        found = find(self.access, asked)
        tell_reranking(found.reranking)
        body: dict[str, Any] = {
            "results": [shapes.hit_json(hit, shown) for hit in found.hits],
            **shapes.reranking_json(found.reranking),
        }
        if wants_relations:
            around = read_relations_around(self.access, asked, found.hits)
            body["relations"] = [relation_json(relation) for relation in around]
        return Response(body)


def read_relations_around(
    access: Access, asked: SearchRequest, hits: Sequence[Hit]
) -> list[RelationView]:
    """Edges of what the hits mention, as the search's filters see it; opens its own
    scope."""
    shown = asked.visibility
    sight = Sight(asked.filters, shown.as_of, shown.show_expired)
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        return relations_around(sight, [hit.memory.id for hit in hits])


class ListMemories(MemoryApiView):
    """POST /v3/memories/"""

    operation = "list"
    is_read = True

    @extend_schema(**describe.LIST)
    def post(self, request: Request) -> Response:
        access = self.access
        asked = requests.read_list(request.data, request.query_params, access)
        shown = requests.read_shown_fields(request.data)
        page = read_listed(access, asked)
        return Response(
            shapes.page_json(request, page, lambda m: shapes.memory_json(m, shown))
        )


def read_listed(access: Access, asked: ListRequest) -> Page[MemoryView]:
    """A page of what a list asks for; opens its own scope."""
    count_for(asked.filters.scope)
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        return list_memories(
            asked.filters,
            asked.visibility,
            page=asked.page.number,
            page_size=asked.page.size,
            created_from=asked.created_from,
            created_before=asked.created_before,
        )


class DeleteMemories(MemoryApiView):
    """DELETE /v1/memories/: everything of a scope, in the background."""

    operation = "delete_all"

    @extend_schema(**describe.DELETE_ALL)
    def delete(self, request: Request) -> Response:
        pattern = requests.read_delete_pattern(request.query_params, self.access)
        operation_id = delete_scope(self.access, pattern)
        message = "Delete in progress. Follow the event to see it finish."
        return Response({"message": message, "event_id": str(operation_id)})
