"""What is done to one memory: edit, supersede, delete, judge, bring back.

Each is a page of its own that says what will happen; an edit also takes the place of
the memory's row in a list. Whatever is done can be undone from the memory's page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django_htmx.http import trigger_client_event

from memories.console.fields import add_refusal
from memories.console.memory.forms import EditForm, ReasonForm, SupersedeForm
from memories.console.subjects.about import number_of, uuid_of
from memories.models import Memory
from memories.selectors.browse import read_memories
from memories.selectors.changes import change_between
from memories.selectors.story import get_version
from memories.services.bring_back import NOT_GONE, UNDONE, bring_back
from memories.services.by_hand import supersede_memory
from memories.services.edit import delete_memory, restore_version, update_memory
from memories.services.feedback import mark_wrong
from memories.services.suspects import confirm_memory, doubt_again
from memories.types import State
from memplatform.lib.errors import InvalidRequest, NotFound, ProviderError
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

SUPPORT = project_page(read=Role.SUPPORT, write=Role.SUPPORT)


@SUPPORT
def edit(request: ConsoleRequest, visit: Visit, memory_id: UUID) -> HttpResponse:
    """A page, or with htmx the memory's row as a form."""
    head = _find(visit, memory_id)
    is_post = request.method == "POST"
    ids = f"edit-{memory_id}-%s"  # several rows of a list may be forms at once
    form = EditForm(request.POST, auto_id=ids) if is_post else EditForm.of(head, ids)
    if form.is_bound and form.is_valid() and form.is_of(head):

        def save() -> None:
            reason = form.cleaned_data["reason"]
            update_memory(visit.access, memory_id, form.changes(head), reason=reason)

        if _is_done(form, save):
            if request.htmx:
                return _saved_row(request, visit, memory_id)
            return done(request, _page_of(visit, memory_id), "Memory changed.")
    name = "_memory_edit_row" if request.htmx else "memory_edit"
    return _show_form(request, visit, f"memories/{name}.html", head, form)


@SUPPORT
def supersede(request: ConsoleRequest, visit: Visit, memory_id: UUID) -> HttpResponse:
    """Write what is true instead; the old one keeps the time it was true in."""
    head = _find(visit, memory_id)
    is_post = request.method == "POST"
    form = SupersedeForm(request.POST) if is_post else SupersedeForm.of(head)
    if form.is_bound and form.is_valid():
        made: list[UUID] = []

        def write() -> None:
            reason = form.cleaned_data["reason"]
            made.append(
                supersede_memory(visit.access, memory_id, form.written(), reason=reason)
            )

        if _is_done(form, write):
            return done(request, _page_of(visit, made[0]), "The new memory is current.")
    return _show_form(request, visit, "memories/memory_supersede.html", head, form)


@SUPPORT
def delete(request: ConsoleRequest, visit: Visit, memory_id: UUID) -> HttpResponse:
    """``subject`` is on whose list it was chosen: there it goes on."""

    def do(reason: str) -> None:
        delete_memory(visit.access, memory_id, delete_linked=False, reason=reason)

    return _end(request, visit, memory_id, do, "delete")


@SUPPORT
def wrong(request: ConsoleRequest, visit: Visit, memory_id: UUID) -> HttpResponse:
    """It never was true."""

    def do(reason: str) -> None:
        mark_wrong(visit.access, memory_id, reason=reason)

    return _end(request, visit, memory_id, do, "wrong")


@SUPPORT
def confirm(request: ConsoleRequest, visit: Visit, memory_id: UUID) -> HttpResponse:
    """It may be stale, and is not."""
    undo = format_html(
        'It still holds. <a href="{}">Undo</a>',
        reverse("memories:doubt-memory", args=[*_place(visit), memory_id]),
    )
    return _judge(request, visit, memory_id, confirm_memory, undo, "confirm")


@SUPPORT
def doubt(request: ConsoleRequest, visit: Visit, memory_id: UUID) -> HttpResponse:
    """That it still holds is taken back."""
    said = "It may be stale again."
    return _judge(request, visit, memory_id, doubt_again, said, "doubt")


