"""Undo deletes and archivings of memories: each becomes what it was before that.

Each item has an outcome of its own, as a new version. Nothing is embedded: vectors of
what is deleted or archived stay, and stand again for the same words.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import batched
from uuid import UUID

from django.db.models import F

from memories.models import Memory, MemoryEvent, MemoryVersion, Operation
from memories.services.actors import audit_edit, cause_of
from memories.services.edit import finished, said_already
from memories.services.edit_many import ITEMS_PER_TRANSACTION
from memories.store.batch import Batch, Revision
from memories.types import State
from memplatform.lib import clock
from tenants.scopes import tenant_scope
from tenants.selectors import Access

MISSING = "There is no such memory."
NOT_GONE = "It is neither deleted nor archived."
UNDONE = (State.DELETED, State.ARCHIVED)
type Problem = str
"""Why nothing was done; blank: it was brought back."""


def bring_back(
    access: Access, ids: Sequence[UUID], *, reason: str = ""
) -> dict[UUID, Problem]:
    """What became of each, in the order of the ids; opens its own scopes."""
    started = clock.now()
    problems = dict.fromkeys(ids, MISSING)
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        rows = Memory.objects.filter(id__in=problems, text__isnull=False)
        anchors = dict(rows.values_list("id", "anchor_id"))
    mine = sorted((i for i in problems if i in anchors), key=lambda i: anchors[i])
    for some in batched(mine, ITEMS_PER_TRANSACTION):
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            batch = Batch.open(access.project_id, {anchors[i] for i in some})
            problems |= _bring_back(access, batch, some, reason, started)
    return problems


def _bring_back(
    access: Access,
    batch: Batch,
    ids: Sequence[UUID],
    reason: str,
    started: datetime,
) -> dict[UUID, Problem]:
    """Under the anchors' locks, inside the open transaction."""
    heads = Memory.objects.in_bulk(ids)
    before = _states_before(heads.values())
    said = _said(heads.values())
    problems: dict[UUID, Problem] = {}
    changed: list[Memory] = []
    for memory_id, head in heads.items():
        problem = _problem(head, before, said)
        problems[memory_id] = problem
        if problem:
            continue
        revision = Revision(state=before[memory_id])
        kind = MemoryEvent.Kind.RESTORE
        batch.revise(head, kind, revision, cause_of(access, reason))
        changed.append(head)
    if changed:
        _write(access, batch, changed, started)
    return problems


def _problem(
    head: Memory,
    before: dict[UUID, State],
    said: dict[tuple[UUID, str | None, str | None], UUID],
) -> Problem:
    """Also keeps that of two in the same words only the first comes back."""
    if head.state not in UNDONE or head.id not in before:
        return NOT_GONE
    if before[head.id] != State.ACTIVE:
        return ""
    twin = said.setdefault(_words(head), head.id)
    return said_already(twin) if twin != head.id else ""


def _write(
    access: Access, batch: Batch, changed: Sequence[Memory], started: datetime
) -> None:
    """What changed, for each an event of the project, and its line in the audit."""
    effects = zip(changed, batch.flush(), strict=True)
    kind = Operation.Kind.RESTORE
    Operation.objects.bulk_create(
        [finished(access, kind, head, [result], started) for head, result in effects]
    )
    audit_edit(access, "memory.restore", changed)


def _states_before(heads: Collection[Memory]) -> dict[UUID, State]:
    """What memories were until they were deleted, or archived."""
    rows = (
        MemoryVersion.objects.filter(
            memory_id__in=[h.id for h in heads if h.state in UNDONE]
        )
        .exclude(state=State.DELETED)
        .exclude(state=F("memory__state"))
        .order_by("memory_id", "-number")
        .distinct("memory_id")
    )
    return {
        memory_id: State(s) for memory_id, s in rows.values_list("memory_id", "state")
    }


def _said(
    heads: Collection[Memory],
) -> dict[tuple[UUID, str | None, str | None], UUID]:
    """Who says these words by now, in its anchor and run."""
    rows = Memory.objects.filter(
        anchor_id__in={head.anchor_id for head in heads},
        text_hash__in={head.text_hash for head in heads},
        state=State.ACTIVE,
    )
    return {_words(row): row.id for row in rows}


def _words(head: Memory) -> tuple[UUID, str | None, str | None]:
    """What only one active memory has."""
    return head.anchor_id, head.text_hash, head.run_id
