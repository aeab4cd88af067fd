"""Let a text speak: for all, for a share first, or no more."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse

from memories.console.prompts.forms import PublishForm
from memories.console.prompts.texts import (
    DRAFT,
    Desk,
    Spoken,
    find_text,
    number_of,
    open_desk,
)
from memories.diff import diff_words
from memories.pipeline.prompt_sections import check_prompt
from memories.selectors.prompts import get_published, get_template
from memories.services import prompts as services
from memplatform.lib.errors import InvalidRequest
from tenants.console.problems import add_problems
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def publish(request: ConsoleRequest, visit: Visit, purpose: str) -> HttpResponse:
    """What would speak instead of what speaks now; an older version is a way back."""
    desk = open_desk(visit, purpose)
    with visit.scope():
        new = find_text(get_template(purpose), request.GET.get("version", DRAFT))
    is_of_adds = desk.template.purpose.is_of_adds
    given = request.POST if request.method == "POST" else None
    form = PublishForm(given, is_of_adds=is_of_adds)
    if form.is_bound and form.is_valid():
        try:
            return _publish(request, visit, purpose, form, new)
        except InvalidRequest as exc:
            add_problems(form, exc)
    return _confirm(request, visit, desk, form, new)


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def withdraw(request: ConsoleRequest, visit: Visit, purpose: str) -> HttpResponse:
    """The published version speaks for all again."""
    desk = open_desk(visit, purpose)
    if request.method == "POST":
        number = services.withdraw_canary(visit.access, purpose)
        told = f"Version {number} speaks no more; it is kept."
        return done(request, _place(visit, purpose), told)
    context = {"desk": desk, "template": desk.template}
    return show(request, visit, "memories/prompt_withdraw.html", context)


def _publish(
    request: ConsoleRequest, visit: Visit, purpose: str, form: PublishForm, new: Spoken
) -> HttpResponse:
    share = form.share_0_1
    if share is None:
        number = services.publish(visit.access, purpose, number_of(new.key))
        told = f"Version {number} speaks from now on."
    else:
        number = services.start_canary(visit.access, purpose, share, number_of(new.key))
        told = f"Version {number} speaks for {100 * share:g} % of adds from now on."
    return done(request, _place(visit, purpose), told)


def _confirm(
    request: ConsoleRequest, visit: Visit, desk: Desk, form: PublishForm, new: Spoken
) -> HttpResponse:
    purpose = desk.template.purpose.name
    with visit.scope():
        old = get_published(get_template(purpose))
    context = {
        "desk": desk,
        "template": desk.template,
        "form": form,
        "old": old,
        "new": new,
        "is_back": new.number is not None and new.number < old.number,
        "is_published": new.number == old.number,
        "notes": check_prompt(purpose, new.text).notes,
        "segments": diff_words(old.text, new.text),
    }
    status = 422 if form.is_bound else 200
    return show(request, visit, "memories/prompt_publish.html", context, status=status)


def _place(visit: Visit, purpose: str) -> str:
    place = [visit.tenant_slug, visit.project_id, purpose]
    return reverse("memories:prompt", args=place)
