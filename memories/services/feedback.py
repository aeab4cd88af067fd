"""What the user of a key thinks of a memory; kept per memory and user."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from memories.models import Feedback, Memory
from memories.services.edit import delete_memory
from memories.types import STATE_RULES
from memplatform.lib import clock
from memplatform.lib.errors import NotFound
from tenants.scopes import tenant_scope
from tenants.selectors import Access

MISSING = "Memory not found!"


@dataclass(frozen=True, slots=True)
class Opinion:
    """``value`` is one of ``Feedback.Value``; None takes back what was said."""

    value: str | None
    reason: str | None = None


def give_feedback(access: Access, memory_id: UUID, opinion: Opinion) -> Feedback:
    """Keep what the key's user thinks, in the place of what they thought.

    Opens its own scope. Raises NotFound, also for what the key may not see.
    """
    states = [state for state, rule in STATE_RULES.items() if rule.got]
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        # Locked: an erasure that comes now waits, and then finds the reason to empty.
        head = (
            Memory.objects.select_for_update(no_key=True)
            .filter(id=memory_id, state__in=states, text__isnull=False, **access.only)
            .first()
        )
        if head is None:
            raise NotFound(MISSING)
        now = clock.now()
        said = {"feedback": opinion.value, "reason": opinion.reason, "updated_at": now}
        feedback, _ = Feedback.objects.update_or_create(
            memory_id=memory_id,
            operator_id=access.operator_id,
            defaults=said,
            create_defaults={
                **said,
                "created_at": now,
                "project_id": access.project_id,
            },
        )
    return feedback


def mark_wrong(access: Access, memory_id: UUID, *, reason: str = "") -> None:
    """It never was true: say so as feedback, and delete it, which can be undone.

    Opens its own scope. Raises NotFound.
    """
    opinion = Opinion(Feedback.Value.VERY_NEGATIVE, reason or None)
    why = f"Marked as wrong: {reason}" if reason else "Marked as wrong"
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        give_feedback(access, memory_id, opinion)
        delete_memory(access, memory_id, delete_linked=False, reason=why)
