"""One handler makes every error of the API one shape.

``{"detail": text, "code": stable word, "fields": {name: [texts]}?}``, and beside it
what the wire promises for an endpoint: a view may set ``error_key = "error"`` to repeat
the message under that key, or define ``shape_error(body, status) -> body``.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, JsonResponse, UnreadablePostError
from rest_framework import exceptions as drf
from rest_framework.response import Response

from memplatform.lib.errors import (
    BodyTooLarge,
    Forbidden,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    PlatformError,
    RateLimited,
)

log = logging.getLogger(__name__)

RETRY_AFTER_UNAVAILABLE_S = 2
MAX_FIELDS_TOLD = 3
LIMIT_EXCEEDED = "54"
"""SQLSTATE class 54: psycopg counts it among operational errors, but the input is at
fault, and trying again does not help."""

Fields = dict[str, list[str]]


class Unavailable(PlatformError):
    """The service is temporarily unavailable; try again."""

    code = "unavailable"
    status = 503
    retryable = True


class TooMuch(InvalidRequest):
    """Something in this request is larger than the database can hold or search."""


class MethodNotAllowed(PlatformError):
    """This method is not allowed here."""

    code = "method_not_allowed"
    status = 405


class UnsupportedMediaType(PlatformError):
    """Send the body as application/json."""

    code = "unsupported_media_type"
    status = 415


def handle(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER; None for what is a bug, which becomes a JSON 500."""
    error = translate(exc)
    if error is None:
        return None
    if error.status >= 500:
        # Messages of others may quote what they were asked: the log has codes only.
        reason = _sqlstate(exc) or error.code
        log.warning("%d %s: %s", error.status, type(exc).__name__, reason)
    body = _shape(error_body(error), error.status, context.get("view"))
    return Response(body, status=error.status, headers=error_headers(error, exc))


def translate(exc: Exception) -> PlatformError | None:
    """An exception as one of ours, or None when it is nobody's fault but ours."""
    if isinstance(exc, PlatformError):
        return None if exc.status == 500 else exc
    if isinstance(exc, drf.APIException):
        return _translate_drf(exc)
    if _sqlstate(exc).startswith(LIMIT_EXCEEDED):
        return TooMuch()
    for kind, make in _DJANGO.items():
        if isinstance(exc, kind):
            return make()
    return None


def _sqlstate(exc: Exception) -> str:
    """What PostgreSQL calls the cause of a database error, or blank."""
    return getattr(exc.__cause__, "sqlstate", None) or ""


_DJANGO: dict[type[Exception], type[PlatformError]] = {
    Http404: NotFound,
    PermissionDenied: Forbidden,
    RequestDataTooBig: BodyTooLarge,
    SuspiciousOperation: InvalidRequest,
    UnreadablePostError: InvalidRequest,
    OperationalError: Unavailable,
    InterfaceError: Unavailable,
}


def error_body(error: PlatformError) -> dict[str, Any]:
    """The shape every error of the API has."""
    body: dict[str, Any] = {"detail": error.message, "code": error.code}
    if error.fields:
        body["fields"] = error.fields
    return body


def error_headers(
    error: PlatformError, cause: Exception | None = None
) -> dict[str, str]:
    if isinstance(error, NotAuthenticated):
        return {"WWW-Authenticate": 'Token realm="api"'}
    if isinstance(error, Unavailable):
        return {"Retry-After": str(RETRY_AFTER_UNAVAILABLE_S)}
    if isinstance(error, MethodNotAllowed):
        return {"Allow": getattr(cause, "allow", "")} if cause else {}
    wait_s = getattr(error, "retry_after_s", None)
    return {} if wait_s is None else {"Retry-After": str(math.ceil(wait_s))}


def json_error(error: PlatformError) -> JsonResponse:
    """The same shape for a path that no API view answers."""
    return JsonResponse(
        error_body(error), status=error.status, headers=error_headers(error)
    )


def _shape(body: dict[str, Any], status: int, view: Any) -> Any:
    key = getattr(view, "error_key", None)
    if key is not None:
        body = {key: body["detail"], **body}
    shape = getattr(view, "shape_error", None)
    return body if shape is None else shape(body, status)


def _translate_drf(exc: drf.APIException) -> PlatformError:
    if isinstance(exc, drf.ValidationError):
        return _translate_invalid(exc)
    for kind, make in _DRF.items():
        if isinstance(exc, kind):
            return make(_text_of(exc))
    return InvalidRequest(_text_of(exc))


_DRF: dict[type[drf.APIException], type[PlatformError]] = {
    drf.NotAuthenticated: NotAuthenticated,
    drf.AuthenticationFailed: NotAuthenticated,
    drf.PermissionDenied: Forbidden,
    drf.NotFound: NotFound,
    drf.MethodNotAllowed: MethodNotAllowed,
    drf.UnsupportedMediaType: UnsupportedMediaType,
    drf.Throttled: RateLimited,
}


def _text_of(exc: drf.APIException) -> str:
    return str(exc.detail)


def _translate_invalid(exc: drf.ValidationError) -> InvalidRequest:
    """A serializer's errors as dotted field names: ``messages.0.role``."""
    fields: Fields = {}
    for name, message in _flatten(exc.detail, ()):
        fields.setdefault(name, []).append(message)
    told = [
        f"{name}: {messages[0]}" if name else messages[0]
        for name, messages in list(fields.items())[:MAX_FIELDS_TOLD]
    ]
    fields.pop("", None)
    return InvalidRequest(" ".join(told), fields=fields)


def _flatten(detail: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(detail, Mapping):
        for name, value in detail.items():
            inner = path if name == "non_field_errors" else (*path, str(name))
            yield from _flatten(value, inner)
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        for number, value in enumerate(detail):
            is_message = isinstance(value, str)
            yield from _flatten(value, path if is_message else (*path, str(number)))
    else:
        yield ".".join(path), str(detail)
