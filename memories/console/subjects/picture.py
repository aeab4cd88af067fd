"""What is held true of a subject, by category, at any instant."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone

from memories.console.subjects.about import instant_of, number_of, open_subject
from memories.selectors.compare import list_days
from memories.selectors.filters import parse_filters
from memories.selectors.pictures import Moment, picture_of
from memplatform.lib import clock
from tenants.console.rendering import show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

PAGE_SIZE = 100
DAYS_OFFERED = 100
FIELD = "%Y-%m-%dT%H:%M"
"""How a browser's field writes an instant, in the operator's zone."""


@project_page(read=Role.VIEWER)
def picture(request: ConsoleRequest, visit: Visit, subject_id: UUID) -> HttpResponse:
    """``as_of``: as it was believed then; ``valid_at``: what is true then."""
    asked = request.GET
    as_of, valid_at = (asked.get(name) for name in ("as_of", "valid_at"))
    true_then = instant_of(valid_at) if valid_at else None
    moment = Moment(
        as_of=min(instant_of(as_of), clock.now()) if as_of else None,
        valid=(true_then, true_then) if true_then else None,
    )
    with visit.scope():
        page = open_subject(visit, subject_id, "memories:picture")
        found = picture_of(
            parse_filters({page.about.key: page.about.name}),
            moment,
            page=number_of(asked.get("page")),
            page_size=PAGE_SIZE,
        )
        zone = timezone.get_current_timezone_name()
        days = list_days(page.about, zone, most=DAYS_OFFERED)
    true_at = moment.valid_at and timezone.localtime(moment.valid_at)
    context = page.context(
        picture=found,
        page=found.page,
        moment=moment,
        days=days,
        valid_field=true_at.strftime(FIELD) if true_at else "",
    )
    return show(request, visit, "memories/picture.html", context)
