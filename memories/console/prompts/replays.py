"""Replays: a text over the last adds, in the background, and how each came out."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from memories.console.prompts.forms import ReplayForm
from memories.console.prompts.sides import TRIALS, Row, rows_of
from memories.console.prompts.texts import number_of, open_bench, open_desk
from memories.models.ingestion import CANCELLED
from memories.prompts.purposes import PURPOSES
from memories.selectors.trials import (
    ReplayView,
    TrialView,
    find_subject,
    get_replay,
    list_replays,
    list_trials,
    sum_recorded,
)
from memories.services import replays as services
from memories.services.again import retry_operation
from memories.services.replays import Replay
from memplatform.lib.errors import InvalidRequest
from tenants.console.live import etag_of, show_live, unchanged
from tenants.console.paging import ListPage, page_number
from tenants.console.problems import add_problems
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

USUAL = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One add of a replay, as the page shows it."""

    trial: TrialView
    name: str
    badge: str
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Tab:
    """How many adds came out one way."""

    label: str
    url: str
    is_here: bool


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def replays(request: ConsoleRequest, visit: Visit, purpose: str) -> HttpResponse:
    """Those there were, and the form for another."""
    desk = open_desk(visit, purpose)
    initial = {"most": USUAL, "version": request.GET.get("version", "")}
    given = request.POST if request.method == "POST" else None
    form = ReplayForm(desk.choices, given, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            return _start(request, visit, purpose, form)
        except InvalidRequest as exc:
            add_problems(form, exc)
    with visit.scope():
        context = {
            "desk": desk,
            "template": desk.template,
            "form": form,
            "replays": list_replays(purpose),
            "recorded": sum_recorded(desk.template.purpose, USUAL),
        }
    status = 422 if form.is_bound else 200
    return show(request, visit, "memories/prompt_replays.html", context, status=status)


@project_page(read=Role.ADMIN)
def replay(
    request: ConsoleRequest, visit: Visit, purpose: str, replay_id: UUID
) -> HttpResponse:
    """How far it is, and its adds. The progress asks for itself while it runs."""
    desk = open_bench(visit, purpose)
    outcome = request.GET.get("outcome", "")
    outcome = outcome if outcome in TRIALS else ""
    with visit.scope():
        view = get_replay(replay_id)
        etag = etag_of(visit, view.id, view.status, view.done, view.updated_at, outcome)
        if same := unchanged(request, etag):
            return same
        page = list_trials(replay_id, outcome=outcome, page=page_number(request.GET))
    context = {
        "desk": desk,
        "replay": view,
        "tabs": _tabs(request.path, view, outcome),
        "page": ListPage(
            [_line(trial) for trial in page.items], page.number, page.count, page.size
        ),
        "is_cancelled": view.error_code == CANCELLED,
    }
    return show_live(
        request,
        visit,
        "memories/prompt_replay.html",
        context,
        fragment="progress",
        etag=etag,
    )


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def cancel(
    request: ConsoleRequest, visit: Visit, purpose: str, replay_id: UUID
) -> HttpResponse:
    place = _place(visit, purpose, replay_id)
    if request.method != "POST":
        return redirect(place)
    services.cancel_replay(visit.access, replay_id)
    return done(request, place, "Replay cancelled. What is done is kept.")


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def go_on(
    request: ConsoleRequest, visit: Visit, purpose: str, replay_id: UUID
) -> HttpResponse:
    place = _place(visit, purpose, replay_id)
    if request.method != "POST":
        return redirect(place)
    with visit.scope():
        get_replay(replay_id)
    retry_operation(visit.access, replay_id)
    return done(request, place, "The replay goes on.")


def _start(
    request: ConsoleRequest, visit: Visit, purpose: str, form: ReplayForm
) -> HttpResponse:
    asked = form.cleaned_data
    name = asked["subject"].strip()
    with visit.scope():
        subject = find_subject(PURPOSES[purpose], name) if name else None
    if name and subject is None:
        message = "There is nobody of this name."
        raise InvalidRequest(message, fields={"subject": [message]})
    wanted = Replay(
        purpose=purpose,
        number=number_of(asked["version"]),
        most=asked["most"],
        subject_id=subject.id if subject else None,
    )
    replay_id = services.start_replay(visit.access, wanted)
    return done(request, _place(visit, purpose, replay_id), "Replay started.")


def _line(trial: TrialView) -> Line:
    name, badge = TRIALS[trial.outcome]
    return Line(trial, name, badge, rows_of(trial.then, trial.now))


def _tabs(path: str, view: ReplayView, outcome: str) -> list[Tab]:
    tabs = [Tab(f"All {view.total}", path, not outcome)]
    return tabs + [
        Tab(f"{TRIALS[key][0]} {count}", f"{path}?outcome={key}", key == outcome)
        for key in TRIALS
        if (count := view.by_outcome.get(key, 0))
    ]


def _place(visit: Visit, purpose: str, replay_id: UUID) -> str:
    place = [visit.tenant_slug, visit.project_id, purpose, replay_id]
    return reverse("memories:prompt-replay", args=place)
