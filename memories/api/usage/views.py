"""What was used, and what may be."""

from __future__ import annotations

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import shapes
from memories.api.requests import read_page
from memories.api.usage import describe
from memories.api.usage.requests import read_question
from memories.api.views.base import MemoryApiView
from memories.types import JsonDict, Page
from tenants import limits, quotas
from tenants.api.permissions import require_unnarrowed
from tenants.limits import Allowance
from tenants.models import ApiKey
from tenants.quotas import QuotaState
from tenants.reports import UsageRow, report_usage
from tenants.scopes import tenant_scope
from tenants.usage import Amounts


class UsageReports(MemoryApiView):
    """GET /v1/usage/"""

    @extend_schema(**describe.USAGE)
    def get(self, request: Request) -> Response:
        access = self.access
        require_unnarrowed(access, "see the usage of the project")
        question = read_question(request.query_params)
        asked = read_page(request.query_params)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            report = report_usage(question, page=asked.number, page_size=asked.size)
        page = Page(report.rows, report.count, asked.number, asked.size)
        total = {"total": _amounts_json(report.total)}
        return Response(shapes.page_json(request, page, _row_json) | total)


class Limits(MemoryApiView):
    """GET /v1/limits/"""

    @extend_schema(**describe.LIMITS)
    def get(self, request: Request) -> Response:
        access = self.access
        require_unnarrowed(access, "see the limits of the project")
        rates = {rate.owner: _rate_json(rate) for rate in limits.allowances_of(access)}
        return Response(
            {
                "rates": {"key": rates.get("key"), "organization": rates.get("tenant")},
                "quotas": [_quota_json(state) for state in quotas.states_of(access)],
                "month_ends": quotas.month_ends().isoformat(),
            }
        )


def _row_json(row: UsageRow) -> JsonDict:
    subject = row.subject and {"type": row.subject[0], "name": row.subject[1]}
    return {
        "day": row.day and row.day.isoformat(),
        "key": row.key and _key_json(row.key),
        "operation": row.operation,
        "subject": subject,
        **_amounts_json(row.amounts),
    }


def _amounts_json(amounts: Amounts) -> JsonDict:
    return asdict(amounts) | {"cost": f"{amounts.cost:.8f}"}


def _key_json(key: ApiKey) -> JsonDict:
    return {"id": str(key.id), "name": key.name, "prefix": key.prefix}


def _rate_json(rate: Allowance) -> JsonDict:
    return {
        "requests_per_minute": rate.limit,
        "remaining": rate.remaining,
        "resets_at": rate.resets_at,
    }


def _quota_json(state: QuotaState) -> JsonDict:
    quota = state.quota
    return {
        "name": quota.name,
        "of": quota.owner,
        "limit": quota.limit,
        "used": state.used,
        "remaining": max(0, quota.limit - state.used),
        "stop": "soft" if quota.is_soft else "hard",
    }
