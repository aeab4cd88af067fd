"""What is remembered, in short."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import requests
from memories.api.legacy.requests import with_ids_in_filters
from memories.api.summary import describe
from memories.api.views.base import MemoryApiView, count_for, spend_quota
from memories.services.summary import Summary, summarize
from memories.types import JsonDict


class Summaries(MemoryApiView):
    """POST /v1/summary/"""

    operation = "summary"
    is_read = True

    @extend_schema(**describe.SUMMARY)
    def post(self, request: Request) -> Response:
        body = with_ids_in_filters(request.data)
        filters = requests.read_filters(body, self.access)
        count_for(filters.scope)
        spend_quota(self.access, self.operation)
        return Response([_summary_json(s) for s in summarize(self.access, filters)])


def _summary_json(summary: Summary) -> JsonDict:
    return {
        "summary": summary.text,
        "source": summary.source,
        **summary.scope.as_dict(),
        "updated_at": summary.updated_at.isoformat(),
    }
