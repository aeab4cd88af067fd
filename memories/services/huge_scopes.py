"""Scopes too large to be read for every search get an index of their own (ADR 503).

Run by beat and by ``manage.py index_scopes``; two at once do no harm. Without an index,
for whatever reason, a search reads the scope: slower, and just as right.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from uuid import UUID

from django.conf import settings

from memories.models import ScopeIndex
from memories.store import scope_indexes
from memories.store.scope_indexes import Key, Known, Wanted
from memories.store.spaces import touch_project
from memplatform.lib import clock, logs
from tenants.scopes import tenant_scope

log = logs.get(__name__)
type _Scope = Sequence[Wanted]
"""All that one scope should have indexes of."""

MOST = 60
"""Indexes of all tenants together: each insert looks at the conditions of all of them
(200 raised it from 0.4 to 1.9 ms, decision 8)."""
KEPT_SHARE = 0.5
"""An index stays until its scope has shrunk to this share of what made it."""
HELD = 1.5
"""A scope that has indexes counts for so many times its size among those that ask for
them: of two of about one size, every round would drop one's and build the other's."""
PATIENCE = timedelta(hours=6)
"""How long after a build that failed it is tried again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many indexes one run built, dropped and could not build.

    ``waiting`` is how many huge scopes there was no room for.
    """

    built: int = 0
    dropped: int = 0
    failed: int = 0
    waiting: int = 0


def index_huge_scopes() -> Outcome | None:
    """One round over all tenants; None when it is another's turn, or nobody's.

    Without the owner's connection (``MIGRATION_DATABASE_URL``) nothing is built.
    """
    with scope_indexes.alone() as is_mine:
        return _index() if is_mine else None


def _index() -> Outcome:
    known = {each.key: each for each in scope_indexes.list_known()}
    scopes = _list_scopes(known)
    chosen = _choose(scopes, known)
    wanted = {each.key: each for scope in chosen for each in scope}
    doomed = [each for key, each in known.items() if key not in wanted]
    for index in doomed:
        scope_indexes.drop(index)
    dropped = len(doomed) + scope_indexes.drop_unknown()
    todo = [each for key, each in wanted.items() if _is_missing(known.get(key))]
    built = [each for each in todo if _build(each)]
    for key, each in wanted.items():
        was = known.get(key)
        if was and was.is_in_use:
            scope_indexes.recount(each, was)
    _tell_searches([*doomed, *built])
    waiting = len(scopes) - len(chosen)
    return Outcome(len(built), dropped, len(todo) - len(built), waiting)


def _list_scopes(known: Mapping[Key, Known]) -> list[_Scope]:
    """What should have indexes; what has one keeps it until it has shrunk."""
    least = settings.HUGE_SCOPE_VECTORS
    if not least:
        return []
    scopes = defaultdict(list)
    for each in scope_indexes.list_huge(int(least * KEPT_SHARE)):
        if each.vectors >= least or each.key in known:
            scopes[each.tenant_id, each.anchor_id, each.space_id].append(each)
    return list(scopes.values())


def _choose(scopes: Iterable[_Scope], known: Mapping[Key, Known]) -> list[_Scope]:
    """Those that there is room for: every tenant's largest, then every one's next."""

    def weight(scope: _Scope) -> float:
        is_held = any(each.key in known for each in scope)
        return max(each.vectors for each in scope) * (HELD if is_held else 1)

    turns: Counter[UUID] = Counter()
    queue = []
    for scope in sorted(scopes, key=weight, reverse=True):
        tenant_id = scope[0].tenant_id
        turns[tenant_id] += 1
        queue.append((turns[tenant_id], scope))
    chosen: list[_Scope] = []
    room = MOST
    for _, scope in sorted(queue, key=itemgetter(0)):
        if len(scope) <= room:
            chosen.append(scope)
            room -= len(scope)
    return chosen


def _is_missing(known: Known | None) -> bool:
    """Whether an index is to be built now: not one that failed a moment ago."""
    if known is not None and known.state == ScopeIndex.State.FAILED:
        return known.told_at < clock.now() - PATIENCE
    return known is None or not known.is_in_use


def _build(wanted: Wanted) -> bool:
    is_built = scope_indexes.build(wanted)
    told = {"of": wanted.of, "anchor": str(wanted.anchor_id), "vectors": wanted.vectors}
    if is_built:
        log.info("index of a huge scope built", extra=told)
    else:
        log.warning("index of a huge scope failed", extra=told)
    return is_built


def _tell_searches(changed: Iterable[Known | Wanted]) -> None:
    """Every process reads anew which indexes these projects have."""
    for tenant_id, project_id in {(e.tenant_id, e.project_id) for e in changed}:
        with tenant_scope(tenant_id, project_id=project_id):
            touch_project(project_id)
