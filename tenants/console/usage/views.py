"""What was used, by whom and for what, against what may be used."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse

from tenants import quotas
from tenants.console.charts import Chart, bar_chart, days_until
from tenants.console.paging import PAGE_SIZE, ListPage, page_number
from tenants.console.rendering import show
from tenants.console.usage.forms import UsageForm
from tenants.console.usage.limits import quota_states
from tenants.console.visits import ConsoleRequest, Visit, tenant_page
from tenants.models import Project, Role
from tenants.reports import (
    AMOUNTS,
    DAY,
    UsageQuestion,
    UsageReport,
    UsageRow,
    report_usage,
)

ROWS_OF_FILE = 5_000
"""Read at a time for a file."""
HEAD = ("day", "project", "key", "operation", "subject_type", "subject", *AMOUNTS)


@tenant_page(read=Role.ADMIN)
def usage(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    form = UsageForm(request.GET, visit.projects)
    question = form.question()
    number = page_number(request.GET)
    with visit.scope():
        report = report_usage(question, page=number, page_size=PAGE_SIZE)
        by_day = _by_day(question)
    context = {
        "form": form,
        "by": form.by_name,
        "titles": form.titles,
        "report": report,
        "page": ListPage(list(report.rows), number, report.count),
        "charts": _charts(question, by_day),
        "limits": quota_states(visit, visit.projects),
        "month_ends": quotas.month_ends(),
    }
    return show(request, visit, "tenants/usage.html", context, fragment="report")


@tenant_page(read=Role.ADMIN)
def download(request: ConsoleRequest, visit: Visit) -> StreamingHttpResponse:
    """The same as a file for a spreadsheet, all pages of it."""
    question = UsageForm(request.GET, visit.projects).question()
    rows = _rows_of_file(visit, question)
    name = f"usage-{visit.tenant_slug}-{question.first}-{question.last}.csv"
    response = StreamingHttpResponse(_as_csv(rows), content_type="text/csv")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _by_day(question: UsageQuestion) -> UsageReport:
    """Of the same question, day by day, for the drawings."""
    days = UsageQuestion(
        first=question.first,
        last=question.last,
        groups=(DAY,),
        operation=question.operation,
        project_id=question.project_id,
    )
    return report_usage(days, page=1, page_size=(days.last - days.first).days + 1)


def _charts(question: UsageQuestion, by_day: UsageReport) -> list[Chart]:
    count = (question.last - question.first).days + 1
    days = days_until(question.last, count)
    requests = {row.day: row.amounts.requests for row in by_day.rows if row.day}
    tokens = {row.day: row.amounts.total_tokens for row in by_day.rows if row.day}
    return [
        bar_chart("requests", "Requests", "requests", requests, days, series=1),
        bar_chart("tokens", "Tokens", "tokens", tokens, days, series=2),
    ]


# --- the file -------------------------------------------------------------------------


def _rows_of_file(visit: Visit, question: UsageQuestion) -> list[UsageRow]:
    rows: list[UsageRow] = []
    with visit.scope():
        while True:
            page = len(rows) // ROWS_OF_FILE + 1
            report = report_usage(question, page=page, page_size=ROWS_OF_FILE)
            rows += report.rows
            if len(rows) >= report.count or not report.rows:
                return rows


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, line: str) -> str:
        return line


def _as_csv(rows: list[UsageRow]) -> Iterator[Any]:
    writer = csv.writer(_Echo())
    yield writer.writerow(HEAD)
    for row in rows:
        amounts = [getattr(row.amounts, name) for name in AMOUNTS]
        yield writer.writerow([*map(_plain, _names(row)), *amounts])


def _names(row: UsageRow) -> list[str]:
    kind, name = row.subject or ("", "")
    key = f"{row.key.name} ({row.key.prefix})" if row.key else ""
    project: Project | None = row.project
    return [
        str(row.day or ""),
        project.name if project else "",
        key,
        row.operation or "",
        kind,
        name,
    ]


def _plain(text: str) -> str:
    """A name that a spreadsheet would take for a formula is text, too (CWE-1236)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
