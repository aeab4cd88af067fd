"""Every event of a subject, newest first, each with its cause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_date

from memories.console.subjects.about import number_of, open_subject, uuid_of
from memories.models import MemoryEvent
from memories.selectors.subject_history import (
    MOST_COUNTED,
    HistoryFilter,
    list_happenings,
)
from memplatform.lib.errors import InvalidRequest
from tenants.console.rendering import show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

PAGE_SIZE = 50
ACTORS = (
    ("engine", "The engine"),
    ("api_key", "An API key"),
    ("operator", "An operator"),
    ("system", "The platform"),
)


@project_page(read=Role.VIEWER)
def history(request: ConsoleRequest, visit: Visit, subject_id: UUID) -> HttpResponse:
    """``kind``, ``actor``, ``since`` and ``until`` (days) narrow it down."""
    asked = request.GET
    wanted = _wanted(asked)
    with visit.scope():
        subject = open_subject(visit, subject_id, "memories:history")
        page = list_happenings(
            subject.about,
            wanted,
            page=number_of(asked.get("page")),
            page_size=PAGE_SIZE,
        )
    context = subject.context(
        page=page,
        is_many=page.count > MOST_COUNTED,
        is_filtered=wanted != HistoryFilter(),
        kinds=MemoryEvent.Kind.choices,
        actors=ACTORS,
        asked=asked,
    )
    return show(request, visit, "memories/history.html", context, fragment="rows")


def _wanted(asked: Mapping[str, Any]) -> HistoryFilter:
    kind, actor = asked.get("kind"), asked.get("actor")
    if kind and kind not in MemoryEvent.Kind.values:
        raise InvalidRequest("There is no such kind of event.")
    until = _day(asked.get("until"))
    return HistoryFilter(
        kinds=(kind,) if kind else (),
        actor_kind=actor or None,
        since=_day(asked.get("since")),
        before=until + timedelta(days=1) if until else None,
        operation_id=uuid_of(asked.get("operation")),
    )


def _day(raw: str | None) -> datetime | None:
    """The midnight that begins a day in the operator's zone; raises InvalidRequest."""
    if not raw:
        return None
    try:
        day = parse_date(raw)
    except ValueError:
        day = None
    if day is None:
        raise InvalidRequest("Give a day as 2026-05-01, please.")
    return timezone.make_aware(datetime.combine(day, time()))
