"""How the console answers: a page or its fragment, a message, a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django_htmx.http import HttpResponseClientRedirect

from memplatform.lib.errors import PlatformError

if TYPE_CHECKING:
    from tenants.console.visits import ConsoleRequest, Visit


def show(
    request: ConsoleRequest,
    visit: Visit,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    fragment: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """The whole page, or only its ``fragment`` (a partial) where htmx asks for it."""
    is_part = fragment and request.htmx and not request.htmx.boosted
    name = f"{template}#{fragment}" if is_part else template
    response = render(request, name, {"visit": visit, **(context or {})}, status=status)
    response["Vary"] = "HX-Request"
    response["Cache-Control"] = "private, no-cache"
    return response


def done(request: ConsoleRequest, url: str, message: str) -> HttpResponse:
    """Something was changed: say so on the page that comes next."""
    messages.success(request, message)
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


def refuse(
    request: ConsoleRequest, visit: Visit | None, error: PlatformError
) -> HttpResponse:
    """An error as a page; inside the console where the operator may be there."""
    template = "console/refused.html" if visit else "error.html"
    context = {"visit": visit, "error": error}
    return render(request, template, context, status=error.status)
