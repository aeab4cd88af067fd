"""Categories for what was stored without them: verbatim adds, imports, procedures.

They are assigned once, after the write, and never again (contract, section 9): a later
change of the text or of the catalogue leaves them. Models and embedders are asked
between two transactions, as everywhere.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.conf import settings

from memories import wake
from memories.models import MemoryEvent
from memories.pipeline.categorize import (
    Said,
    categorize_by_likeness,
    categorize_by_model,
)
from memories.providers.factory import LOCAL
from memories.selectors.due import due_ids
from memories.selectors.projects import ProjectSetup
from memories.services.setup import ready_setup
from memories.services.usage import count_tokens_of
from memories.store import categories as queue
from memories.store.apply import record_calls
from memories.store.batch import Cause
from memories.store.categories import Waiting
from memories.types import EngineOptions, ModelCall
from memplatform.lib import clock, logs
from memplatform.lib.errors import (
    ProviderError,
    ProviderRejected,
    ProviderReplyInvalid,
)
from memplatform.lib.meter import metered
from tenants.scopes import tenant_scope

log = logs.get(__name__)

MOST_PROJECTS = 500
REFUSALS = (ProviderRejected, ProviderReplyInvalid)
"""Faults that may be due to what was asked."""
MOST_REFUSED = 3
"""Of a group asked about one by one: with more, it is not the texts."""
REASON = "what it is about"


def wake_due_projects() -> int:
    """Wake the projects with memories that wait; returns how many."""
    woken = 0
    due = due_ids("due_categories", clock.now(), MOST_PROJECTS)
    for tenant_id, projects in due.items():
        for project_id in projects:
            wake.now(wake.ASSIGN_CATEGORIES, tenant_id, project_id)
            woken += 1
    return woken


def assign_categories(tenant_id: UUID, project_id: UUID) -> int:
    """Categorize what is due in a project; returns how many memories.

    A fault of the model or the embedder ends it: a sweep comes again.
    """
    setup = ready_setup(tenant_id, project_id)
    assigned = 0
    while waiting := _claim(setup):
        try:
            for group in _by_catalogue(waiting):
                assigned += _assign(setup, group)
        except ProviderError as exc:
            log.warning("categories postponed", extra={"code": exc.code})
            _postpone(setup, waiting)
            break
    return assigned


def _assign(setup: ProjectSetup, group: Sequence[Waiting]) -> int:
    """Find and write the categories of a group. Raises ProviderError."""
    try:
        return _write(setup, _find(setup, group))
    except REFUSALS:
        if len(group) == 1:
            _postpone(setup, group)
            return 0
    return _assign_singly(setup, group)


def _assign_singly(setup: ProjectSetup, group: Sequence[Waiting]) -> int:
    """One text may be why a model refuses all of them: it alone has to wait."""
    assigned, refused = 0, []
    for one in group:
        try:
            assigned += _write(setup, _find(setup, [one]))
        except REFUSALS:
            refused.append(one)
            if len(refused) > MOST_REFUSED:
                raise
    _postpone(setup, refused)
    return assigned


def _claim(setup: ProjectSetup) -> list[Waiting]:
    with tenant_scope(setup.tenant_id, project_id=setup.project_id):
        return queue.claim(setup.project_id, lease_s=settings.LEASE_S)


def _postpone(setup: ProjectSetup, waiting: Sequence[Waiting]) -> None:
    """Those that are done meanwhile have no row any more."""
    with tenant_scope(setup.tenant_id, project_id=setup.project_id):
        queue.postpone(waiting, pause_s=settings.RETRY_BASE_S)


def _by_catalogue(waiting: Iterable[Waiting]) -> list[list[Waiting]]:
    """Those that choose from the same list, together: one call serves them all."""
    groups: dict[str, list[Waiting]] = defaultdict(list)
    for one in waiting:
        groups[json.dumps(one.catalogue, sort_keys=True)].append(one)
    return list(groups.values())


def _find(
    setup: ProjectSetup, waiting: Sequence[Waiting]
) -> list[tuple[Waiting, tuple[str, ...]]]:
    """The categories of each, in one call. Raises ProviderError."""
    calls: list[ModelCall] = []
    with metered() as meter:
        try:
            return list(zip(waiting, _look(setup, waiting, calls), strict=True))
        finally:
            _record(setup, calls, meter.tokens)


def _look(
    setup: ProjectSetup, waiting: Sequence[Waiting], calls: list[ModelCall]
) -> list[tuple[str, ...]]:
    """The categories of each, by the project's model or by likeness."""
    catalogue = waiting[0].catalogue or setup.settings.categories
    said = [Said(one.text, one.speaker) for one in waiting]
    if setup.engine != LOCAL and setup.chat is not None:
        options = EngineOptions(reference=clock.now(), categories=catalogue)
        record = calls.append
        return categorize_by_model(said, options, setup.chat, setup.prompts, record)
    space = setup.active_space
    if space is None:
        raise AssertionError("a ready project has an active space")
    return categorize_by_likeness(said, catalogue, setup.embedders[space.id])


def _record(setup: ProjectSetup, calls: Sequence[ModelCall], embedded: int) -> None:
    if calls:
        with tenant_scope(setup.tenant_id, project_id=setup.project_id):
            record_calls(setup.project_id, None, calls)
    payer = (setup.tenant_id, setup.project_id, None)
    count_tokens_of(payer, "categorize", calls, embedding_tokens=embedded)


def _write(
    setup: ProjectSetup, found: Sequence[tuple[Waiting, tuple[str, ...]]]
) -> int:
    """One transaction for each anchor: no add of another waits for it."""
    by_anchor: dict[UUID, dict[Waiting, tuple[str, ...]]] = defaultdict(dict)
    for one, names in found:
        by_anchor[one.anchor_id][one] = names
    cause = Cause(MemoryEvent.ActorKind.SYSTEM, reason=REASON)
    written = 0
    for part in by_anchor.values():
        with tenant_scope(setup.tenant_id, project_id=setup.project_id):
            written += len(queue.settle(setup.project_id, part, cause))
    return written
