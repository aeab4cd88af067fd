"""What is held true of a subject, by category, at any instant."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import reading, requests, shapes
from memories.api.picture import describe
from memories.api.reading import query_fields
from memories.api.views.base import MemoryApiView, count_for
from memories.selectors.pictures import Line, Moment, Picture, Section, picture_of
from memories.types import SCOPE_KEYS, Filters, JsonDict
from memplatform.lib.errors import InvalidRequest
from tenants.scopes import tenant_scope
from tenants.selectors import Access


class OnePicture(MemoryApiView):
    """GET /v1/profile/"""

    operation = "profile"

    @extend_schema(**describe.PICTURE)
    def get(self, request: Request) -> Response:
        access, query = self.access, request.query_params
        filters, moment = _read_whose(query, access), _read_moment(query, access)
        page = requests.read_page(query)
        count_for(filters.scope)
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            picture = picture_of(filters, moment, page=page.number, page_size=page.size)
        return Response(_picture_json(request, filters, moment, picture))


def _read_whose(query: Mapping[str, Any], access: Access) -> Filters:
    """The ids of the subject, within what the key sees."""
    fields = query_fields(query)
    given = {key: fields.read(key, reading.scope_id, None) for key in SCOPE_KEYS}
    named = {key: name for key, name in given.items() if name is not None}
    fields.check()
    if not named:
        message = requests.NO_SCOPE
        raise InvalidRequest(message, fields={"user_id": [message]})
    return requests.read_filters({"filters": named}, access)


def _read_moment(query: Mapping[str, Any], access: Access) -> Moment:
    """``valid_at`` is, as everywhere, an instant or a day of the project's zone."""
    fields = query_fields(query)
    read_day = partial(reading.stretch, zone=partial(requests.zone_of, access))
    moment = Moment(
        as_of=fields.read("as_of", reading.instant, None),
        valid=fields.read("valid_at", read_day, None),
    )
    fields.check()
    return moment


def _picture_json(
    request: Request, filters: Filters, moment: Moment, picture: Picture
) -> JsonDict:
    envelope = shapes.page_json(request, picture.page, _line_json)
    return {
        **filters.scope.as_dict(),
        "as_of": moment.as_of and moment.as_of.isoformat(),
        "valid_at": moment.valid_at and moment.valid_at.isoformat(),
        **{name: envelope[name] for name in ("count", "next", "previous")},
        "categories": [_section_json(section) for section in picture.sections],
    }


def _section_json(section: Section) -> JsonDict:
    return {
        "category": section.category,
        "count": section.count,
        "facts": [_line_json(line) for line in section.lines],
    }


def _line_json(line: Line) -> JsonDict:
    """A memory as every answer shows it, and what bears it out."""
    return {
        **shapes.memory_json(line.memory, SHOWN),
        "last_confirmed_at": line.confirmed_at.isoformat(),
        "memory_ids": [str(memory_id) for memory_id in line.memory_ids],
    }


SHOWN = frozenset(describe.SHOWN)
