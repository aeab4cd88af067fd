"""The project as a whole: its figures, and what happened in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import requests, shapes
from memories.api.reading import query_fields
from memories.api.requests import PageRequest
from memories.api.stats import describe
from memories.api.views.base import MemoryApiView
from memories.selectors.memories import list_history
from memories.selectors.stats import ProjectStats, SubjectStats, get_stats
from memories.types import JsonDict
from tenants.api.permissions import require_unnarrowed
from tenants.limits import PER_MONTH
from tenants.scopes import tenant_scope
from tenants.selectors import Access


class Stats(MemoryApiView):
    """GET /v1/stats/"""

    operation = "stats"

    @extend_schema(**describe.STATS)
    def get(self, request: Request) -> Response:
        access = self.access
        require_unnarrowed(access, "see the figures of the project")
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            stats = get_stats()
        return Response(_stats_json(stats, _search_quota(access)))


class ProjectHistory(MemoryApiView):
    """GET /v1/memories/events/: history entries, whatever its name says."""

    operation = "history"

    @extend_schema(**describe.CHANGES)
    def get(self, request: Request) -> Response:
        access, page = self.access, _read_page(request.query_params)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            found = list_history(
                page=page.number, page_size=page.size, only=access.only
            )
        return Response(shapes.page_json(request, found, shapes.entry_json))


def _read_page(query: Mapping[str, Any]) -> PageRequest:
    """``limit`` is what this list calls the size of its page."""
    given = query_fields(query).raw
    return requests.read_page({"page_size": given.get("limit", ""), **given})


def _search_quota(access: Access) -> int:
    """Searches a month; 0 is any number."""
    return int(access.limits.get(PER_MONTH, {}).get("search", 0))


def _stats_json(stats: ProjectStats, quota: int) -> JsonDict:
    body: JsonDict = {
        "total_memories": stats.memories,
        "total_add_events": stats.adds,
        "total_retrieval_events": stats.retrievals,
        "total_api_retrieval_events": stats.retrievals,
        "total_retrieval_events_limit": quota,
    }
    for kind in ("user", "agent", "run"):
        of_kind = stats.by_kind.get(kind, SubjectStats())
        body[f"total_{kind}s_with_memories"] = of_kind.subjects
        body[f"memories_per_{kind}"] = of_kind.mean
    return body
