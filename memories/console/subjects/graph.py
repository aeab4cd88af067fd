"""What a subject's memories speak of, as a drawing and as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from memories.console.subjects.about import instant_of, open_subject
from memories.selectors.compare import list_days
from memories.selectors.graph import MOST_EDGES, Edge, Graph, graph_of
from memplatform.lib import clock
from tenants.console.rendering import show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

DAYS_OFFERED = 100
TYPES_COLOURED = 3
"""As many as there are series of colours; the rest look alike."""


@project_page(read=Role.VIEWER)
def graph(request: ConsoleRequest, visit: Visit, subject_id: UUID) -> HttpResponse:
    """``as_of`` is an instant, absent for now; ``past`` also shows what is over."""
    raw = request.GET.get("as_of")
    as_of = min(instant_of(raw), clock.now()) if raw else None
    with_past = bool(request.GET.get("past"))
    with visit.scope():
        page = open_subject(visit, subject_id, "memories:graph")
        found = graph_of(page.about, as_of=as_of, with_past=with_past)
        zone = timezone.get_current_timezone_name()
        days = list_days(page.about, zone, most=DAYS_OFFERED)
    earlier = next((d for d in days if as_of is None or d.last_at < as_of), None)
    later = [d for d in days if as_of is not None and d.last_at > as_of]
    context = page.context(
        graph=found,
        as_of=as_of,
        with_past=with_past,
        days=days,
        earlier=earlier,
        later=later[-1] if later else None,
        most_edges=MOST_EDGES,
        drawing=_drawing(found, [visit.tenant_slug, visit.project_id, subject_id]),
    )
    return show(request, visit, "memories/graph.html", context)


def _drawing(found: Graph, place: Sequence[object]) -> dict[str, Any]:
    """What ``static/console/graph.js`` draws: nodes, and edges between their places.

    A node leads to its page, an edge to the memories behind it.
    """
    url = reverse("memories:subject", args=place)
    places = {node.id: place for place, node in enumerate(found.nodes)}
    kinds = Counter(node.type for node in found.nodes).most_common(TYPES_COLOURED)
    colours = {kind: colour for colour, (kind, _) in enumerate(kinds, start=1)}
    return {
        "nodes": [
            {
                "name": node.name,
                "title": f"{node.name} ({node.type}): {node.mentions} memories",
                "mentions": node.mentions,
                "colour": colours.get(node.type, 0),
                "url": reverse("memories:entity", args=[*place, node.id]),
            }
            for node in found.nodes
        ],
        "edges": [
            {
                "source": places[edge.source.id],
                "target": places[edge.target.id],
                "type": edge.type,
                "title": _title(edge),
                "isOver": edge.is_over,
                "url": f"{url}?state=any&relation={edge.id}",
            }
            for edge in found.edges
        ],
    }


def _title(edge: Edge) -> str:
    said = f"{edge.source.name} {edge.type} {edge.target.name}"
    return f"{said} (over)" if edge.is_over else said
