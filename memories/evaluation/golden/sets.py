"""Make, change and accept golden sets; each change is audited.

Call inside the scope of the set's project.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from memories import wake
from memories.evaluation.datasets.reading import DatasetProblem
from memories.evaluation.golden import questions as golden_questions
from memories.models import GoldenRun, GoldenSet
from memories.selectors.filters import parse_filters
from memories.selectors.golden import accepted_run, get_golden_run
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest
from tenants.audit import Actor, record_audit
from tenants.models import Project

MOST_SETS = 20
SCHEDULES = {0: "only when asked", 24: "daily", 168: "weekly"}
"""Hours between runs, and what that is called."""
State = GoldenSet.State


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wrote into the form; ``text`` are the questions' lines."""

    name: str
    text: str
    every_hours: int
    tolerance: float


def create_golden_set(
    project_id: UUID, wanted: Wanted, *, author_id: UUID, actor: Actor
) -> GoldenSet:
    """Raises InvalidRequest, and DatasetProblem for a bad line."""
    questions = checked_questions(wanted.text)
    Project.objects.select_for_update().get(id=project_id)
    if GoldenSet.objects.filter(project_id=project_id).count() >= MOST_SETS:
        raise InvalidRequest(f"A project may have {MOST_SETS} golden sets.")
    _require_free_name(project_id, wanted.name)
    now = clock.now()
    golden = GoldenSet.objects.create(
        project_id=project_id,
        name=wanted.name,
        questions=questions,
        every_hours=wanted.every_hours,
        tolerance=wanted.tolerance,
        next_run_at=_next(wanted.every_hours),
        author_id=author_id,
        created_at=now,
        updated_at=now,
    )
    changes = {"name": [None, wanted.name], "questions": [None, len(questions)]}
    record_audit("golden_set.create", golden, actor=actor, changes=changes)
    return golden


def change_golden_set(golden: GoldenSet, wanted: Wanted, *, actor: Actor) -> None:
    """Other questions are another measure: what was accepted holds no longer."""
    questions = checked_questions(wanted.text)
    golden = GoldenSet.objects.select_for_update().get(id=golden.id)
    if wanted.name != golden.name:
        _require_free_name(golden.project_id, wanted.name)
    changes: dict[str, Any] = {
        field: [getattr(golden, field), getattr(wanted, field)]
        for field in ("name", "every_hours", "tolerance")
        if getattr(golden, field) != getattr(wanted, field)
    }
    if questions != golden.questions:
        changes["questions"] = [len(golden.questions), len(questions)]
        golden.questions = questions
        golden.state = State.NEW
        GoldenRun.objects.filter(golden_set_id=golden.id).update(is_accepted=False)
    golden.name, golden.tolerance = wanted.name, wanted.tolerance
    if golden.every_hours != wanted.every_hours:
        golden.every_hours = wanted.every_hours
        golden.next_run_at = _next(wanted.every_hours)
    golden.updated_at = clock.now()
    golden.save()
    if changes:
        record_audit("golden_set.change", golden, actor=actor, changes=changes)


def delete_golden_set(golden: GoldenSet, *, actor: Actor) -> None:
    """With all its runs."""
    record_audit(
        "golden_set.delete", golden, actor=actor, changes={"name": [golden.name, None]}
    )
    GoldenRun.objects.filter(golden_set_id=golden.id).delete()
    GoldenSet.objects.filter(id=golden.id).delete()


def ask_now(golden: GoldenSet, *, actor: Actor) -> None:
    """Due at once; a worker asks."""
    now = clock.now()
    GoldenSet.objects.filter(id=golden.id).update(next_run_at=now, updated_at=now)
    record_audit("golden_set.run", golden, actor=actor)
    wake.after_commit(wake.RUN_GOLDEN_SET, golden.tenant_id, golden.id)


def accept_run(golden: GoldenSet, run_id: UUID, *, actor: Actor) -> None:
    """From now on its figures are what later runs are held against.

    Raises NotFound, and InvalidRequest for a run without figures or that found nothing.
    """
    run = get_golden_run(golden.id, run_id)
    if run.error:
        raise InvalidRequest("This run failed: it has no figures to accept.")
    if run.found_nothing:
        raise InvalidRequest(
            "This run found nothing of what is expected: no later one could fall behind"
            " it. Look at the questions, whom they name, and what is remembered."
        )
    golden = GoldenSet.objects.select_for_update().get(id=golden.id)
    runs = GoldenRun.objects.filter(golden_set_id=golden.id)
    before = accepted_run(golden)
    runs.filter(is_accepted=True).update(is_accepted=False)
    runs.filter(id=run.id).update(is_accepted=True)
    newest = runs.order_by("-created_at", "-id").values_list("id", flat=True)
    if newest.first() == run.id:
        golden.state = State.GOOD
    golden.updated_at = clock.now()
    golden.save(update_fields=["state", "updated_at"])
    changes = {"accepted_run": [str(before.id) if before else None, str(run.id)]}
    record_audit("golden_set.accept", golden, actor=actor, changes=changes)


def checked_questions(text: str) -> list[dict[str, Any]]:
    """Raises DatasetProblem, also for a filter that no search takes."""
    questions = golden_questions.parse(text)
    _check_filters(questions)
    return questions


def _check_filters(questions: Sequence[dict[str, Any]]) -> None:
    for number, question in enumerate(questions, 1):
        try:
            parse_filters(question["filters"])
        except InvalidRequest as exc:
            raise DatasetProblem(
                f"{golden_questions.SOURCE}, question {number}: {exc.message}"
            ) from exc


def _require_free_name(project_id: UUID, name: str) -> None:
    if GoldenSet.objects.filter(project_id=project_id, name=name).exists():
        message = f"There already is a golden set {name!r}."
        raise InvalidRequest(message, fields={"name": [message]})


def _next(every_hours: int) -> Any:
    return clock.now() + timedelta(hours=every_hours) if every_hours else None
