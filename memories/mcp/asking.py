"""Ask the API of this process, as the key that asked for a tool.

The view reads the request, keeps the key's limits, counts usage and shapes errors just
as for a client of its own. Two things happened at the outer door and not again here:
the key was admitted, and the request was counted against its rate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlencode

from django.core.handlers.wsgi import WSGIRequest
from django.urls import resolve, reverse
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from memories.types import JsonDict
from tenants.models import Operator
from tenants.selectors import Access


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to the API: a route of ``memories.api.urls`` by its name."""

    method: str
    route: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    idempotency_key: str | None = None


class _Admitted(BaseAuthentication):
    """Whoever the outer request was."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def authenticate(self, request: Request) -> tuple[Operator | None, Access]:
        return None, self._access


def ask_api(outer: Request, access: Access, asked: Asked) -> tuple[int, Any]:
    """The status and the data of the answer."""
    path = unquote(reverse(f"api:{asked.route}", kwargs=dict(asked.path)))
    match = resolve(path)
    view = match.func.cls.as_view(  # type: ignore[attr-defined]  # DRF's views have it
        authentication_classes=[partial(_Admitted, access)],
        throttle_classes=[],
    )
    answer: Response = view(_inner(outer, path, asked), *match.args, **match.kwargs)
    return answer.status_code, answer.data


def _inner(outer: Request, path: str, asked: Asked) -> WSGIRequest:
    body = b"" if asked.body is None else json.dumps(asked.body).encode()
    environment: JsonDict = {
        **outer.META,
        "REQUEST_METHOD": asked.method,
        "PATH_INFO": path,
        "QUERY_STRING": urlencode(asked.query),
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    # A header of every request would make one add of all of them.
    environment.pop("HTTP_IDEMPOTENCY_KEY", None)
    if asked.idempotency_key is not None:
        environment["HTTP_IDEMPOTENCY_KEY"] = asked.idempotency_key
    return WSGIRequest(environment)
