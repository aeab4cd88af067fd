"""What every request gets before any application sees it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from memplatform.lib import ids, logs
from memplatform.lib.errors import LengthRequired

ACCEPTED_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
API_PREFIXES = ("/v1/", "/v2/", "/v3/", "/api/", "/mcp")
WARNING_HEADER = "X-Memplatform-Warning"
MAX_WARNING_CHARS = 500
_UNPRINTABLE = re.compile(r"[^ -~]")
_ADDED = "_headers_for_the_answer"


def add_headers(request: HttpRequest, headers: Mapping[str, str]) -> None:
    """Let the answer to this request carry these headers, whoever makes it."""
    request.__dict__.setdefault(_ADDED, {}).update(headers)


def warn(request: HttpRequest, warnings: Iterable[str]) -> None:
    """Say something beside an answer that is no error, in ``X-Memplatform-Warning``.

    Whatever the texts quote, the header is one line of printable ASCII.
    """
    told = "; ".join(warnings)
    if told:
        line = _UNPRINTABLE.sub("?", told)
        if len(line) > MAX_WARNING_CHARS:
            line = line[: MAX_WARNING_CHARS - 3] + "..."
        add_headers(request, {WARNING_HEADER: line})


class RequestMiddleware:
    """Collapse leading slashes, carry the request id, tell who is behind a proxy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("//"):
            request.path_info = "/" + request.path_info.lstrip("/")
            request.path = request.META.get("SCRIPT_NAME", "") + request.path_info
        request.META["REMOTE_ADDR"] = client_address(request)
        given = request.headers.get("X-Request-ID", "")
        request_id = given if ACCEPTED_REQUEST_ID.fullmatch(given) else ids.new_id().hex
        token = logs.request_id.set(request_id)
        try:
            response = self._answer(request)
        finally:
            logs.request_id.reset(token)
        response["X-Request-ID"] = request_id
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        is_api = request.path_info.startswith(API_PREFIXES)
        if is_api and _has_unmeasured_body(request):
            response = _length_required()
        else:
            response = self.get_response(request)
        for name, value in request.__dict__.get(_ADDED, {}).items():
            response[name] = value
        return response


def _length_required() -> HttpResponse:
    error = LengthRequired()
    body = {"detail": error.message, "code": error.code}
    return JsonResponse(body, status=error.status)


def client_address(request: HttpRequest) -> str:
    """Who asks: behind trusted proxies, the last address that none of them has.

    Each proxy appends whom it heard to ``X-Forwarded-For``. What stands before the
    first stranger from the right, the stranger may have made up.
    """
    address: str = request.META.get("REMOTE_ADDR", "")
    told = request.headers.get("X-Forwarded-For", "").split(",")
    while told and _is_trusted(address):
        before = told.pop().strip()
        if not _is_address(before):
            break
        address = before
    return address


def _is_trusted(address: str) -> bool:
    if not settings.TRUSTED_PROXIES or not _is_address(address):
        return False
    known = ip_address(address)
    known = getattr(known, "ipv4_mapped", None) or known
    return any(known in network for network in settings.TRUSTED_PROXIES)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _has_unmeasured_body(request: HttpRequest) -> bool:
    """Django reads a body without a length as an empty one, which would be a lie."""
    is_chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    return is_chunked and not request.headers.get("Content-Length")
