"""Do the same to several memories of a subject: preview it, do it, tell of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django import forms
from django.http import HttpResponse

from memories.console.fields import CategoriesField, reason_field
from memories.console.subjects.about import SubjectPage, open_subject
from memories.selectors.browse import read_memories
from memories.services.bring_back import bring_back
from memories.services.edit import MemoryChanges
from memories.services.edit_many import (
    ItemChange,
    ItemOutcome,
    Outcome,
    delete_memories,
    update_memories,
)
from memories.types import MemoryView
from memplatform.lib.errors import InvalidRequest
from tenants.console.rendering import show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role

MOST = 200
SAID = {
    Outcome.UPDATED: "changed",
    Outcome.DELETED: "deleted",
    Outcome.UNCHANGED: "as it was: nothing to change",
    Outcome.NOT_FOUND: "not there any more",
    Outcome.REFUSED: "left as it is",
}
WAITS = "waits for review"


class Action(StrEnum):
    """What may be done to several memories at once."""

    DELETE = "delete"
    RESTORE = "restore"
    CATEGORIZE = "categorize"


@dataclass(frozen=True, slots=True)
class Wording:
    """An action in the words of its page; ``undo`` takes it back, if anything does."""

    title: str
    what: str
    verb: str
    undo: Action | None = None


WORDINGS = {
    Action.DELETE: Wording(
        "Delete memories",
        "Nobody recalls them any more. Their versions are kept, and they can be "
        "restored.",
        "Delete",
        Action.RESTORE,
    ),
    Action.RESTORE: Wording(
        "Restore memories",
        "What is deleted or archived among them becomes what it was before.",
        "Restore",
        Action.DELETE,
    ),
    Action.CATEGORIZE: Wording(
        "Set categories",
        "Each memory gets exactly these categories, in place of its own.",
        "Set categories",
    ),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one memory; ``text`` is what it says."""

    memory_id: UUID
    text: str
    outcome: str
    detail: str
    is_done: bool


class BulkForm(forms.Form):
    """Why, and which categories where they are set."""

    categories = CategoriesField()
    reason = reason_field()


@project_page(read=Role.SUPPORT, write=Role.SUPPORT)
def bulk(request: ConsoleRequest, visit: Visit, subject_id: UUID) -> HttpResponse:
    """GET previews ``action`` on each ``memory``; POST does it."""
    asked = request.POST if request.method == "POST" else request.GET
    action, ids = _action(asked.get("action", "")), _ids(asked.getlist("memory"))
    with visit.scope():
        page = open_subject(visit, subject_id, "memories:subject")
        found = _theirs(page, ids)
    form = BulkForm(request.POST) if request.method == "POST" else BulkForm()
    if action != Action.CATEGORIZE:
        del form.fields["categories"]
    context = page.context(action=action, wording=WORDINGS[action], form=form)
    if form.is_bound and form.is_valid():
        told = _do(visit, action, list(found), form, found)
        return show(
            request,
            visit,
            "memories/bulk_done.html",
            {**context, "told": told, "done": [one for one in told if one.is_done]},
        )
    context["memories"] = list(found.values())
    status = 422 if form.errors else 200
    return show(request, visit, "memories/bulk.html", context, status=status)


def _do(
    visit: Visit,
    action: Action,
    ids: Sequence[UUID],
    form: BulkForm,
    found: dict[UUID, MemoryView],
) -> list[Told]:
    """Each with what became of it, in the order in which they were chosen."""
    reason = form.cleaned_data["reason"]
    if action == Action.RESTORE:
        problems = bring_back(visit.access, ids, reason=reason)
        return [
            Told(
                id_,
                found[id_].text,
                "left as it is" if problem else "restored",
                problem,
                is_done=not problem,
            )
            for id_, problem in problems.items()
        ]
    if action == Action.DELETE:
        outcomes = delete_memories(visit.access, ids, reason=reason)
    else:
        changes = MemoryChanges(categories=form.cleaned_data["categories"])
        items = [ItemChange(id_, changes) for id_ in ids]
        outcomes = update_memories(visit.access, items, reason=reason)
    return [_told(item, found) for item in outcomes]


def _told(item: ItemOutcome, found: dict[UUID, MemoryView]) -> Told:
    is_done = item.outcome in (Outcome.UPDATED, Outcome.DELETED)
    detail = (item.detail or "") if item.outcome == Outcome.REFUSED else ""
    text = found[item.memory_id].text
    said = SAID.get(item.outcome, WAITS)
    return Told(item.memory_id, text, said, detail, is_done)


def _theirs(page: SubjectPage, ids: Sequence[UUID]) -> dict[UUID, MemoryView]:
    """What was chosen, in its order; another subject's memories are not there."""
    found = read_memories(ids)
    key, name = page.about.key, page.about.name
    return {
        id_: found[id_]
        for id_ in ids
        if id_ in found and getattr(found[id_], key) == name
    }


def _action(raw: str) -> Action:
    try:
        return Action(raw)
    except ValueError as exc:
        raise InvalidRequest("Say what is to be done with them.") from exc


def _ids(given: Sequence[str]) -> list[UUID]:
    try:
        ids = list(dict.fromkeys(UUID(raw) for raw in given))
    except ValueError as exc:
        raise InvalidRequest("This is no memory.") from exc
    if not ids:
        raise InvalidRequest("Choose at least one memory.")
    if len(ids) > MOST:
        raise InvalidRequest(f"Choose {MOST} memories at most.")
    return ids
