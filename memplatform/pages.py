"""What answers when no view does: a small page in the console, JSON elsewhere."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from memplatform.lib.errors import InvalidRequest, NotFound, PlatformError
from tenants.api.errors import json_error


class InternalError(PlatformError):
    """Something went wrong on our side; the request id names it in our log."""

    code = "internal_error"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _answer(request, InvalidRequest())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return _answer(request, NotFound())


def server_error(request: HttpRequest) -> HttpResponseBase:
    return _answer(request, InternalError())


def _answer(request: HttpRequest, error: PlatformError) -> HttpResponse:
    if request.path_info == "/console" or request.path_info.startswith("/console/"):
        return render(None, "error.html", {"error": error}, status=error.status)
    return json_error(error)
