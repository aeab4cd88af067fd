"""Dry runs: a text on a pasted conversation, or on recorded adds of somebody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpResponse

from memories.console.prompts.forms import PasteForm, RecordedForm
from memories.console.prompts.sides import DIFFERENCES, Row, rows_alone, rows_of
from memories.console.prompts.texts import number_of, open_desk
from memories.selectors.trials import RecordedAdd, list_recorded_adds
from memories.services.trials import (
    MAX_DRY_RUN,
    DryRun,
    Tried,
    dry_run_recorded,
    dry_run_text,
)
from memplatform.lib.errors import InvalidRequest, ProviderError
from tenants.console.problems import add_problems
from tenants.console.rendering import show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

SHOWN_CHARS = 160


@dataclass(frozen=True, slots=True)
class Outcome:
    """One add that was tried, as the page shows it."""

    tried: Tried
    rows: list[Row]
    name: str
    badge: str


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def paste(request: ConsoleRequest, visit: Visit, purpose: str) -> HttpResponse:
    desk = open_desk(visit, purpose)
    given = request.POST if request.method == "POST" else None
    form = PasteForm(desk.choices, given, initial=_initial(request))
    run = None
    if form.is_bound and form.is_valid():
        asked = form.cleaned_data
        try:
            run = dry_run_text(
                visit.access,
                purpose,
                asked["said"],
                number=number_of(asked["version"]),
                subject=asked["subject"],
            )
        except InvalidRequest as exc:
            add_problems(form, exc)
        except ProviderError as exc:
            form.add_error(None, f"The model failed: {exc.message}")
    context = {"desk": desk, "template": desk.template, "form": form}
    return _answer(request, visit, "memories/prompt_try.html", context, run)


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def recorded(request: ConsoleRequest, visit: Visit, purpose: str) -> HttpResponse:
    """``?subject=`` narrows to the adds of one user or agent."""
    desk = open_desk(visit, purpose)
    name = request.GET.get("subject", "").strip()
    with visit.scope():
        adds = list_recorded_adds(desk.template.purpose, name)
    choices = [(str(add.id), _told(add)) for add in adds]
    given = request.POST if request.method == "POST" else None
    form = RecordedForm(desk.choices, choices, given, initial=_initial(request))
    run = None
    if form.is_bound and form.is_valid():
        asked = form.cleaned_data
        try:
            run = dry_run_recorded(
                visit.access,
                purpose,
                [UUID(add) for add in asked["add"]],
                number=number_of(asked["version"]),
            )
        except InvalidRequest as exc:
            add_problems(form, InvalidRequest(exc.message))
    context = {
        "desk": desk,
        "template": desk.template,
        "form": form,
        "subject": name,
        "most": MAX_DRY_RUN,
        "has_adds": bool(adds),
    }
    return _answer(request, visit, "memories/prompt_recorded.html", context, run)


def _answer(
    request: ConsoleRequest,
    visit: Visit,
    template: str,
    context: dict[str, Any],
    run: DryRun | None,
) -> HttpResponse:
    """The form again with what came out; nothing of it is kept."""
    is_refused = context["form"].is_bound and run is None
    outcomes = [_outcome(tried) for tried in run.tried] if run else []
    shown = {**context, "run": run, "outcomes": outcomes}
    return show(request, visit, template, shown, status=422 if is_refused else 200)


def _outcome(tried: Tried) -> Outcome:
    if tried.then is None:
        return Outcome(tried, rows_alone(tried.now), "", "")
    if tried.error:
        return Outcome(tried, rows_of(tried.then, None), "failed", "badge-bad")
    name, badge = DIFFERENCES[tried.difference or "same"]
    return Outcome(tried, rows_of(tried.then, tried.now), name, badge)


def _initial(request: ConsoleRequest) -> dict[str, str]:
    version = request.GET.get("version", "")
    return {"version": version} if version else {}


def _told(add: RecordedAdd) -> str:
    text = add.begins[:SHOWN_CHARS]
    return f"{add.accepted_at:%Y-%m-%d %H:%M} · {add.who} · {text}"
