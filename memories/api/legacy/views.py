"""Add, list and search as older clients ask for them; deprecated, and kept."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import shapes
from memories.api.legacy import describe, requests
from memories.api.legacy.requests import V2_THRESHOLD, OldList
from memories.api.views.base import (
    MemoryApiView,
    count_for,
    spend_quota,
    tell_reranking,
)
from memories.api.views.memories import (
    DeleteMemories,
    add_asked,
    add_error,
    read_listed,
)
from memories.retrieval.search import find
from memories.types import SearchRequest
from tenants.selectors import Access


class MemoriesV1(DeleteMemories):
    """GET, POST /v1/memories/; DELETE there is no older than the rest."""

    @property
    def operation(self) -> str | None:  # type: ignore[override]
        """What usage is counted under."""
        return _OPERATIONS.get(self.request.method or "")

    @extend_schema(**describe.ADD)
    def post(self, request: Request) -> Response:
        body = shapes.add_json(add_asked(self.access, request))
        if not requests.wants_added_envelope(request.data):
            return Response([body])
        results = body.get("results", [body])
        return Response({"results": results, "relations": []})

    @extend_schema(**describe.LIST_V1)
    def get(self, request: Request) -> Response:
        asked = requests.read_list_in_query(request.query_params, self.access)
        return _listed(request, self.access, asked)

    def shape_error(self, body: dict[str, Any], status: int) -> dict[str, Any]:
        is_add = self.request.method == "POST"
        return add_error(body, status) if is_add else body


_OPERATIONS = {"GET": "list", "POST": "add", "DELETE": "delete_all"}


class ListMemoriesV2(MemoryApiView):
    """POST /v2/memories/"""

    operation = "list"
    is_read = True

    @extend_schema(**describe.LIST_V2)
    def post(self, request: Request) -> Response:
        query = request.query_params
        asked = requests.read_list_in_body(request.data, query, self.access)
        return _listed(request, self.access, asked)


class SearchMemoriesV1(MemoryApiView):
    """POST /v1/memories/search/"""

    operation = "search"
    is_read = True

    @extend_schema(**describe.SEARCH_V1)
    def post(self, request: Request) -> Response:
        asked = requests.read_search(request.data, self.access)
        found = _found(self.access, asked)
        is_wrapped = requests.wants_envelope(request.data)
        return Response({"results": found} if is_wrapped else found)


class SearchMemoriesV2(MemoryApiView):
    """POST /v2/memories/search/"""

    operation = "search"
    is_read = True

    @extend_schema(**describe.SEARCH_V2)
    def post(self, request: Request) -> Response:
        asked = requests.read_search(request.data, self.access, threshold=V2_THRESHOLD)
        return Response(_found(self.access, asked))


def _found(access: Access, asked: SearchRequest) -> list[Any]:
    count_for(asked.filters.scope)
    spend_quota(access, "search")
    found = find(access, asked)
    tell_reranking(found.reranking)
    return [shapes.hit_json(hit) for hit in found.hits]


def _listed(request: Request, access: Access, wanted: OldList) -> Response:
    page = read_listed(access, wanted.asked)
    if wanted.is_paged:
        return Response(shapes.page_json(request, page, shapes.memory_json))
    return Response([shapes.memory_json(memory) for memory in page.items])
