"""What retention policies would take, with the project's days or with others."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import reading
from memories.api.reading import Fields
from memories.api.retention import describe
from memories.api.views.base import MemoryApiView
from memories.selectors.retention import Going, Preview, preview
from memories.types import JsonDict
from tenants.api.permissions import require_unnarrowed
from tenants.models import Project
from tenants.scopes import tenant_scope

_DAYS = reading.integer_from(0, describe.MOST_DAYS)
_LIMIT = reading.integer_from(0, describe.MOST_LISTED)


class RetentionPreview(MemoryApiView):
    """POST /v1/retention/preview/"""

    operation = "retention_preview"
    is_read = True

    @extend_schema(**describe.PREVIEW)
    def post(self, request: Request) -> Response:
        access = self.access
        require_unnarrowed(access, "see what goes from the project")
        days, most = _read(request.data)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            stored = Project.objects.get(id=access.project_id).settings
            found = preview(stored, days, most=most)
        return Response({"policies": [_preview_json(one) for one in found]})


def _read(raw: object) -> tuple[dict[str, int], int]:
    """Days by setting, and how many of each are to be listed."""
    fields = Fields(raw)
    given = {name: fields.read(name, _DAYS, None) for name in describe.SETTINGS}
    most = fields.read("limit", _LIMIT, describe.LISTED)
    fields.check()
    return {name: days for name, days in given.items() if days is not None}, most


def _preview_json(one: Preview) -> JsonDict:
    return {
        "policy": one.policy.value,
        "days": one.days,
        "effect": one.effect,
        "before": one.before and one.before.isoformat(),
        "starts_at": one.starts_at and one.starts_at.isoformat(),
        "count": one.count,
        "count_is_capped": one.is_more,
        "items": [_going_json(going) for going in one.items],
    }


def _going_json(going: Going) -> JsonDict:
    return {
        "id": str(going.id),
        "at": going.at.isoformat(),
        "text": going.text,
        "user_id": going.user_id,
    }
