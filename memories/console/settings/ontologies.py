"""The versions of a project's ontology: what differs, and using one again."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse

from memories.diff import diff_words
from memories.selectors.ontologies import OntologyView, list_ontologies, one_of
from memories.services.configuration import change_settings
from memplatform.lib.errors import InvalidRequest
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Project, Role


@project_page(read=Role.VIEWER, write=Role.ADMIN)
def ontologies(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """Two of them compared: ``from`` and ``to``, by default the last two."""
    if request.method == "POST":
        return _use_again(request, visit)
    with visit.scope():
        project = Project.objects.get(id=visit.project_id)
        versions = list_ontologies(project)
    old, new = _compared(request, versions)
    context = {
        "versions": versions,
        "choices": [(one.number, f"Version {one.number}") for one in versions],
        "old": old,
        "new": new,
        "segments": diff_words(old.text, new.text) if old and new else (),
        "is_same": bool(old and new and old.body == new.body),
    }
    return show(request, visit, "memories/ontologies.html", context)


def _compared(
    request: ConsoleRequest, versions: list[OntologyView]
) -> tuple[OntologyView | None, OntologyView | None]:
    if len(versions) < 2:
        return None, None
    new, old = versions[:2]
    left = _number(request.GET.get("from", old.number))
    right = _number(request.GET.get("to", new.number))
    return one_of(versions, left), one_of(versions, right)


def _use_again(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """As a new version; what is in the graph stays."""
    number = _number(request.POST.get("version", ""))
    with visit.scope():
        project = Project.objects.get(id=visit.project_id)
        body = dict(one_of(list_ontologies(project), number).body)
        change_settings(project, {"ontology": body}, actor=visit.actor)
    place = reverse("memories:ontologies", args=[visit.tenant_slug, visit.project_id])
    said = f"The graph may hold what version {number} allows, from now on."
    return done(request, place, said)


def _number(written: object) -> int:
    text = str(written)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidRequest("version: must be the number of one.")
    return int(text)
