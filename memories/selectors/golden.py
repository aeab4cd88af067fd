"""Reads of golden sets and their runs. Call inside the tenant's scope."""

from __future__ import annotations

from uuid import UUID

from memories.models import GoldenRun, GoldenSet
from memplatform.lib.errors import NotFound

MISSING = "There is no such golden set."
MOST_SHOWN = 60
"""Runs of a plot and of the list under it."""


def list_golden_sets(project_id: UUID) -> list[GoldenSet]:
    return list(GoldenSet.objects.filter(project_id=project_id).order_by("name", "id"))


def get_golden_set(project_id: UUID, set_id: UUID) -> GoldenSet:
    """Raises NotFound."""
    found = GoldenSet.objects.filter(project_id=project_id, id=set_id).first()
    if found is None:
        raise NotFound(MISSING)
    return found


def list_golden_runs(set_id: UUID) -> list[GoldenRun]:
    """The last ones, the newest first."""
    runs = GoldenRun.objects.filter(golden_set_id=set_id)
    return list(runs.order_by("-created_at", "-id")[:MOST_SHOWN])


def get_golden_run(set_id: UUID, run_id: UUID) -> GoldenRun:
    """Raises NotFound."""
    found = GoldenRun.objects.filter(golden_set_id=set_id, id=run_id).first()
    if found is None:
        raise NotFound("There is no such run.")
    return found


def accepted_run(golden: GoldenSet) -> GoldenRun | None:
    """What later runs are held against."""
    runs = GoldenRun.objects.filter(golden_set_id=golden.id, is_accepted=True)
    return runs.first()


def failing_golden_sets() -> list[GoldenSet]:
    """Those whose last run fell behind, or could not be made."""
    states = (GoldenSet.State.BELOW, GoldenSet.State.FAILED)
    rows = GoldenSet.objects.filter(state__in=states).defer("questions")
    return list(rows.order_by("name", "id"))
