"""Who the key belongs to; every client asks before anything else."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import describe
from memories.api.views.base import access_of
from tenants.api.views import KeyApiView


class Ping(KeyApiView):
    """GET /v1/ping/"""

    @extend_schema(**describe.PING)
    def get(self, request: Request) -> Response:
        access = access_of(request)
        return Response(
            {
                "status": "ok",
                "org_id": str(access.tenant_id),
                "project_id": str(access.project_id),
                "user_email": access.operator_email,
            }
        )
