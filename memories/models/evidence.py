"""What bears a memory out: who said it again, and what a pattern was put together from.

Both hold ids only, so that an erasure of words has nothing to do here.
"""

from __future__ import annotations

from django.db import models

from memories.models.ingestion import Operation
from memories.models.memory import Memory
from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel, reference


class Confirmation(ProjectModel):
    """An add said what a memory says already, and so left it as it was.

    The ledger of the add tells the same by message; this is what a memory is asked by.
    """

    memory = reference(Memory)
    operation = reference(Operation, null=True)
    at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "memory", "operation"], name="confirmed_once"
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "memory", "at"], name="confirmation_newest")
        ]


class PatternSource(ProjectModel):
    """A memory that a version of a pattern was put together from.

    ``number`` is the pattern's version; a version without rows of its own has those of
    the last one before it that has any. ``wording`` is the source's ``vector_number``
    then: another one says that its words have changed since.
    """

    pattern = reference(Memory)
    number = models.IntegerField()
    source = reference(Memory)
    wording = models.IntegerField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "pattern", "number", "source"],
                name="pattern_source_once",
            )
        ]
        indexes = [models.Index(fields=["tenant", "source"], name="pattern_of_source")]
