"""How a project remembers: every setting, what it does, if it is its default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.forms import BoundField
from django.http import HttpResponse
from django.urls import reverse

from memories.console.settings.forms import GroupForm
from memories.console.settings.knobs import (
    GROUPS,
    KNOBS,
    LOCALE,
    Group,
    Knob,
    is_default,
    values_of,
)
from memories.selectors.review import count_waiting
from memories.services.configuration import change_locale, change_settings
from memplatform.lib.errors import InvalidRequest
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Project, Role

CHANGED_MEANWHILE = (
    "Somebody else changed the settings meanwhile. They are shown as they are now: make"
    " your change again."
)


@dataclass(frozen=True, slots=True)
class Line:
    """A knob with its field; ``is_changed`` when it differs from the default."""

    knob: Knob
    field: BoundField
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Card:
    """A group with its form as it is shown."""

    group: Group
    form: GroupForm
    lines: tuple[Line, ...]


@project_page(read=Role.VIEWER, write=Role.ADMIN)
def project_settings(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    if request.method == "POST":
        return _change(request, visit)
    return _show(request, visit, _read(visit))


def _change(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """One group, or one knob back to its default."""
    project = _read(visit)
    if not _is_current(request, project):
        return _show(request, visit, project, problem=CHANGED_MEANWHILE, status=409)
    if (name := request.POST.get("reset", "")) in KNOBS:
        return _apply(request, visit, {name: _reset_value(name)})
    group = _group(request)
    form = GroupForm(group, values_of(project), request.POST)
    if not form.is_valid():
        return _show(request, visit, project, bound=form, status=422)
    changes = form.changes()
    if not changes:
        return done(request, _place(visit, group), "Nothing was changed.")
    try:
        return _apply(request, visit, changes)
    except InvalidRequest as exc:
        for name, problems in (exc.fields or {"": [exc.message]}).items():
            form.add_error(name if name in form.fields else None, problems)
        return _show(request, visit, project, bound=form, status=422)


def _apply(
    request: ConsoleRequest, visit: Visit, changes: dict[str, Any]
) -> HttpResponse:
    """All of them or none; each is in the audit, old and new."""
    locale = {name: value for name, value in changes.items() if name in LOCALE}
    others = {name: value for name, value in changes.items() if name not in LOCALE}
    with visit.scope():
        project = Project.objects.get(id=visit.project_id)
        if others:
            change_settings(project, others, actor=visit.actor)
        if locale:
            change_locale(project, locale, actor=visit.actor)
        kept = Project.objects.get(id=visit.project_id)
        waiting = count_waiting(kept.id)
    named = ", ".join(KNOBS[name].label for name in changes)
    left = ""
    if waiting and any(name.startswith("review_") for name in changes):
        left = f" {waiting} memories wait for review still."
    group = next(g for g in GROUPS if KNOBS[next(iter(changes))] in g.knobs)
    return done(request, _place(visit, group), f"Changed: {named}.{left}")


def _reset_value(name: str) -> Any:
    return KNOBS[name].default if name in LOCALE else None


def _show(
    request: ConsoleRequest,
    visit: Visit,
    project: Project,
    *,
    bound: GroupForm | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    values = values_of(project)
    cards = []
    for group in GROUPS:
        is_bound = bound is not None and bound.group is group
        form = bound if is_bound and bound else GroupForm(group, values)
        if not visit.may_admin:
            for field in form.fields.values():
                field.disabled = True
        lines = tuple(
            Line(knob, form[knob.name], not is_default(knob.name, values[knob.name]))
            for knob in group.knobs
        )
        cards.append(Card(group, form, lines))
    context = {
        "cards": cards,
        "problem": problem,
        "seen": project.updated_at.isoformat(),
        "changed": sum(line.is_changed for card in cards for line in card.lines),
    }
    return show(request, visit, "memories/settings.html", context, status=status)


def _read(visit: Visit) -> Project:
    with visit.scope():
        return Project.objects.get(id=visit.project_id)


def _is_current(request: ConsoleRequest, project: Project) -> bool:
    """Whether the settings are as the operator saw them."""
    try:
        seen = datetime.fromisoformat(request.POST.get("seen", ""))
    except ValueError:
        return False
    return seen == project.updated_at


def _group(request: ConsoleRequest) -> Group:
    slug = request.POST.get("group", "")
    for group in GROUPS:
        if group.slug == slug:
            return group
    raise InvalidRequest("Choose what to change.")


def _place(visit: Visit, group: Group) -> str:
    place = reverse("memories:settings", args=[visit.tenant_slug, visit.project_id])
    return f"{place}#{group.slug}"
