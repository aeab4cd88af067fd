"""The prompts of a project, one with its versions, and what differs between two."""

from __future__ import annotations

from django.http import HttpResponse

from memories.console.prompts.texts import DRAFT, find_text, open_desk, ready
from memories.diff import diff_words
from memories.selectors.prompts import get_template, list_templates
from tenants.console.rendering import show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role


@project_page(read=Role.VIEWER)
def prompts(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    setup = ready(visit)
    with visit.scope():
        templates = list_templates()
    is_by_rules = setup.engine == "local"
    others = [
        template
        for template in templates
        if not is_by_rules and template.purpose.engine not in (None, setup.engine)
    ]
    context = {
        "engine": setup.engine,
        "is_by_rules": is_by_rules,
        "mine": [template for template in templates if template not in others],
        "others": others,
        "outdated": [t for t in templates if t.is_outdated],
    }
    return show(request, visit, "memories/prompts.html", context)


@project_page(read=Role.VIEWER)
def prompt(request: ConsoleRequest, visit: Visit, purpose: str) -> HttpResponse:
    """A template: who speaks, its versions, and the text of the one looked at."""
    desk = open_desk(visit, purpose)
    published = str(desk.template.published.number)
    with visit.scope():
        template = get_template(purpose)
        shown = find_text(template, request.GET.get("version", published))
    context = {"desk": desk, "template": desk.template, "shown": shown}
    return show(request, visit, "memories/prompt.html", context)


@project_page(read=Role.VIEWER)
def compare(request: ConsoleRequest, visit: Visit, purpose: str) -> HttpResponse:
    """Any two texts of a prompt: versions, what is shipped, the draft for admins."""
    desk = open_desk(visit, purpose)
    numbers = [version.number for version in desk.versions]
    left = request.GET.get("from", str(numbers[min(1, len(numbers) - 1)]))
    right = request.GET.get("to", str(numbers[0]))
    choices = [c for c in desk.choices if c[0] != DRAFT or visit.may_admin]
    if DRAFT in (left, right) and not visit.may_admin:
        left = right = str(numbers[0])
    with visit.scope():
        template = get_template(purpose)
        old, new = find_text(template, left), find_text(template, right)
    context = {
        "desk": desk,
        "template": desk.template,
        "choices": [*choices, ("shipped", "The shipped text")],
        "old": old,
        "new": new,
        "is_same": old.text == new.text,
        "segments": diff_words(old.text, new.text),
    }
    return show(request, visit, "memories/prompt_compare.html", context)
