"""Memories that wait for their categories."""

from __future__ import annotations

from django.db import models

from memories.models.ingestion import Operation
from memories.models.memory import Memory
from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel, reference


class Uncategorized(ProjectModel):
    """A memory that was stored without asking what it is about; gone once it is known.

    Written in the transaction that stored the memory. The categories to choose from are
    those of ``operation``, if it brought any, else the project's at that time. Whoever
    works on it holds it until ``lease_until``; ``attempts`` is the fencing token.
    """

    memory = reference(Memory)
    operation = reference(Operation, null=True)
    attempts = models.IntegerField(default=0)
    due_at = models.DateTimeField(default=clock.now)
    lease_until = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "memory"], name="uncategorized_memory"
            )
        ]
        indexes = [models.Index(fields=["due_at"], name="uncategorized_due")]
