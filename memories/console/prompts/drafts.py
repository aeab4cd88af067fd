"""The draft of a prompt: written, thrown away, or made of what a release ships."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from memories.console.prompts.forms import DraftForm
from memories.console.prompts.texts import Desk, find_text, open_desk
from memories.diff import diff_words
from memories.pipeline.prompt_sections import check_prompt, sections_of
from memories.selectors.prompts import find_draft, get_published, get_template
from memories.services import prompts as services
from memories.services.prompts import Draft
from memplatform.lib.errors import InvalidRequest
from tenants.console.problems import add_problems
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def draft(request: ConsoleRequest, visit: Visit, purpose: str) -> HttpResponse:
    """The editor, with the sections beside it. ``?from=`` begins with another text."""
    desk = open_desk(visit, purpose)
    if request.method == "POST":
        return _save(request, visit, desk)
    with visit.scope():
        template = get_template(purpose)
        known = find_draft(template)
        given = request.GET.get("from")
        if given:
            text = find_text(template, given).text
        else:
            text = known.text if known else get_published(template).text
    initial = {
        "text": text,
        "note": known.note if known and not given else "",
        "seen_hash": known.text_hash if known else "",
    }
    return _edit(request, visit, desk, DraftForm(initial=initial), text)


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def discard(request: ConsoleRequest, visit: Visit, purpose: str) -> HttpResponse:
    place = _place(visit, purpose)
    if request.method != "POST":
        return redirect(place)
    services.discard_draft(visit.access, purpose)
    return done(request, place, "Draft thrown away.")


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def adopt(request: ConsoleRequest, visit: Visit, purpose: str) -> HttpResponse:
    """What the release ships becomes the draft; before, how it differs."""
    desk = open_desk(visit, purpose)
    if request.method == "POST":
        services.adopt_shipped(visit.access, purpose)
        place = _place(visit, purpose, "memories:prompt-draft")
        return done(request, place, "The shipped text is the draft now.")
    with visit.scope():
        template = get_template(purpose)
        old, new = get_published(template), find_text(template, "shipped")
    context = {
        "desk": desk,
        "template": desk.template,
        "old": old,
        "segments": diff_words(old.text, new.text),
    }
    return show(request, visit, "memories/prompt_adopt.html", context)


def _save(request: ConsoleRequest, visit: Visit, desk: Desk) -> HttpResponse:
    purpose = desk.template.purpose.name
    form = DraftForm(request.POST)
    text = request.POST.get("text", "").replace("\r\n", "\n")
    if not form.is_valid():
        return _edit(request, visit, desk, form, text, status=422)
    asked = form.cleaned_data
    try:
        services.save_draft(
            visit.access, purpose, Draft(text, asked["note"], asked["seen_hash"])
        )
    except InvalidRequest as exc:
        add_problems(form, exc)
        return _edit(request, visit, desk, form, text, status=422)
    if "try" in request.POST:
        return done(
            request, _place(visit, purpose, "memories:prompt-try"), "Draft saved."
        )
    return done(
        request, _place(visit, purpose, "memories:prompt-draft"), "Draft saved."
    )


def _edit(
    request: ConsoleRequest,
    visit: Visit,
    desk: Desk,
    form: DraftForm,
    text: str,
    *,
    status: int = 200,
) -> HttpResponse:
    purpose = desk.template.purpose.name
    with visit.scope():
        template = get_template(purpose)
        published, known = get_published(template), find_draft(template)
    context = {
        "desk": desk,
        "template": desk.template,
        "form": form,
        "draft": known,
        "sections": sections_of(purpose, text),
        "notes": check_prompt(purpose, text).notes,
        "is_same": text == published.text,
        "segments": diff_words(published.text, text),
    }
    return show(request, visit, "memories/prompt_draft.html", context, status=status)


def _place(visit: Visit, purpose: str, name: str = "memories:prompt") -> str:
    return reverse(name, args=[visit.tenant_slug, visit.project_id, purpose])
