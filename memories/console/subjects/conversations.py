"""What was said, and what was learned from it, or why nothing was."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse

from memories.console.subjects.about import number_of, open_subject
from memories.selectors.conversations import list_sessions
from tenants.console.rendering import show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

PAGE_SIZE = 50


@project_page(read=Role.VIEWER)
def conversations(
    request: ConsoleRequest, visit: Visit, subject_id: UUID
) -> HttpResponse:
    with visit.scope():
        subject = open_subject(visit, subject_id, "memories:conversations")
        number = number_of(request.GET.get("page"))
        page = list_sessions(subject.about, page=number, page_size=PAGE_SIZE)
    return show(
        request, visit, "memories/conversations.html", subject.context(page=page)
    )
