"""What every request gets before any application sees it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from django.http import HttpRequest, HttpResponse, JsonResponse

from memplatform.lib import ids, logs

ACCEPTED_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
CORS_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, Mem0-User-ID, X-Application, "
    "X-Mem0-Caller-Type, X-Mem0-Client, X-Mem0-Client-Language, "
    "X-Mem0-Client-Version, X-Mem0-Source, X-Request-ID"
)
API_PREFIXES = ("/v1/", "/v2/", "/v3/", "/api/")


EXPOSED_HEADERS = (
    "Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, "
    "X-Request-ID"
)
LENGTH_REQUIRED = {
    "detail": "Send the body with a Content-Length, not in chunks.",
    "code": "length_required",
}
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
    """Collapse leading slashes, carry the request id, answer CORS for the API.

    Keys travel in a header and never in a cookie, so any origin may call the API;
    the console's pages are not covered.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("//"):
            request.path_info = "/" + request.path_info.lstrip("/")
            request.path = request.META.get("SCRIPT_NAME", "") + request.path_info
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
        if is_api and request.method == "OPTIONS":
            response = HttpResponse(b"{}", content_type="application/json")
        elif is_api and _has_unmeasured_body(request):
            response = JsonResponse(LENGTH_REQUIRED, status=411)
        else:
            response = self.get_response(request)
        if is_api:
            response["Access-Control-Allow-Origin"] = "*"
            response["Access-Control-Allow-Headers"] = CORS_HEADERS
            response["Access-Control-Allow-Methods"] = "GET, POST, PUT, PATCH, DELETE"
            response["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
            response["Access-Control-Max-Age"] = "86400"
        for name, value in request.__dict__.get(_ADDED, {}).items():
            response[name] = value
        return response


def _has_unmeasured_body(request: HttpRequest) -> bool:
    """Django reads a body without a length as an empty one, which would be a lie."""
    is_chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    return is_chunked and not request.headers.get("Content-Length")
