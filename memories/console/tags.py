"""What the console's frame shows of what is remembered."""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from django import template
from django.template import Context
from django.utils.safestring import SafeString

from memories.language.days import end_day, first_day
from memories.language.recurrence import said_rule
from memories.models.settings import ProjectSettings
from memories.selectors.review import count_waiting
from tenants.console.visits import Visit
from tenants.templatetags.console import when

register = template.Library()
register.filter("recurrence", said_rule)


class Dated(Protocol):
    """What is true for a time: a memory, an edge."""

    valid_from: datetime | None
    valid_to: datetime | None
    valid_precision: str | None


@register.simple_tag(takes_context=True)
def true_from(context: Context, dated: Dated) -> SafeString | str:
    """The day, month or year that was said; an instant in the operator's zone."""
    if dated.valid_from is None:
        return when(None)
    day = first_day(dated.valid_from, dated.valid_precision, _zone(context))
    return _said(day, dated.valid_precision) if day else when(dated.valid_from)


@register.simple_tag(takes_context=True)
def true_until(context: Context, dated: Dated) -> SafeString | str:
    """Likewise; an end is a day or an instant, for it is exclusive."""
    if dated.valid_to is None:
        return when(None)
    precision = dated.valid_precision
    day = end_day(dated.valid_to, dated.valid_from, precision, _zone(context))
    return _said(day, "day") if day else when(dated.valid_to)


def _zone(context: Context) -> ZoneInfo:
    project = context["visit"].project
    return ZoneInfo(project.timezone if project else "UTC")


def _said(day: date, precision: str | None) -> str:
    if precision == "year" and (day.month, day.day) == (1, 1):
        return f"{day:%Y}"
    if precision in ("month", "season") and day.day == 1:
        return f"{day:%b %Y}"
    return f"{day:%-d %b %Y}"


@register.simple_tag
def waiting_for_review(visit: Visit) -> int:
    """How many memories wait, where the project reviews any; one short read."""
    if visit.project is None:
        return 0
    if not ProjectSettings.of(visit.project.settings).has_review:
        return 0
    with visit.scope():
        return count_waiting(visit.project.id)
