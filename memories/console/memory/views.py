"""One memory: what it says, since when, why, and on whose words."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, QueryDict

from memories.console.memory.states import BADGES, MEANINGS, ORIGINS
from memories.console.subjects.about import number_of, uuid_of
from memories.models import Memory
from memories.selectors.browse import read_memories
from memories.selectors.changes import Change
from memories.selectors.story import Story, change_of, get_story
from memories.services.bring_back import UNDONE
from memories.types import State
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.console.rendering import show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

EVENTS_SHOWN = 20


@project_page(read=Role.VIEWER)
def memory(request: ConsoleRequest, visit: Visit, memory_id: UUID) -> HttpResponse:
    """``old`` and ``new`` are versions to compare. For htmx: its row in a list."""
    if request.htmx:
        return _row(request, visit, memory_id)
    asked = request.GET
    with visit.scope():
        story = get_story(
            memory_id, page=number_of(asked.get("page")), page_size=EVENTS_SHOWN
        )
        old, new = _numbers(asked, story)
        change = _change(story.head, old, new)
    context = {
        "story": story,
        "memory": story.head,
        "old": old,
        "new": new,
        "change": change,
        "last": story.told.items[0].event if story.told.items else None,
        **_state(story.head),
    }
    return show(request, visit, "memories/memory.html", context)


def _row(request: ConsoleRequest, visit: Visit, memory_id: UUID) -> HttpResponse:
    with visit.scope():
        found = read_memories([memory_id])
    if memory_id not in found:
        raise NotFound
    list_of = uuid_of(request.GET.get("subject"))
    context = {"memory": found[memory_id], "list_of": list_of}
    return show(request, visit, "memories/_memory_row.html", context)


def _numbers(asked: QueryDict, story: Story) -> tuple[int | None, int | None]:
    """Two versions to compare: those that were named, else the last two."""
    numbers = [line.number for line in story.versions]
    if story.is_erased or len(numbers) < 2:
        return None, None
    return (
        _number(asked.get("old"), numbers[1]),
        _number(asked.get("new"), numbers[0]),
    )


def _number(raw: str | None, default: int) -> int:
    if not raw:
        return default
    if not raw.isdecimal() or len(raw) > 9:
        raise InvalidRequest("A version is a number.")
    return int(raw)


def _change(head: Memory, old: int | None, new: int | None) -> Change | None:
    return None if old is None or new is None else change_of(head.id, old, new)


def _state(head: Memory) -> dict[str, Any]:
    """What its state means, and what may be done to it in that."""
    state = State(head.state)
    is_there = head.text is not None
    return {
        "badge": BADGES[state],
        "meaning": MEANINGS[state],
        "origin": ORIGINS[Memory.Origin(head.origin)],
        "is_active": is_there and state == State.ACTIVE,
        "may_change": is_there
        and not head.is_immutable
        and state not in (State.DELETED, State.QUARANTINED),
        "may_delete": is_there and state != State.DELETED,
        "may_undo": is_there and state in UNDONE,
    }
