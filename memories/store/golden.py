"""What golden sets forget: questions about whom is erased, and all of a project.

Call inside the tenant's scope.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from memories.models import GoldenRun, GoldenSet


def forget_questions(project_id: UUID, kind: str, external_id: str) -> None:
    """Take out what is asked of a subject; the runs of such a set go as well.

    Their answers are counted by place, and what was accepted was of other questions.
    """
    for golden in GoldenSet.objects.select_for_update().filter(project_id=project_id):
        kept = [q for q in golden.questions if not _names(q["filters"], external_id)]
        if len(kept) == len(golden.questions):
            continue
        GoldenRun.objects.filter(golden_set_id=golden.id).delete()
        golden.questions, golden.state = kept, GoldenSet.State.NEW
        golden.save(update_fields=["questions", "state"])


def forget_golden_sets(project_id: UUID | None) -> None:
    """All of a project's, or (None) of the tenant's."""
    only = {} if project_id is None else {"project_id": project_id}
    GoldenRun.objects.filter(**only).delete()
    GoldenSet.objects.filter(**only).delete()


def _names(filters: Any, external_id: str) -> bool:
    """Whether the id stands anywhere in a filter."""
    if isinstance(filters, dict):
        return any(_names(value, external_id) for value in filters.values())
    if isinstance(filters, list):
        return any(_names(value, external_id) for value in filters)
    return bool(filters == external_id)
