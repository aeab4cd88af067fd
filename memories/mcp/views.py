"""The door of the Model Context Protocol: streamable HTTP, stateless, JSON answers."""

from __future__ import annotations

import json
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memories.mcp.asgi import exchange
from memories.types import JsonDict
from memplatform.lib.errors import BodyTooLarge, Forbidden, InvalidRequest
from tenants.api.permissions import KeyMayDoThis
from tenants.api.views import KeyApiView
from tenants.selectors import Access

CHALLENGE = 'Token realm="api", Bearer realm="api"'
PROTOCOL_HEADERS = ("Accept", "Last-Event-ID")
PROTOCOL_PREFIX = "Mcp-"
PARSE_ERROR, INVALID_REQUEST, SERVER_ERROR = -32700, -32600, -32000
NOT_ONE_MESSAGE = (
    'Send one JSON-RPC 2.0 message a request: {"jsonrpc": "2.0", "id": …, "method": …}.'
)


class FromAllowedOrigin(BasePermission):
    """A page of another site may not reach this server through somebody's browser.

    Raises Forbidden for an ``Origin`` that is neither our own nor listed in
    ``CORS_ALLOWED_ORIGINS``, and what Django raises for a ``Host`` that is not ours:
    such a name may have been rebound to our address. Programs send no ``Origin``.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        own = f"{request.scheme}://{request.get_host()}"
        origin = request.headers.get("Origin")
        known = (None, own, _public_origin(), *settings.CORS_ALLOWED_ORIGINS)
        if origin not in known and not settings.CORS_ALLOW_ALL_ORIGINS:
            raise Forbidden("This Origin is not listed in CORS_ALLOWED_ORIGINS.")
        return True


def _public_origin() -> str:
    url = urlsplit(settings.PUBLIC_URL)
    return f"{url.scheme}://{url.netloc}"


class McpEndpoint(KeyApiView):
    """POST /mcp: one JSON-RPC message in, one out.

    GET and DELETE are 405, as there are neither streams nor sessions. What a tool may
    do is decided where it is done: a read-only key may call those that read.
    """

    is_read = True
    permission_classes = [KeyMayDoThis, FromAllowedOrigin]

    @extend_schema(exclude=True)
    def post(self, request: Request) -> HttpResponseBase:
        try:
            message = request.data
        except BodyTooLarge:
            raise
        except InvalidRequest as problem:
            return _protocol_error(PARSE_ERROR, problem.message)
        if not _is_one_message(message):
            return _protocol_error(INVALID_REQUEST, NOT_ONE_MESSAGE)
        return self._exchange(request, message)

    def _exchange(self, request: Request, message: JsonDict) -> HttpResponse:
        # A second of imports: commands, workers and whoever never asks do without.
        from memories.mcp.server import Caller, application

        answer = exchange(
            application,
            request._request,
            json.dumps(message, ensure_ascii=False).encode(),
            headers=_protocol_headers(request),
            state={"caller": Caller(request, _access_of(request))},
        )
        return HttpResponse(answer.body, status=answer.status, headers=answer.headers)

    def shape_error(self, body: JsonDict, status: int) -> JsonDict:
        """JSON-RPC too, so that clients show the reason."""
        error = {"code": SERVER_ERROR, "message": body["detail"]}
        return {"jsonrpc": "2.0", "id": None, "error": error, **body}

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        if response.status_code == 401:
            response["WWW-Authenticate"] = CHALLENGE
        return response


def _access_of(request: Request) -> Access:
    access = request.auth
    if not isinstance(access, Access):  # a bug: the view was opened to everyone
        raise TypeError("This view needs an API key.")
    return access


def _protocol_headers(request: Request) -> dict[str, str]:
    """What the transport reads; the key stays outside."""
    told = {
        name: value
        for name, value in request.headers.items()
        if name in PROTOCOL_HEADERS or name.startswith(PROTOCOL_PREFIX)
    }
    return {"Accept": "application/json", **told, "Content-Type": "application/json"}


def _is_one_message(value: Any) -> TypeGuard[JsonDict]:
    """Batches were taken out of the protocol, and answers are not waited for."""
    return (
        isinstance(value, dict)
        and value.get("jsonrpc") == "2.0"
        and isinstance(value.get("method"), str)
        and isinstance(value.get("id", 0), str | int)
    )


def _protocol_error(code: int, message: str) -> Response:
    """What JSON-RPC says of a body that no method was found in."""
    error = {"code": code, "message": message}
    return Response({"jsonrpc": "2.0", "id": None, "error": error}, status=400)
