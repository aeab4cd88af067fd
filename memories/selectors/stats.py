"""How much a project holds and was asked; call inside its scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, Sum

from memories.models import Memory, Operation
from memories.models.subjects import Subject
from memories.types import STATE_RULES
from tenants.models import Usage

RETRIEVALS = ("search", "list", "get")
"""Requests that read memories, as usage calls them."""


@dataclass(frozen=True, slots=True)
class SubjectStats:
    """Subjects of one kind that have memories, and how many those are together."""

    subjects: int = 0
    memories: int = 0

    @property
    def mean(self) -> int:
        """Memories of one subject, rounded; 0 without subjects."""
        return round(self.memories / self.subjects) if self.subjects else 0


@dataclass(frozen=True, slots=True)
class ProjectStats:
    """``retrievals`` are those whose counts were written: seconds behind."""

    memories: int
    adds: int
    retrievals: int
    by_kind: Mapping[str, SubjectStats]


def get_stats() -> ProjectStats:
    counted = [state for state, rule in STATE_RULES.items() if rule.counted]
    reads = Usage.objects.filter(operation__in=RETRIEVALS)
    return ProjectStats(
        memories=Memory.objects.filter(state__in=counted).count(),
        adds=Operation.objects.filter(kind=Operation.Kind.ADD).count(),
        retrievals=int(reads.aggregate(total=Sum("requests"))["total"] or 0),
        by_kind=_by_kind(),
    )


def _by_kind() -> dict[str, SubjectStats]:
    rows = (
        Subject.objects.filter(memory_count__gt=0)
        .values("kind")
        .annotate(subjects=Count("id"), memories=Sum("memory_count"))
    )
    return {
        row["kind"]: SubjectStats(row["subjects"], int(row["memories"])) for row in rows
    }
