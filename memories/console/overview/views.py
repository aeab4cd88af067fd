"""How a project is doing, at a glance: what came in, how fast, what needs somebody.

The figures ask for themselves every few seconds; while nothing has changed they are
answered 304, from a few look-ups in indexes.
"""

from __future__ import annotations

from datetime import date

from django.http import HttpResponse

from memories.console.overview.attention import list_attention
from memories.console.overview.stats import list_stats
from memories.selectors import overview as reads
from memplatform.lib import clock
from tenants.console.charts import Chart, bar_chart, days_until
from tenants.console.live import etag_of, show_live, unchanged
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

PERIODS = (14, 30, 90)
USUAL = 30


@project_page(read=Role.VIEWER)
def overview(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    period = _period(request)
    days = days_until(clock.now().date(), period)
    with visit.scope():
        etag = etag_of(visit, period, reads.fingerprint(days[-1]))
        if same := unchanged(request, etag):
            return same
        figures, held = reads.figures(days), reads.held()
        context = {
            "charts": _charts(figures, days),
            "stats": list_stats(visit, figures, held),
            "is_new": not held and not figures.adds,
            "period": period,
            "periods": PERIODS,
            "base_url": request.build_absolute_uri("/").rstrip("/"),
        }
    context["attention"] = list_attention(visit)
    return show_live(
        request,
        visit,
        "memories/overview.html",
        context,
        fragment="figures",
        etag=etag,
    )


def _period(request: ConsoleRequest) -> int:
    """The days asked for, as far as they are offered."""
    asked = request.GET.get("days", "")
    return int(asked) if asked in map(str, PERIODS) else USUAL


def _charts(figures: reads.Figures, days: list[date]) -> list[Chart]:
    drawn = (
        ("adds", "Adds", "adds", figures.adds),
        ("searches", "Searches", "searches", figures.searches),
        ("memories", "New memories", "memories", figures.learned),
    )
    return [
        bar_chart(slug, title, unit, values, days, series=number)
        for number, (slug, title, unit, values) in enumerate(drawn, start=1)
    ]
