"""Find a subject among many, by a part of its id or of its name, in any case.

Under row-level security a pattern never picks rows by an index (decision 6), so the
project's subjects are all looked at: 10,000 of them in about 10 ms (ADR 0470). Call
inside a tenant scope.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Case, Count, Q, QuerySet, When

from memories.models import Subject
from memories.selectors.subjects import KINDS, SubjectView, view_of
from memories.types import Page


class SubjectOrder(StrEnum):
    """How found subjects are listed."""

    ACTIVE = "active"
    MEMORIES = "memories"
    NAME = "name"


_ORDERS = {
    SubjectOrder.ACTIVE: ("-last_active_at", "-id"),
    SubjectOrder.MEMORIES: ("-memory_count", "-last_active_at", "-id"),
    SubjectOrder.NAME: ("external_id", "kind"),
}


@dataclass(frozen=True, slots=True)
class FoundSubjects:
    """One page, and how many match of each kind, whichever kind is shown."""

    page: Page[SubjectView]
    by_kind: dict[str, int]

    @property
    def all_kinds(self) -> int:
        return sum(self.by_kind.values())


def find_subjects(
    text: str,
    *,
    kind: str | None = None,
    order: SubjectOrder = SubjectOrder.ACTIVE,
    page: int,
    page_size: int,
) -> FoundSubjects:
    """Also those of whom nothing is remembered any more: it may be brought back.

    Who is called exactly ``text`` comes first. Two queries.
    """
    rows = _matching(text)
    counted = dict(rows.order_by().values_list("kind").annotate(Count("id")))
    by_kind = {name: counted.get(name, 0) for name in KINDS}
    if kind:
        rows = rows.filter(kind=kind)
    exact = [Case(When(external_id__iexact=text, then=0), default=1)] if text else []
    start = (page - 1) * page_size
    found = rows.order_by(*exact, *_ORDERS[order])[start : start + page_size]
    total = by_kind[kind] if kind else sum(by_kind.values())
    return FoundSubjects(
        Page(tuple(view_of(row) for row in found), total, page, page_size), by_kind
    )


def _matching(text: str) -> QuerySet[Subject]:
    rows = Subject.objects.all()
    if not text:
        return rows
    return rows.filter(Q(external_id__icontains=text) | Q(display_name__icontains=text))
