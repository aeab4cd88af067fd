"""Who did what: the audit of a tenant, to read and to take along."""

from __future__ import annotations

from typing import cast

from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone

from memplatform.lib import clock
from memplatform.lib.errors import NotFound
from tenants import selectors
from tenants.console.audit.entries import actor_names, rows
from tenants.console.audit.export import FORMATS
from tenants.console.audit.filters import AuditFilter, AuditForm
from tenants.console.paging import page_of
from tenants.console.rendering import show
from tenants.console.visits import ConsoleRequest, Visit, tenant_page
from tenants.models import Role

RECENT = 500
"""Entries from which the field for actions proposes some."""


@tenant_page(read=Role.ADMIN)
def audit(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    form = AuditForm(request.GET, projects=visit.projects)
    asked = AuditFilter.of(form)
    with visit.scope():
        page = page_of(asked.entries(), request.GET)
        names = actor_names(page.items)
        recent = selectors.list_audit().values_list("action", flat=True)[:RECENT]
        actions = sorted(set(recent))
    context = {
        "form": form,
        "page": page,
        "rows": rows(visit, page.items, names),
        "actions": actions,
        "is_filtered": asked != AuditFilter(),
        "formats": FORMATS,
    }
    return show(request, visit, "tenants/audit.html", context, fragment="entries")


@tenant_page(read=Role.ADMIN)
def export_audit(
    request: ConsoleRequest, visit: Visit, file_format: str
) -> HttpResponse:
    """What the same filter shows, as a file."""
    if file_format not in FORMATS:
        raise NotFound(f"The audit is told as {', '.join(FORMATS)}.")
    content_type, lines = FORMATS[file_format]
    asked = AuditFilter.of(AuditForm(request.GET, projects=visit.projects))
    name = f"audit-{visit.tenant_slug}-{timezone.localdate(clock.now())}.{file_format}"
    response = StreamingHttpResponse(
        lines(visit.tenant_id, asked), content_type=content_type
    )
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return cast("HttpResponse", response)
