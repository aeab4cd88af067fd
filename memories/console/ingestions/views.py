"""The queue of ingestions, live, and one of them from its messages to its memories.

The queue asks for itself every few seconds; while none of its rows has changed it is
answered 304, from one look-up in an index.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse

from memories.console.ingestions.forms import FilterForm
from memories.console.ingestions.problems import problem_of
from memories.models import Operation
from memories.models.ingestion import UNFINISHED
from memories.models.settings import ProjectSettings
from memories.selectors.ingestions import (
    MOST_AT_ONCE,
    MOST_LISTED,
    Failures,
    IngestionFilter,
    count_reprocessable,
    count_retryable,
    fingerprint,
    list_ingestions,
)
from memories.selectors.traces import (
    MOST_SHOWN,
    Trace,
    get_trace,
    trace_fingerprint,
)
from memories.services.again import (
    reprocess_failed,
    reprocess_operation,
    retry_failed,
    retry_operation,
)
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest
from tenants.console.live import STOP_ASKING, etag_of, show_live, unchanged
from tenants.console.paging import page_number
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role
from tenants.selectors import Access

PAGE_SIZE = 50


@project_page(read=Role.VIEWER)
def ingestions(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    form = FilterForm(request.GET or None)
    wanted, number = form.wanted(), page_number(request.GET)
    number = min(number, MOST_LISTED // PAGE_SIZE)
    with visit.scope():
        state = fingerprint(wanted, page=number, page_size=PAGE_SIZE)
        # Ages are told by the minute.
        minute = f"{clock.now():%H:%M}"
        etag = etag_of(visit, request.GET.urlencode(), minute, state)
        if same := unchanged(request, etag):
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
    return show_live(
        request,
        visit,
        "memories/ingestions.html",
        context,
        fragment="queue",
        etag=etag,
    )


@project_page(read=Role.VIEWER)
def ingestion(
    request: ConsoleRequest, visit: Visit, operation_id: UUID
) -> HttpResponse:
    """Polls itself until it has ended."""
    with visit.scope():
        etag = etag_of(visit, trace_fingerprint(operation_id))
        if same := unchanged(request, etag):
            return same
        trace = get_trace(operation_id)
    told = _told(visit, trace)
    is_over = bool(request.htmx) and not told["is_unfinished"]
    return show_live(
        request,
        visit,
        "memories/ingestion.html",
        told,
        fragment="trace",
        etag=etag,
        status=STOP_ASKING if is_over else 200,
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
def reprocess_ingestion(
    request: ConsoleRequest, visit: Visit, operation_id: UUID
) -> HttpResponse:
    """Process its messages once more as a new ingestion; first say what that means."""
    if request.method == "POST":
        again_id = reprocess_operation(visit.access, operation_id)
        url = _url(visit, again_id)
        return done(request, url, "It waits to be processed again.")
    return _ask(request, visit, operation_id, "reprocess")


@project_page(read=Role.SUPPORT, write=Role.SUPPORT)
def retry_ingestions(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """All that failed for one reason, after saying how many."""
    return _all_again(request, visit, "retry", retry_failed, count_retryable)


@project_page(read=Role.SUPPORT, write=Role.SUPPORT)
def reprocess_ingestions(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """What all that failed for one reason said, once more as new ingestions."""
    return _all_again(
        request, visit, "reprocess", reprocess_failed, count_reprocessable
    )


def _all_again(
    request: ConsoleRequest,
    visit: Visit,
    verb: str,
    do: Callable[[Access, str], int],
    count: Callable[[str], Failures],
) -> HttpResponse:
    given = request.POST if request.method == "POST" else request.GET
    code = given.get("error", "")
    if not code:
        raise InvalidRequest("Choose what they failed for.")
    if request.method == "POST":
        waiting = do(visit.access, code)
        many = "One ingestion waits" if waiting == 1 else f"{waiting} ingestions wait"
        return done(request, _queue(visit), f"{many} for their turn.")
    with visit.scope():
        failures = count(code)
    context = {
        "verb": verb,
        "failures": failures,
        "problem": problem_of(code),
        "most": MOST_AT_ONCE,
        "is_more": failures.count > MOST_AT_ONCE,
    }
    return show(request, visit, "memories/ingestions_again.html", context)


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


def _url(visit: Visit, operation_id: UUID) -> str:
    place = [visit.tenant_slug, visit.project_id, operation_id]
    return reverse("memories:ingestion", args=place)


def _queue(visit: Visit) -> str:
    return reverse("memories:ingestions", args=[visit.tenant_slug, visit.project_id])
