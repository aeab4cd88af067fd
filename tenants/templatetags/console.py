"""What templates of the console share: addresses, times, numbers, word diffs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.template.context import RequestContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from memplatform.lib import clock
from tenants.console import menu as menus

register = template.Library()

TAGS = {"equal": "{}", "added": "<ins>{}</ins>", "removed": "<del>{}</del>"}
UNITS = (
    (timedelta(days=365), "year"),
    (timedelta(days=30), "month"),
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
)


@register.simple_tag(takes_context=True)
def to(context: RequestContext, name: str, *args: Any, **query: Any) -> str:
    """The address of a page in the visit's tenant and, if there is one, project.

    Keywords become the query string; None is left out.
    """
    visit = context["visit"]
    given = {key: value for key, value in query.items() if value is not None} or None
    if visit.project:
        with suppress(NoReverseMatch):  # a page of the tenant has no project
            here = [visit.tenant_slug, visit.project.id, *args]
            return reverse(name, args=here, query=given)
    return reverse(name, args=[visit.tenant_slug, *args], query=given)


@register.simple_tag(takes_context=True)
def menu(context: RequestContext) -> list[menus.Section]:
    """The sections of the menu for this visit."""
    return menus.menu(context["visit"], context["request"].path)


@register.simple_tag(takes_context=True)
def same_page(context: RequestContext, **changes: Any) -> str:
    """This page's query string with some of it changed; None takes a key out."""
    query = context["request"].GET.copy()
    for key, value in changes.items():
        query.pop(key, None)
        if value is not None:
            query[key] = str(value)
    return f"?{query.urlencode()}"


@register.filter
def when(instant: datetime | None) -> SafeString | str:
    """A time in the operator's zone; the exact instant on hover."""
    if instant is None:
        return "–"
    return _time(instant, f"{timezone.localtime(instant):%-d %b %Y, %H:%M}")


@register.filter
def ago(instant: datetime | None) -> SafeString | str:
    """How long ago, in one unit; the exact instant on hover."""
    if instant is None:
        return "never"
    return _time(instant, _how_long_ago(clock.now() - instant))


def _how_long_ago(age: timedelta) -> str:
    for length, unit in UNITS:
        if age >= length:
            many = age // length
            return f"{many} {unit}{'s' if many > 1 else ''} ago"
    return "just now"


def _time(instant: datetime, text: str) -> SafeString:
    exact = instant.isoformat(timespec="milliseconds")
    return format_html('<time datetime="{}" title="{}">{}</time>', exact, exact, text)


@register.filter
def count(number: int | None) -> str:
    """A number with its thousands apart."""
    return "–" if number is None else number_format(number, force_grouping=True)


@register.filter
def value(given: Any) -> SafeString | str:
    """A value of any kind as a person reads it: metadata, days, categories."""
    if given is None or given == []:
        return "nothing"
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, datetime):
        return when(given)
    if isinstance(given, list) and all(isinstance(item, str) for item in given):
        return ", ".join(given)
    if isinstance(given, dict | list):
        return json.dumps(given, ensure_ascii=False)
    return str(given)


@register.simple_tag
def diff(segments: Iterable[Any]) -> SafeString:
    """Segments of a word diff, marked by ``<ins>`` and ``<del>``."""
    return format_html_join(
        "", "{}", ((format_html(TAGS[str(s.kind)], s.text),) for s in segments)
    )
