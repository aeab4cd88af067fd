"""What every page about a subject shows: who it is, and where its other pages are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.urls import resolve, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from memories.selectors.compare import About
from memories.selectors.subjects import SubjectView, get_subject
from memplatform.lib.errors import InvalidRequest
from tenants.console.visits import Page, Visit

PAGES = (
    ("Memories", "memories:subject"),
    ("Profile", "memories:picture"),
    ("History", "memories:history"),
    ("Compare", "memories:compare"),
    ("Conversations", "memories:conversations"),
    ("Graph", "memories:graph"),
    ("Privacy", "memories:privacy"),
)


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    url: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class SubjectPage:
    """A subject on one of its pages; ``here`` is that page's name."""

    subject: SubjectView
    tabs: tuple[Tab, ...]

    @property
    def about(self) -> About:
        """As selectors of its memories know it."""
        return About(self.subject.kind, self.subject.name)

    def context(self, **more: Any) -> dict[str, Any]:
        """What ``memories/_subject_head.html`` needs, and more."""
        return {"subject": self.subject, "tabs": self.tabs, **more}


def open_subject(visit: Visit, subject_id: UUID, here: str) -> SubjectPage:
    """Call inside the visit's scope; raises NotFound."""
    subject = get_subject(subject_id)
    return SubjectPage(subject, tuple(_tabs(visit, subject_id, here)))


def _tabs(visit: Visit, subject_id: UUID, here: str) -> list[Tab]:
    tabs = []
    for label, name in PAGES:
        url = reverse(name, args=[visit.tenant_slug, visit.project_id, subject_id])
        if visit.standing.may(cast("Page", resolve(url).func).read_role):
            tabs.append(Tab(label, url, name == here))
    return tabs


def instant_of(raw: str) -> datetime:
    """What a date field or a link of ours says; without a zone, the operator's.

    Raises InvalidRequest.
    """
    try:
        instant = parse_datetime(raw.strip())
    except ValueError:
        instant = None
    if instant is None:
        raise InvalidRequest("Give an instant as 2026-05-01T12:00, please.")
    return instant if instant.tzinfo else timezone.make_aware(instant)


def number_of(raw: str | None) -> int:
    """A page's number; nonsense is the first page."""
    return max(int(raw), 1) if raw and raw.isdecimal() and len(raw) < 9 else 1


def uuid_of(raw: str | None) -> UUID | None:
    """An id in a query string; raises InvalidRequest for what is none."""
    try:
        return UUID(raw) if raw else None
    except ValueError as exc:
        raise InvalidRequest("This is no id.") from exc
