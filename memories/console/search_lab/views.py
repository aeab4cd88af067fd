"""The search lab: a search as the API would answer it, with everything behind it.

Nothing of it is recorded or counted. The query is embedded outside of any transaction.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.http import HttpResponse

from memories.console.search_lab.forms import LabForm
from memories.console.search_lab.reading import told_of
from memories.retrieval.absence import Absence, explain_absence, find_named
from memories.retrieval.assemble import (
    CONTEXT_TOP_K,
    DEFAULT_TOKENS,
    Assembled,
    ContextRequest,
    assemble_found,
)
from memories.retrieval.rank import OTHERS_PENALTY, Explained, Gate
from memories.retrieval.search import Looked, look
from memories.retrieval.statement import leg_depth, worded_depth
from memories.retrieval.timing import OVER_PENALTY, SUPERSEDED_PENALTY
from memories.types import Hit, MemoryView
from memplatform.lib.errors import ProviderError
from tenants.console.rendering import show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

PENALTIES = {
    "superseded": SUPERSEDED_PENALTY,
    "over": OVER_PENALTY,
    "others": OTHERS_PENALTY,
}
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
        context["assembled"] = _assembled(visit, form, looked)
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
    rows = [Row(looked.pool.view(e.memory_id), e) for e in looked.explained]
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
        "read": told_of(looked.query),
        "penalties": PENALTIES,
        "has_decay": looked.setup.client.decay,
        "reranking": looked.reranking,
    }


def _assembled(visit: Visit, form: LabForm, looked: Looked) -> Assembled:
    """The block that an agent is given, by the API: of as many as that takes, which is
    more than a search returns, unless somebody says how many.
    """
    top_k = form.cleaned_data["top_k"] or CONTEXT_TOP_K
    for_block = replace(looked, request=replace(looked.request, top_k=top_k))
    hits = [
        Hit(looked.pool.view(place.memory_id), place.score)
        for place in for_block.ranked()
    ]
    budget = form.cleaned_data["token_budget"] or DEFAULT_TOKENS
    request = ContextRequest(for_block.request, budget=budget)
    return assemble_found(visit.access, request, hits, for_block)


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
