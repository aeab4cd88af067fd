"""What was used, summed up as somebody asks for it; call inside the project's scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet, Sum

from tenants.models import ApiKey, Project, SubjectUsage, Usage
from tenants.usage import Amounts, Subject

DAY, KEY, OPERATION, SUBJECT = "day", "key", "operation", "subject"
PROJECT = "project"
GROUPS = (DAY, KEY, OPERATION, SUBJECT)
"""What the API groups by; a key sees one project only."""
MAX_DAYS = 400
AMOUNTS = tuple(field.name for field in fields(Amounts))
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    DAY: ("day",),
    KEY: ("api_key_id",),
    OPERATION: ("operation",),
    SUBJECT: ("kind", "name"),
    PROJECT: ("project_id",),
}


@dataclass(frozen=True, slots=True)
class UsageQuestion:
    """``first`` and ``last`` are days, both included; ``groups`` some of ``GROUPS``,
    or of a tenant by ``PROJECT``.

    By subject is not by key: subjects are counted whichever key asked.
    """

    first: date
    last: date
    groups: tuple[str, ...]
    operation: str | None = None
    project_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class UsageRow:
    """The amounts of one group; what it is not grouped by is None, and so is the key
    of work that no key asked for."""

    amounts: Amounts
    day: date | None = None
    key: ApiKey | None = None
    operation: str | None = None
    subject: Subject | None = None
    project: Project | None = None


@dataclass(frozen=True, slots=True)
class UsageReport:
    """One page of the rows, how many there are, and the sum of all of them."""

    rows: tuple[UsageRow, ...]
    count: int
    total: Amounts


def report_usage(question: UsageQuestion, *, page: int, page_size: int) -> UsageReport:
    """Newest day first, else in the order of names. Lags counting by seconds."""
    counted = _counted(question)
    columns = [name for group in question.groups for name in _COLUMNS[group]]
    order = ["-day" if name == "day" else name for name in columns]
    sums = {f"sum_{name}": Sum(name) for name in AMOUNTS}
    groups = counted.values(*columns).annotate(**sums).order_by(*order)
    start = (page - 1) * page_size
    found = list(groups[start : start + page_size])
    keys = _named(ApiKey.objects.all(), found, "api_key_id")
    projects = _named(Project.objects.all(), found, "project_id")
    return UsageReport(
        rows=tuple(_row(row, keys, projects) for row in found),
        count=groups.count(),
        total=_amounts(counted.aggregate(**sums)),
    )


def _counted(question: UsageQuestion) -> QuerySet[Any]:
    table: type[Model] = SubjectUsage if SUBJECT in question.groups else Usage
    rows = table._default_manager.filter(
        day__gte=question.first, day__lte=question.last
    )
    if question.project_id:
        rows = rows.filter(project_id=question.project_id)
    return rows.filter(operation=question.operation) if question.operation else rows


def _named[Row: Model](
    rows: QuerySet[Row], found: Sequence[Mapping[str, Any]], column: str
) -> dict[UUID, Row]:
    """The rows that a column of these groups names; no query when none does."""
    ids = {row[column] for row in found if row.get(column)}
    return rows.in_bulk(list(ids)) if ids else {}


def _row(
    row: Mapping[str, Any],
    keys: Mapping[UUID, ApiKey],
    projects: Mapping[UUID, Project],
) -> UsageRow:
    return UsageRow(
        amounts=_amounts(row),
        day=row.get("day"),
        key=keys.get(row.get("api_key_id") or UUID(int=0)),
        operation=row.get("operation"),
        subject=(row["kind"], row["name"]) if "kind" in row else None,
        project=projects.get(row.get("project_id") or UUID(int=0)),
    )


def _amounts(row: Mapping[str, Any]) -> Amounts:
    sums = {name: row[f"sum_{name}"] or 0 for name in AMOUNTS}
    cost = Decimal(sums.pop("cost"))
    return Amounts(**{name: int(total) for name, total in sums.items()}, cost=cost)
