"""Bring a subject, or one memory, back to what was known at an instant.

First a preview, then the restore itself, which does what the preview said or refuses.
It is a set of events like any other, grouped by one operation, and is undone by
restoring the same memories to the instant before it. A small one is done at once; a
large one in the background, chunk by chunk, resumed where it was stopped: a memory that
is as it was needs nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings

from memories import wake
from memories.models import Memory, MemoryEvent, MemoryVersion, Operation, Subject
from memories.providers.vectors import SpaceVectors, embed_in_spaces
from memories.selectors.compare import About, versions_of
from memories.selectors.restoring import Aim, instant_before, list_unembedded
from memories.services.restore_plan import Effect, RestorePlan, Step, make_plan
from memories.services.setup import ready_setup
from memories.store import operations
from memories.store.batch import Batch, Cause, Revision
from memories.store.operations import Lease
from memories.types import EVENT_RULES, UNSET, JsonDict, OperationResult, State
from memplatform.lib import clock, logs
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.audit import Actor, record_audit
from tenants.scopes import tenant_scope
from tenants.selectors import Access

AT_ONCE = 200
"""Memories that one transaction restores, so that adds wait a second at most."""
CHUNKS_A_RUN = 50
"""Then others may have the worker."""
MOST_NAMED = 100
MEANWHILE = "It changed after this restore was accepted."
NOTHING = "Everything is as it was then: there is nothing to restore."

Vectors = Mapping[tuple[UUID, int], SpaceVectors]


class PreviewIsStale(InvalidRequest):
    """What is remembered has changed since this preview was made; look again."""

    code = "preview_is_stale"


def preview_restore(access: Access, aim: Aim) -> RestorePlan:
    """Exactly what a restore would do now; opens its own scope."""
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        return make_plan(aim)


def restore(access: Access, aim: Aim, token: str) -> Operation:
    """Do what a preview said, at once or in the background; opens its own scope.

    Raises PreviewIsStale when it would now do anything else, and InvalidRequest when
    there is nothing to do.
    """
    with tenant_scope(access.tenant_id, project_id=access.project_id):
        steps = make_plan(aim).all_steps
        batch = Batch.open(access.project_id, {s.moved.anchor_id for s in steps})
        plan = make_plan(aim)  # as it is under the locks
        if plan.token != token:
            raise PreviewIsStale
        if not plan.steps:
            raise InvalidRequest(NOTHING)
        operation = _accept(access, aim, plan)
        if _is_small(access.project_id, plan):
            _restore_now(operation, batch, plan)
        else:
            wake.after_commit(wake.RUN_OPERATION, access.tenant_id, operation.id)
        _audit(access, aim, operation)
    return operation


def aim_of_undo(about: About, operation_id: UUID) -> Aim:
    """What undoes a restore; call inside a scope. Raises NotFound."""
    is_theirs = Operation.objects.filter(
        about.condition(), id=operation_id, kind=Operation.Kind.RESTORE
    ).exists()
    before = instant_before(operation_id) if is_theirs else None
    if before is None:
        raise NotFound
    return Aim(about, before, undoes=operation_id)


def run_restore(operation: Operation, lease: Lease) -> None:
    """The rest of a large restore; repeating it changes nothing."""
    aim = _aim_of(operation)
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        plan = make_plan(aim)
    for count, steps in enumerate(_chunks(plan, operation), start=1):
        _restore_chunk(operation, lease, aim, steps)
        if count == CHUNKS_A_RUN:
            with tenant_scope(operation.tenant_id, project_id=operation.project_id):
                operations.pause(operations.hold(lease))
            return
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        held = operations.hold(lease)
        held.payload |= {"left": _named(make_plan(aim).all_steps)}
        held.save(update_fields=["payload"])
        operations.succeed(held, _results(held))


def _accept(access: Access, aim: Aim, plan: RestorePlan) -> Operation:
    now = clock.now()
    return Operation.objects.create(
        project_id=access.project_id,
        kind=Operation.Kind.RESTORE,
        **{aim.about.key: aim.about.name},
        payload={
            "to": aim.at.isoformat(),
            "memory_id": str(aim.memory_id) if aim.memory_id else None,
            "undoes": str(aim.undoes) if aim.undoes else None,
            "known_us": max(step.moved.known_us for step in plan.steps),
            "total": len(plan.steps),
            "done": 0,
            "left": _named(plan.problems),
        },
        request_id=logs.request_id.get(),
        **access.asker,
        woken_at=now,
        created_at=now,
        updated_at=now,
    )


def _aim_of(operation: Operation) -> Aim:
    payload = operation.payload
    keys = ("user_id", "agent_id", "app_id", "run_id")
    ((key, name),) = ((k, v) for k in keys if (v := getattr(operation, k)))
    return Aim(
        About(key.removesuffix("_id"), name),
        datetime.fromisoformat(payload["to"]),
        memory_id=_uuid(payload["memory_id"]),
        undoes=_uuid(payload["undoes"]),
    )


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None


def _is_small(project_id: UUID, plan: RestorePlan) -> bool:
    """Whether a request can do it, without asking an embedder for anything."""
    wanted = [step.needs_vectors for step in plan.steps if step.needs_vectors]
    return len(plan.steps) <= AT_ONCE and not list_unembedded(project_id, wanted)


def _restore_now(operation: Operation, batch: Batch, plan: RestorePlan) -> None:
    _revise(batch, plan.steps, _cause(operation), {})
    results = batch.flush()
    operation.attempts, operation.started_at = 1, operation.created_at
    operation.payload["done"] = len(plan.steps)
    operation.save(update_fields=["attempts", "started_at", "payload"])
    operations.succeed(operation, results)


def _restore_chunk(
    operation: Operation, lease: Lease, aim: Aim, steps: Sequence[Step]
) -> None:
    """Embed what has lost its vectors, then write under the locks of the chunk."""
    vectors = _embed(operation, steps)
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        batch = Batch.open(operation.project_id, {s.moved.anchor_id for s in steps})
        held = operations.hold(lease)
        plan = make_plan(aim, [step.memory_id for step in steps])
        still = [step for step in plan.steps if not _is_newer(step, held)]
        _revise(batch, still, _cause(held), vectors)
        batch.flush()
        held.payload["done"] += len(still)
        held.attempts = 1  # who gets on has all attempts again
        held.save(update_fields=["payload", "attempts"])
        operations.renew(held, lease_s=settings.LEASE_S)


def _chunks(plan: RestorePlan, operation: Operation) -> Iterator[list[Step]]:
    """Steps that one transaction does; a chain stays whole."""
    chunk: list[Step] = []
    for links in plan.chains:
        chunk += (s for s in links if not s.problem and not _is_newer(s, operation))
        if len(chunk) >= AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _embed(operation: Operation, steps: Sequence[Step]) -> Vectors:
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        wanted = [step.needs_vectors for step in steps if step.needs_vectors]
        lost = sorted(list_unembedded(operation.project_id, wanted))
        rows = versions_of(lost)
    texts = {key: rows[key].text or "" for key in lost if key in rows}
    if not texts:
        return {}
    setup = ready_setup(operation.tenant_id, operation.project_id)
    embedded = embed_in_spaces(
        setup.embedders, list(texts.values()), building=setup.building
    )
    return dict(zip(texts, embedded, strict=True))


def _revise(
    batch: Batch, steps: Sequence[Step], cause: Cause, vectors: Vectors
) -> None:
    """Each head becomes what it was, as a new version."""
    heads = Memory.objects.in_bulk([step.memory_id for step in steps])
    versions = versions_of(
        (step.memory_id, step.moved.then_number)
        for step in steps
        if step.moved.then_number
    )
    for step in steps:
        then = versions.get((step.memory_id, step.moved.then_number or 0))
        revision = _revision(step, then, vectors)
        related = then.replaced_by_id if then and step.kind in _POINTING else None
        head = heads[step.memory_id]
        batch.revise(head, step.kind, revision, cause, related=related)


_POINTING = (MemoryEvent.Kind.SUPERSEDE, MemoryEvent.Kind.MERGE)


def _revision(step: Step, then: MemoryVersion | None, vectors: Vectors) -> Revision:
    if then is None or step.effect == Effect.DELETED:
        return Revision(state=State.DELETED)
    revision = Revision(
        metadata=then.metadata,
        categories=tuple(then.categories) if then.categories is not None else None,
        state=State(then.state),
        valid_from=then.valid_from,
        valid_to=then.valid_to,
        valid_precision=then.valid_precision,
        recurs=then.recurs,
        aspect=then.aspect,
        expires_on=then.expires_on,
        created_at=then.created_at,
        confidence=then.confidence,
        is_immutable=then.is_immutable,
        replaced_by_id=then.replaced_by_id,
    )
    if step.moved.is_reworded:
        revision.text = then.text or UNSET
        revision.vector_number = then.vector_number
        revision.vectors = vectors.get((step.memory_id, then.vector_number))
    return revision


def _cause(operation: Operation) -> Cause:
    actor, payload = operation.asked_by, operation.payload
    reason = "Undone" if payload["undoes"] else f"Restored to {payload['to']}"
    return Cause(actor.kind, actor.id, operation.id, reason=reason)


def _is_newer(step: Step, operation: Operation) -> bool:
    """Whether somebody changed it after the restore was accepted."""
    newest: int = operation.payload["known_us"]
    return step.moved.known_us > newest


def _named(left: Sequence[Step]) -> list[JsonDict]:
    """What is left as it is, and why; what has no other reason changed meanwhile."""
    return [
        {"memory_id": str(step.memory_id), "why": step.problem or MEANWHILE}
        for step in left[:MOST_NAMED]
    ]


def _results(operation: Operation) -> list[OperationResult]:
    """What this restore has done, in all of its attempts."""
    rows = MemoryEvent.objects.filter(operation=operation).order_by("at", "id")
    return [
        OperationResult(
            row.memory_id,
            EVENT_RULES[row.kind].result,
            None,
            number=row.new_number or 1,
        )
        for row in rows
    ]


def _audit(access: Access, aim: Aim, operation: Operation) -> None:
    """The operator's name, the instant and how much; never what it says."""
    target: Memory | Subject = (
        Memory.objects.get(id=aim.memory_id)
        if aim.memory_id
        else Subject.objects.get(kind=aim.about.kind, external_id=aim.about.name)
    )
    record_audit(
        "memory.restore" if aim.memory_id else "subject.restore",
        target,
        actor=Actor.of(access),
        changes={
            "to": [None, aim.at.isoformat()],
            "memories": [None, operation.payload["total"]],
            "operation": [None, str(operation.id)],
        },
    )
