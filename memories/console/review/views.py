"""The review queue: what waits for approval, oldest first, and the decisions on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from memories.console.review.forms import QueueForm, ReasonForm, WordsForm, read_ids
from memories.console.review.rows import row_of
from memories.models.settings import ProjectSettings
from memories.selectors.review import QueueFilter, get_waiting, list_waiting
from memories.services.review import (
    Outcome,
    Reviewed,
    approve_memories,
    reject_memories,
)
from memories.types import Page
from memplatform.lib.errors import InvalidRequest
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

DECISIONS = {"approve": approve_memories, "reject": reject_memories}
DONE = {
    Outcome.APPROVED: "{n} approved.",
    Outcome.REJECTED: "{n} rejected.",
    Outcome.NOT_WAITING: "{n} did not wait any more: somebody was faster.",
}


@project_page(read=Role.VIEWER)
def review(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    form = QueueForm(request.GET or None)
    wanted = form.wanted() if request.GET else QueueFilter()
    with visit.scope():
        page = list_waiting(wanted, page=_page_number(request))
    context = {
        "form": form,
        "reason": ReasonForm(),
        "is_filtered": wanted != QueueFilter(),
        "page": Page(
            tuple(row_of(item) for item in page.items),
            page.count,
            page.number,
            page.size,
        ),
        "is_on": _settings(visit).has_review,
    }
    return show(request, visit, "memories/review.html", context, fragment="queue")


@project_page(read=Role.SUPPORT, write=Role.SUPPORT)
def decide(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """One memory by its own button, or all that are checked."""
    if request.method != "POST":
        return redirect(_queue(visit))
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise InvalidRequest(str(form.errors["reason"][0]))
    reason = form.cleaned_data["reason"]
    verb, given = _asked(request)
    ids = read_ids(given)
    if not ids:
        messages.warning(request, "Nothing was chosen.")
        return redirect(_queue(visit))
    if verb not in DECISIONS:
        raise InvalidRequest("Approve them, or reject them.")
    reviewed = DECISIONS[verb](visit.access, ids, reason=reason)
    return _told(request, visit, reviewed)


@project_page(read=Role.VIEWER, write=Role.SUPPORT)
def review_memory(
    request: ConsoleRequest, visit: Visit, memory_id: UUID
) -> HttpResponse:
    """One memory that waits, to be approved as it is or in other words."""
    with visit.scope():
        row = row_of(get_waiting(memory_id))
    form = WordsForm(request.POST or None, initial={"text": row.memory.text})
    if request.method == "POST" and form.is_valid():
        words, reason = form.cleaned_data["text"], form.cleaned_data["reason"]
        is_same = words.strip() == (row.memory.text or "").strip()
        try:
            reviewed = approve_memories(
                visit.access,
                [memory_id],
                text=None if is_same else words,
                reason=reason,
            )
        except InvalidRequest as exc:
            form.add_error("text", exc.message)
        else:
            return _told(request, visit, reviewed)
    status = 422 if form.is_bound else 200
    context = {"row": row, "form": form}
    return show(request, visit, "memories/review_memory.html", context, status=status)


def _asked(request: ConsoleRequest) -> tuple[str, list[str]]:
    """What is to be done, and with which; a row's own button names its memory."""
    for verb in DECISIONS:
        if verb in request.POST:
            return verb, [request.POST[verb]]
    return request.POST.get("decision", ""), request.POST.getlist("memory")


def _told(
    request: ConsoleRequest, visit: Visit, reviewed: Sequence[Reviewed]
) -> HttpResponse:
    counts = Counter(one.outcome for one in reviewed)
    details = {one.detail for one in reviewed if one.detail}
    said = [DONE[outcome].format(n=n) for outcome, n in counts.items()]
    return done(request, _queue(visit), " ".join([*said, *sorted(details)]))


def _queue(visit: Visit) -> str:
    return reverse("memories:review", args=[visit.tenant_slug, visit.project_id])


def _settings(visit: Visit) -> ProjectSettings:
    return ProjectSettings.of(visit.project.settings if visit.project else {})


def _page_number(request: ConsoleRequest) -> int:
    given = request.GET.get("page", "1")
    return max(1, int(given)) if given.isdecimal() and len(given) < 6 else 1
