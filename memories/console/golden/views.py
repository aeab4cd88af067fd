"""Golden sets: what is asked, how it was answered over time, what is accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from memories.console.golden.forms import GoldenSetForm
from memories.console.golden.plots import FIGURES, plots_of, value_of
from memories.evaluation import page
from memories.evaluation.golden import sets
from memories.models import GoldenRun, GoldenSet
from memories.selectors import golden as selectors
from memplatform.lib.errors import InvalidRequest
from tenants.console.problems import add_problems
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role


@dataclass(frozen=True, slots=True)
class Line:
    """A run of the list, with its figures in the order of ``FIGURES``."""

    run: GoldenRun
    values: Sequence[float | None]
    area: float | None


@dataclass(frozen=True, slots=True)
class Answered:
    """A question of the last run; ``is_missed``: not all it expects was found."""

    question: dict[str, Any]
    answer: dict[str, Any]

    @property
    def is_missed(self) -> bool:
        return bool(self.answer["found"] < self.answer["of"])


@project_page(read=Role.VIEWER)
def golden_sets(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    with visit.scope():
        found = selectors.list_golden_sets(visit.project_id)
    context = {"sets": found, "schedules": sets.SCHEDULES}
    return show(request, visit, "memories/golden_sets.html", context)


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def new_golden_set(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    form = GoldenSetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with visit.scope():
                made = sets.create_golden_set(
                    visit.project_id,
                    form.wanted(),
                    author_id=visit.operator.id,
                    actor=visit.actor,
                )
        except InvalidRequest as error:
            add_problems(form, error)
        else:
            return done(request, _url(visit, made.id), f"{made.name} was made.")
    status = 422 if request.method == "POST" else 200
    context = {"form": form}
    return show(request, visit, "memories/golden_set_form.html", context, status=status)


@project_page(read=Role.VIEWER)
def golden_set(request: ConsoleRequest, visit: Visit, golden_id: UUID) -> HttpResponse:
    """Its runs, and how the last one answered each question."""
    with visit.scope():
        found = selectors.get_golden_set(visit.project_id, golden_id)
        runs = selectors.list_golden_runs(found.id)
        accepted = selectors.accepted_run(found)
    context = {
        "golden": found,
        "schedule": sets.SCHEDULES.get(found.every_hours, ""),
        "plots": plots_of(runs, accepted, found.tolerance),
        "figures": [title for _, title in FIGURES],
        "lines": [_line(run) for run in runs],
        "last": runs[0] if runs else None,
        "answered": list(_answered(found, runs)),
    }
    return show(request, visit, "memories/golden_set.html", context)


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def edit_golden_set(
    request: ConsoleRequest, visit: Visit, golden_id: UUID
) -> HttpResponse:
    with visit.scope():
        found = selectors.get_golden_set(visit.project_id, golden_id)
    is_posted = request.method == "POST"
    form = GoldenSetForm.of(found, request.POST if is_posted else None)
    if is_posted and form.is_valid():
        try:
            with visit.scope():
                sets.change_golden_set(found, form.wanted(), actor=visit.actor)
        except InvalidRequest as error:
            add_problems(form, error)
        else:
            return done(request, _url(visit, golden_id), "The golden set was changed.")
    return show(
        request,
        visit,
        "memories/golden_set_form.html",
        {"form": form, "golden": found},
        status=422 if is_posted else 200,
    )


@project_page(read=Role.ADMIN, write=Role.ADMIN)
@require_POST
def ask_golden_set(
    request: ConsoleRequest, visit: Visit, golden_id: UUID
) -> HttpResponse:
    with visit.scope():
        found = selectors.get_golden_set(visit.project_id, golden_id)
        sets.ask_now(found, actor=visit.actor)
    message = "The questions are being asked; reload to see the answers."
    return done(request, _url(visit, golden_id), message)


@project_page(read=Role.ADMIN, write=Role.ADMIN)
@require_POST
def accept_golden_run(
    request: ConsoleRequest, visit: Visit, golden_id: UUID, run_id: UUID
) -> HttpResponse:
    with visit.scope():
        found = selectors.get_golden_set(visit.project_id, golden_id)
        sets.accept_run(found, run_id, actor=visit.actor)
    message = "Later runs are held against these figures."
    return done(request, _url(visit, golden_id), message)


@project_page(read=Role.ADMIN, write=Role.ADMIN)
@require_POST
def delete_golden_set(
    request: ConsoleRequest, visit: Visit, golden_id: UUID
) -> HttpResponse:
    with visit.scope():
        found = selectors.get_golden_set(visit.project_id, golden_id)
        sets.delete_golden_set(found, actor=visit.actor)
    url = reverse("memories:golden-sets", args=[visit.tenant_slug, visit.project_id])
    return done(request, url, f"{found.name} was deleted.")


@project_page(read=Role.ADMIN)
def evaluations(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """Runs of ``manage.py evaluate`` in the installation's directory, one drawn.

    They are the machine's, of no tenant: only an installation that says where they
    stand (EVALUATION_RUNS) shows any.
    """
    runs = page.read_runs(settings.EVALUATION_RUNS)
    asked = request.GET.get("run")
    chosen = next((run for run in runs if run.name == asked), runs[0] if runs else None)
    context = {
        "runs": runs,
        "chosen": chosen,
        "is_on": bool(settings.EVALUATION_RUNS),
        **(page.context_of(chosen.results) if chosen else {}),
    }
    return show(request, visit, "memories/evaluations.html", context)


def _line(run: GoldenRun) -> Line:
    abstention = run.figures.get("abstention") or {}
    return Line(
        run=run,
        values=[value_of(run, name) for name, _ in FIGURES],
        area=abstention.get("area"),
    )


def _answered(golden: GoldenSet, runs: Sequence[GoldenRun]) -> Iterator[Answered]:
    """What was missed first; none where the questions are others by now."""
    last = next((run for run in runs if run.answers), None)
    if last is None or len(last.answers) != len(golden.questions):
        return
    pairs = zip(golden.questions, last.answers, strict=True)
    rows = [Answered(question, answer) for question, answer in pairs]
    yield from sorted(rows, key=lambda row: not row.is_missed)


def _url(visit: Visit, golden_id: UUID) -> str:
    place = [visit.tenant_slug, visit.project_id, golden_id]
    return reverse("memories:golden-set", args=place)
