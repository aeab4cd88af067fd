"""Find a user, agent, app or run, among however many."""

from __future__ import annotations

from django.http import HttpResponse

from memories.console.subjects.about import number_of
from memories.models.subjects import SubjectKind
from memories.selectors.find_subjects import SubjectOrder, find_subjects
from memplatform.lib.errors import InvalidRequest
from tenants.console.rendering import show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

PAGE_SIZE = 50
ORDERS = (
    (SubjectOrder.ACTIVE, "Last active"),
    (SubjectOrder.MEMORIES, "Most memories"),
    (SubjectOrder.NAME, "Id"),
)
FIRST_CALL = """curl {base_url}/v3/memories/add/ \\
  -H "Authorization: Token $MEMPLATFORM_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"user_id": "ida", "messages": [{{"role": "user", "content": "I ski."}}]}}'"""


@project_page(read=Role.VIEWER)
def subjects(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """``text`` is a part of an id or name; ``kind`` and ``sort`` do what they say."""
    asked = request.GET
    text = asked.get("text", "").replace("\0", "").strip()
    kind, order = asked.get("kind") or None, asked.get("sort") or SubjectOrder.ACTIVE
    if kind not in (None, *SubjectKind.values) or order not in SubjectOrder:
        raise InvalidRequest("There is no such kind of subject, or no such order.")
    with visit.scope():
        found = find_subjects(
            text,
            kind=kind,
            order=SubjectOrder(order),
            page=number_of(asked.get("page")),
            page_size=PAGE_SIZE,
        )
    context = {
        "found": found,
        "page": found.page,
        "text": text,
        "kind": kind,
        "order": order,
        "orders": ORDERS,
        "kinds": [(k.value, k.label, found.by_kind[k.value]) for k in SubjectKind],
        "is_filtered": bool(text or kind),
        "first_call": FIRST_CALL.format(base_url=request.build_absolute_uri("/")[:-1]),
    }
    return show(request, visit, "memories/subjects.html", context, fragment="found")
