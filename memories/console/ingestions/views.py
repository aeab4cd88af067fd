"""The queue of ingestions, live, and one of them from its messages to its memories.

The queue asks for itself every few seconds; while none of its rows has changed it is
answered 304, from one look-up in an index.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag

from memories.console.ingestions.forms import FilterForm
from memories.console.ingestions.problems import problem_of
from memories.models import Operation
from memories.models.ingestion import UNFINISHED
from memories.models.settings import ProjectSettings
from memories.selectors.ingestions import (
    MOST_AT_ONCE,
    MOST_LISTED,
    IngestionFilter,
    count_retryable,
    fingerprint,
    list_ingestions,
)
from memories.selectors.traces import MOST_SHOWN, Trace, get_trace
from memories.services.replay import replay_operation, retry_failed, retry_operation
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest
from tenants.console.paging import page_number
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

PAGE_SIZE = 50


@project_page(read=Role.VIEWER)
def ingestions(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    form = FilterForm(request.GET or None)
    wanted, number = form.wanted(), page_number(request.GET)
    number = min(number, MOST_LISTED // PAGE_SIZE)
    with visit.scope():
        state = fingerprint(wanted, page=number, page_size=PAGE_SIZE)
        tag = _tag(visit, request.GET.urlencode(), state)
        if request.htmx and (same := get_conditional_response(request, etag=tag)):
            return same
        page = list_ingestions(wanted, page=number, page_size=PAGE_SIZE)
    context = {
        "form": form,
        "page": page,
        "most": MOST_LISTED,
        "is_filtered": wanted != IngestionFilter(),
        "problem": problem_of(wanted.error_code) if wanted.error_code else None,
        "base_url": request.build_absolute_uri("/").rstrip("/"),
    }
    response = show(
        request, visit, "memories/ingestions.html", context, fragment="queue"
    )
    if request.htmx:
        response["ETag"] = tag
    return response


@project_page(read=Role.VIEWER)
def ingestion(
    request: ConsoleRequest, visit: Visit, operation_id: UUID
) -> HttpResponse:
    """Polls itself until it has ended."""
    with visit.scope():
        trace = get_trace(operation_id)
    return show(
        request, visit, "memories/ingestion.html", _told(visit, trace), fragment="trace"
    )


@project_page(read=Role.SUPPORT, write=Role.SUPPORT)
def retry_ingestion(
    request: ConsoleRequest, visit: Visit, operation_id: UUID
) -> HttpResponse:
    """Give a failed one its attempts again; first say what that means."""
    if request.method == "POST":
        retry_operation(visit.access, operation_id)
        return done(request, _url(visit, operation_id), "It waits to be run again.")
    return _ask(request, visit, operation_id, "retry")


@project_page(read=Role.SUPPORT, write=Role.SUPPORT)
def replay_ingestion(
    request: ConsoleRequest, visit: Visit, operation_id: UUID
) -> HttpResponse:
    """Process its messages once more as a new ingestion; first say what that means."""
    if request.method == "POST":
        replay_id = replay_operation(visit.access, operation_id)
        url = _url(visit, replay_id)
        return done(request, url, "This replay waits for its turn.")
    return _ask(request, visit, operation_id, "replay")


@project_page(read=Role.SUPPORT, write=Role.SUPPORT)
def retry_ingestions(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """All that failed for one reason, after saying how many."""
    given = request.POST if request.method == "POST" else request.GET
    code = given.get("error", "")
    if not code:
        raise InvalidRequest("Choose what they failed for.")
    if request.method == "POST":
        retried = retry_failed(visit.access, code)
        many = "One ingestion waits" if retried == 1 else f"{retried} ingestions wait"
        return done(request, _queue(visit), f"{many} to be run again.")
    with visit.scope():
        failures = count_retryable(code)
    context = {
        "failures": failures,
        "problem": problem_of(code),
        "most": MOST_AT_ONCE,
        "is_more": failures.count > MOST_AT_ONCE,
    }
    return show(request, visit, "memories/retry_ingestions.html", context)


def _ask(
    request: ConsoleRequest, visit: Visit, operation_id: UUID, verb: str
) -> HttpResponse:
    with visit.scope():
        trace = get_trace(operation_id)
    context = {"trace": trace, "verb": verb}
    return show(request, visit, "memories/ingestion_again.html", context)


def _told(visit: Visit, trace: Trace) -> dict[str, object]:
    operation = trace.operation
    has_failed = operation.status == Operation.Status.FAILED
    problem = problem_of(operation.error_code or "", operation.error)
    is_postponed = operation.status == Operation.Status.PENDING and operation.error_code
    return {
        "trace": trace,
        "problem": problem if has_failed or is_postponed else None,
        "has_failed": has_failed,
        "is_unfinished": operation.status in UNFINISHED,
        "texts": _about_texts(visit, trace),
        "most_shown": MOST_SHOWN,
    }


def _about_texts(visit: Visit, trace: Trace) -> dict[str, str | datetime | None]:
    """Whether what models were asked and said is still kept, and until when."""
    kept = ProjectSettings.of(visit.project.settings if visit.project else {})
    first = trace.calls[0] if trace.calls else None
    days = kept.model_text_days
    until = first.created_at + timedelta(days=days) if first and days else None
    is_there = any(call.request is not None for call in trace.calls)
    if is_there or first is None:
        return {"until": until, "why_gone": ""}
    if not kept.keep_model_texts:
        why = "This project keeps none of what models are asked and answer."
    elif until is not None and until < clock.now():
        why = f"They were kept for {days} days, until"
    else:
        why = "They were erased with a subject that they quoted."
        until = None
    return {"until": until, "why_gone": why}


def _tag(visit: Visit, query: str, state: str) -> str:
    """Ages are told by the minute; roles and time zones see different pages."""
    seen = (
        f"{visit.project_id} {visit.role} {visit.operator.timezone} {query}"
        f" {clock.now():%H:%M} {state}"
    )
    return quote_etag(hashlib.sha256(seen.encode()).hexdigest())


def _url(visit: Visit, operation_id: UUID) -> str:
    place = [visit.tenant_slug, visit.project_id, operation_id]
    return reverse("memories:ingestion", args=place)


def _queue(visit: Visit) -> str:
    return reverse("memories:ingestions", args=[visit.tenant_slug, visit.project_id])