@SUPPORT
def restore(request: ConsoleRequest, visit: Visit, memory_id: UUID) -> HttpResponse:
    """``version`` says what it is to be again; without one a delete, or an archiving,
    is undone."""
    head = _find(visit, memory_id)
    number = number_of(request.GET["version"]) if request.GET.get("version") else None
    if number is None and head.state not in UNDONE:
        raise InvalidRequest(f"{NOT_GONE} Choose a version to restore.")
    form = ReasonForm(request.POST or None) if request.POST else ReasonForm()
    if form.is_bound and form.is_valid():
        reason = form.cleaned_data["reason"]
        if _is_done(form, lambda: _restore(visit, memory_id, number, reason)):
            return done(request, _page_of(visit, memory_id), "Memory restored.")
    with visit.scope():
        current = get_version(memory_id, head.number)
        wanted = get_version(memory_id, number) if number else None
    change = change_between(current, wanted) if wanted else None
    context = {"number": number, "change": change}
    name = "memories/memory_restore.html"
    return _show_form(request, visit, name, head, form, **context)


def _restore(visit: Visit, memory_id: UUID, number: int | None, reason: str) -> None:
    if number is not None:
        restore_version(visit.access, memory_id, number, reason=reason)
        return
    problem = bring_back(visit.access, [memory_id], reason=reason)[memory_id]
    if problem:
        raise InvalidRequest(problem)


def _judge(
    request: ConsoleRequest,
    visit: Visit,
    memory_id: UUID,
    do: Callable[..., object],
    said: str,
    how: str,
) -> HttpResponse:
    """Ask once whether it may be stale, and say so."""
    head = _find(visit, memory_id)
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    if form.is_bound and form.is_valid():
        reason = form.cleaned_data["reason"]
        if _is_done(form, lambda: do(visit.access, memory_id, reason=reason)):
            return done(request, _page_of(visit, memory_id), said)
    context = {"how": how, "back": _page_of(visit, memory_id)}
    return _show_form(
        request, visit, "memories/memory_judge.html", head, form, **context
    )


def _end(
    request: ConsoleRequest,
    visit: Visit,
    memory_id: UUID,
    do: Callable[[str], None],
    how: str,
) -> HttpResponse:
    """Ask once, do it, and offer to undo it."""
    head = _find(visit, memory_id)
    if head.state == State.DELETED:
        raise InvalidRequest("It is deleted already.")
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm()
    if form.is_bound and form.is_valid():
        do(form.cleaned_data["reason"])
        said = "Marked as wrong and deleted." if how == "wrong" else "Memory deleted."
        undo = reverse("memories:restore-memory", args=[*_place(visit), memory_id])
        message = format_html('{} <a href="{}">Undo</a>', said, undo)
        return done(request, _back(request, visit, memory_id), message)
    context = {"how": how, "back": _back(request, visit, memory_id)}
    name = "memories/memory_end.html"
    return _show_form(request, visit, name, head, form, **context)


def _is_done(form: forms.Form, do: Callable[[], Any]) -> bool:
    """Whether it was done; else the form says what stands against it."""
    try:
        do()
    except InvalidRequest as error:
        add_refusal(form, error)
    except ProviderError as error:
        form.add_error(None, error.message)
    return not form.errors


def _show_form(
    request: ConsoleRequest,
    visit: Visit,
    template: str,
    head: Memory,
    form: forms.Form,
    **context: Any,
) -> HttpResponse:
    list_of = uuid_of(request.GET.get("subject"))
    context = {"memory": head, "form": form, "list_of": list_of, **context}
    return show(request, visit, template, context, status=422 if form.errors else 200)


def _saved_row(request: ConsoleRequest, visit: Visit, memory_id: UUID) -> HttpResponse:
    with visit.scope():
        memory = read_memories([memory_id])[memory_id]
    context = {"memory": memory, "list_of": uuid_of(request.GET.get("subject"))}
    response = show(request, visit, "memories/_memory_row.html", context)
    return trigger_client_event(response, "toast", {"value": "Memory changed."})


def _find(visit: Visit, memory_id: UUID) -> Memory:
    """Raises NotFound for what never was here, or was erased."""
    with visit.scope():
        rows = Memory.objects.defer("search")
        head = rows.filter(id=memory_id, text__isnull=False).first()
    if head is None:
        raise NotFound("There is no such memory.")
    return head


def _back(request: ConsoleRequest, visit: Visit, memory_id: UUID) -> str:
    subject_id = uuid_of(request.GET.get("subject"))
    if subject_id is None:
        return _page_of(visit, memory_id)
    return reverse("memories:subject", args=[*_place(visit), subject_id])


def _page_of(visit: Visit, memory_id: UUID) -> str:
    return reverse("memories:memory", args=[*_place(visit), memory_id])


def _place(visit: Visit) -> list[object]:
    return [visit.tenant_slug, visit.project_id]
