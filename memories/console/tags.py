"""What the console's frame shows of what is remembered."""

from __future__ import annotations

from django import template

from memories.language.recurrence import said_rule
from memories.models.settings import ProjectSettings
from memories.selectors.review import count_waiting
from tenants.console.visits import Visit

register = template.Library()
register.filter("recurrence", said_rule)


@register.simple_tag
def waiting_for_review(visit: Visit) -> int:
    """How many memories wait, where the project reviews any; one short read."""
    if visit.project is None:
        return 0
    if not ProjectSettings.of(visit.project.settings).has_review:
        return 0
    with visit.scope():
        return count_waiting(visit.project.id)
