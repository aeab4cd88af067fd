"""The search lab: a search as the API would answer it, with everything behind it.

Nothing of it is recorded or counted. The query is embedded outside of any transaction.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpResponse

from memories.console.search_lab.forms import LabForm
from memories.retrieval.absence import Absence, explain_absence, find_named
from memories.retrieval.assemble import (
    DEFAULT_TOKENS,
    Assembled,
    ContextRequest,
    assemble_found,
)
from memories.retrieval.rank import Explained, Gate
from memories.retrieval.search import Looked, look
from memories.retrieval.statement import leg_depth, worded_depth
from memories.types import Hit, MemoryView
from memplatform.lib.errors import ProviderError
from tenants.console.rendering import show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

MOST_MISSED = 25
"""Candidates that are told of though a search does not return them."""
CURL = """\
curl -X POST {url} \\
  -H "Authorization: Token $MEMPLATFORM_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d {body}"""


@dataclass(frozen=True, slots=True)
class Row:
    """A candidate in its place."""

    memory: MemoryView
    how: Explained


@project_page(read=Role.VIEWER)
def search_lab(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    form = LabForm(request.GET or None)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return _show(request, visit, {"form": form}, status)
    asked = form.request()
    try:
        looked = look(visit.access, asked)
    except ProviderError as exc:
        return _show(request, visit, {"form": form, "problem": exc}, 200)
    context: dict[str, Any] = {
        "form": form,
        "curl": _curl(request, form),
        "asked": asked,
        "has_searched": True,
    }
    if looked is not None:
        context |= _found(looked)
        context["assembled"] = _assembled(visit, form, looked, context["shown"])
        context["absences"] = _absences(looked, form.cleaned_data["memory"])
    return _show(request, visit, context, 200)


def _show(
    request: ConsoleRequest, visit: Visit, context: Mapping[str, Any], status: int
) -> HttpResponse:
    return show(
        request,
        visit,
        "memories/search_lab.html",
        context,
        fragment="found",
        status=status,
    )


def _found(looked: Looked) -> dict[str, Any]:
    rows = [Row(looked.pool.view(e.memory_id), e) for e in looked.explained()]
    shown = [row for row in rows if row.how.gate is Gate.SHOWN]
    missed = [row for row in rows if row.how.gate is not Gate.SHOWN]
    return {
        "shown": shown,
        "missed": missed[:MOST_MISSED],
        "missed_count": len(missed),
        "candidates": len(rows),
        "depth": leg_depth(looked.request),
        "worded_depth": worded_depth(looked.request),
        "weights": looked.setup.settings,
        "query": looked.query,
        "has_decay": looked.setup.client.decay,
        "reranking": looked.reranking,
    }


def _assembled(
    visit: Visit, form: LabForm, looked: Looked, shown: Sequence[Row]
) -> Assembled:
    """The block that an agent is given of these, by the API."""
    hits = [Hit(row.memory, row.how.score or 0.0) for row in shown]
    budget = form.cleaned_data["token_budget"] or DEFAULT_TOKENS
    request = ContextRequest(form.request(), budget=budget)
    return assemble_found(visit.access, request, hits, looked)


def _absences(looked: Looked, given: str) -> list[Absence] | None:
    """What became of the memory that somebody misses; None: nobody asked."""
    named = given.strip()
    if not named:
        return None
    try:
        ids = [UUID(named)]
    except ValueError:
        ids = find_named(looked, named)
    return [explain_absence(looked, memory_id) for memory_id in ids]


def _curl(request: ConsoleRequest, form: LabForm) -> str:
    url = request.build_absolute_uri("/v3/memories/search/")
    body = json.dumps(form.as_body(), ensure_ascii=False)
    return CURL.format(url=shlex.quote(url), body=shlex.quote(body))
