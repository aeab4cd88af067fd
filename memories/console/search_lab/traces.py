"""Kept traces: what led to the answer of a search, and what the same would answer now.

Asking again records nothing; the query is embedded outside of any transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from memories.console.search_lab.forms import LabForm
from memories.models import Memory
from memories.retrieval.search import keep_trace, trace_again
from memories.retrieval.traces import (
    Trace,
    compare,
    count_words,
    read_trace,
    request_of,
)
from memories.selectors.search_traces import get_traced, list_traced
from memplatform.lib.errors import InvalidRequest, PlatformError
from tenants.console.paging import page_number
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

PAGE_SIZE = 50
NOW, THEN = "now", "then"
AGAIN = {
    "": "As it was",
    NOW: "Compared with now",
    THEN: "Compared with what was known then",
}


@dataclass(frozen=True, slots=True)
class Named:
    """A line of a table: a candidate or a difference, and what the memory says.

    ``text`` None: there is no such text any more.
    """

    row: Any
    text: str | None


@project_page(read=Role.VIEWER)
def search_traces(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """The searches whose trace is kept, the newest first."""
    with visit.scope():
        page = list_traced(page=page_number(request.GET), page_size=PAGE_SIZE)
    return show(request, visit, "memories/search_traces.html", {"page": page})


@project_page(read=Role.SUPPORT, write=Role.SUPPORT)
@require_POST
def keep_search(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """Keep what leads to the answer of the search in the lab's form."""
    form = LabForm(request.POST)
    if not form.is_valid():
        raise InvalidRequest("Search first, then keep its trace.")
    trace_id = keep_trace(visit.access, form.request())
    place = [visit.tenant_slug, visit.project_id, trace_id]
    return done(request, reverse("memories:search-trace", args=place), "Kept.")


@project_page(read=Role.VIEWER)
def search_trace(request: ConsoleRequest, visit: Visit, trace_id: UUID) -> HttpResponse:
    """One trace, by itself or beside what the same search finds again."""
    with visit.scope():
        search, kept = get_traced(trace_id)
    trace = read_trace(kept)
    again = request.GET.get("again", "")
    context: dict[str, Any] = {
        "search": search,
        "trace": trace,
        "again": again if again in AGAIN else "",
        "ways": AGAIN.items(),
        **_rows_of(visit, trace, again),
    }
    return show(request, visit, "memories/search_trace.html", context)


def _rows_of(visit: Visit, trace: Trace, again: str) -> Mapping[str, Any]:
    if again not in (NOW, THEN):
        return {"rows": _named(visit, trace.candidates)}
    try:
        request = request_of(trace, then=again == THEN)
        other = read_trace(trace_again(visit.access, request))
    except PlatformError as problem:
        return {"problem": problem}
    differences = compare(trace, other)
    return {
        "other": other,
        "rows": _named(visit, differences),
        "counts": count_words(differences),
    }


def _named(visit: Visit, rows: Iterable[Any]) -> list[Named]:
    rows = list(rows)
    with visit.scope():
        kept = Memory.objects.filter(id__in=[row.memory_id for row in rows])
        texts = dict(kept.values_list("id", "text"))
    return [Named(row, texts.get(row.memory_id)) for row in rows]
