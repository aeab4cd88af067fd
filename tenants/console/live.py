"""Parts of pages that ask for themselves: 304 while they would show the same.

The part carries what it shows as an ETag (``data-etag="{{ etag }}"`` on the element
that asks); console.js sends it back, and a 304 swaps nothing and moves nobody's focus.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag

from tenants.console.rendering import show

if TYPE_CHECKING:
    from tenants.console.visits import ConsoleRequest, Visit

STOP_ASKING = 286
"""The status by which htmx stops to poll (htmx.org, "Polling")."""


def etag_of(visit: Visit, *state: object) -> str:
    """What a part shows; it differs with who looks, by their role and time zone."""
    place = visit.project.id if visit.project else visit.tenant_id
    seen = (place, visit.role, visit.operator.timezone, *state)
    return quote_etag(hashlib.sha256(" ".join(map(str, seen)).encode()).hexdigest())


def unchanged(request: ConsoleRequest, etag: str) -> HttpResponse | None:
    """The 304, where htmx asks for what it has; None: it is to be rendered."""
    return get_conditional_response(request, etag=etag) if request.htmx else None


def show_live(
    request: ConsoleRequest,
    visit: Visit,
    template: str,
    context: Mapping[str, Any],
    *,
    fragment: str,
    etag: str,
    status: int = 200,
) -> HttpResponse:
    """As ``show``; the fragment says what it is of, and the page has ``etag``."""
    given = {**context, "etag": etag}
    response = show(request, visit, template, given, fragment=fragment, status=status)
    if request.htmx:
        response["ETag"] = etag
    return response
