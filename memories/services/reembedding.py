"""Change a project's embedder without a gap: fill a new space, then switch reads to it.

Reads stay on the active space until the new one is complete; writes go to both
meanwhile. The old space is kept, so that there is a way back. The filling is an
operation like any other: leased, resumed after a fault, FAILED with its reason.

A writer's rows refer to the project, so they share its row until they commit: whoever
locks that row has seen all that was written by those who did not know of a space yet.
Those who come later, with a setup that is older still, tell the store (Batch.flush).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.conf import settings
from django.db import connection

from memories.models import (
    EmbeddingSpace,
    Entity,
    Memory,
    MemoryVersion,
    Message,
    Operation,
)
from memories.providers.factory import embedder_for
from memories.providers.vectors import (
    SpaceVectors,
    as_literal,
    embed_in_spaces,
    head_of,
)
from memories.selectors.projects import get_setup
from memories.store import operations
from memories.store.batch import insert_version_vectors, lock_anchors
from memories.store.operations import Lease
from memories.store.script import Script
from memories.store.spaces import start_filling, touch_project
from memories.store.windows import HEARD_ROLES, Heard, write_heard
from memories.types import SpaceKey
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.audit import SYSTEM, Actor, record_audit
from tenants.models import Project
from tenants.scopes import tenant_scope

CHUNK = 64
CHUNKS_A_RUN = 20
"""Then others may have the worker, and the worker may stop."""


def change_embedder(
    tenant_id: UUID,
    project_id: UUID,
    key: SpaceKey,
    *,
    base_url: str = "",
    api_key_encrypted: str = "",
    actor: Actor = SYSTEM,
) -> UUID | None:
    """Start filling the space of another embedder; returns the operation that does.

    A retired space of the same key is filled up and used again: the way back. The
    space that is read may get another address and key, at once: then None. Whatever
    else was being filled is called off. Opens its scope. Raises InvalidRequest when
    there is nothing to change.
    """
    with tenant_scope(tenant_id, project_id=project_id):
        Project.objects.select_for_update().get(id=project_id)
        space = _space_of(project_id, key)
        called_off = _call_off(except_id=space.id)
        is_moved = (space.base_url, space.api_key_encrypted) != (
            base_url,
            api_key_encrypted,
        )
        space.base_url, space.api_key_encrypted = base_url, api_key_encrypted
        is_read = space.state == EmbeddingSpace.State.ACTIVE
        if is_read and not (is_moved or called_off):
            raise InvalidRequest("This project already reads from that space.")
        if not is_read:
            space.state = EmbeddingSpace.State.BUILDING
            space.progress_id = space.message_progress_id = None
        space.save()
        touch_project(project_id)
        told = {"model": key.model, "dimension": key.dimension, "url": base_url}
        record_audit("embedder.change", space, actor=actor, changes=told)
        return None if is_read else start_filling(space)


def return_to_previous(
    tenant_id: UUID, project_id: UUID, *, actor: Actor = SYSTEM
) -> EmbeddingSpace:
    """Go back to the space that was read before; opens its scope.

    While another is being filled that is the one still read: the filling is called
    off. Else what was stored since is embedded into the former space first. Raises
    NotFound without one.
    """
    with tenant_scope(tenant_id, project_id=project_id):
        previous = previous_space()
    if previous is None:
        raise NotFound("This project never had another embedding space.")
    change_embedder(
        tenant_id,
        project_id,
        SpaceKey(
            previous.provider,
            previous.model,
            previous.dimension,
            previous.fingerprint,
        ),
        base_url=previous.base_url,
        api_key_encrypted=previous.api_key_encrypted,
        actor=actor,
    )
    return previous


def run_reembedding(operation: Operation, lease: Lease) -> None:
    """Fill a space chunk by chunk, then switch to it; resumes where it was stopped.

    After ``CHUNKS_A_RUN`` it hands the rest to the next run. Raises ProviderError,
    leaving what is done in place.
    """
    for _ in range(CHUNKS_A_RUN):
        space, versions = _next_chunk(operation)
        if space is None:
            _settle(operation, lease)
            return
        if versions:
            texts = [version.text or "" for version in versions]
            vectors = embed_in_spaces({space.id: embedder_for(space)}, texts)
            _write(lease, space, versions, vectors)
        elif messages := _next_messages(operation, space):
            _write_messages(lease, space, messages, _hear(space, messages))
        elif nodes := _next_nodes(operation, space):
            _write_nodes(lease, space, nodes, _embed_names(space, nodes))
        elif _finish(lease, space):
            return
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        operations.pause(operations.hold(lease))


def _space_of(project_id: UUID, key: SpaceKey) -> EmbeddingSpace:
    space, _ = EmbeddingSpace.objects.get_or_create(
        provider=key.provider,
        model=key.model,
        dimension=key.dimension,
        fingerprint=key.fingerprint,
        defaults={
            "project_id": project_id,
            "state": EmbeddingSpace.State.BUILDING,
        },
    )
    return space


def _call_off(*, except_id: UUID) -> int:
    """Stop filling other spaces; their operations find that out by themselves."""
    building = EmbeddingSpace.objects.filter(state=EmbeddingSpace.State.BUILDING)
    return building.exclude(id=except_id).update(state=EmbeddingSpace.State.RETIRED)


def previous_space() -> EmbeddingSpace | None:
    """The space that :func:`return_to_previous` goes back to. Call inside a scope."""
    state = EmbeddingSpace.State
    if EmbeddingSpace.objects.filter(state=state.BUILDING).exists():
        return EmbeddingSpace.objects.filter(state=state.ACTIVE).first()
    read_once = EmbeddingSpace.objects.filter(
        state=state.RETIRED, activated_at__isnull=False
    )
    return read_once.order_by("-activated_at").first()


def _next_chunk(
    operation: Operation,
) -> tuple[EmbeddingSpace | None, list[MemoryVersion]]:
    """The space, unless it is no longer wanted, and texts that have no vector in it."""
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        space = (
            EmbeddingSpace.objects.filter(id=operation.payload["space_id"])
            .exclude(state=EmbeddingSpace.State.RETIRED)
            .first()
        )
        return space, _missing(space) if space else []


_MISSING = """
SELECT v.id FROM memories_memoryversion v
WHERE v.tenant_id = %s AND v.project_id = %s AND v.text IS NOT NULL
  AND v.number = v.vector_number
  AND (%s::uuid IS NULL OR v.memory_id >= %s)
  AND NOT EXISTS (
      SELECT 1 FROM memories_memoryvector e
      WHERE e.tenant_id = v.tenant_id AND e.memory_id = v.memory_id
        AND e.number = v.number AND e.space_id = %s)
ORDER BY v.memory_id, v.number
LIMIT %s
"""


def _missing(space: EmbeddingSpace) -> list[MemoryVersion]:
    """The next texts behind the space's progress; None is from the start."""
    passed = space.progress_id
    with connection.cursor() as cursor:
        cursor.execute(
            _MISSING,
            [space.tenant_id, space.project_id, passed, passed, space.id, CHUNK],
        )
        ids = [row[0] for row in cursor.fetchall()]
    return list(MemoryVersion.objects.filter(id__in=ids).order_by("memory_id"))


_UNHEARD = """
SELECT g.id FROM memories_message g
  JOIN memories_ingestion i ON i.tenant_id = g.tenant_id AND i.id = g.ingestion_id
  JOIN memories_operation o ON o.tenant_id = i.tenant_id AND o.id = i.operation_id
WHERE g.tenant_id = %s AND g.project_id = %s AND g.content <> '' AND g.role = ANY(%s)
  AND o.status = 'SUCCEEDED' AND (%s::uuid IS NULL OR g.id > %s)
  AND NOT EXISTS (
      SELECT 1 FROM memories_messagevector v
      WHERE v.tenant_id = g.tenant_id AND v.message_id = g.id AND v.space_id = %s)
ORDER BY g.id
LIMIT %s
"""


def _next_messages(operation: Operation, space: EmbeddingSpace) -> list[Message]:
    """The next messages behind the space's progress that a window lacks."""
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        return _unheard(space)


def _unheard(space: EmbeddingSpace) -> list[Message]:
    passed = space.message_progress_id
    with connection.cursor() as cursor:
        own = (space.tenant_id, space.project_id, sorted(HEARD_ROLES))
        cursor.execute(_UNHEARD, (*own, passed, passed, space.id, CHUNK))
        ids = [row[0] for row in cursor.fetchall()]
    return list(Message.objects.filter(id__in=ids).order_by("id"))


def _hear(space: EmbeddingSpace, messages: Sequence[Message]) -> dict[UUID, Heard]:
    """Embeds the beginning of each, as recall does; no scope is open."""
    embedder = embedder_for(space)
    texts = [message.content or "" for message in messages]
    vectors = embedder.embed([head_of(text, embedder.max_tokens) for text in texts])
    return {
        message.id: Heard(text, {space.id: vector[None, :]})
        for message, text, vector in zip(messages, texts, vectors, strict=True)
    }


def _write_messages(
    lease: Lease,
    space: EmbeddingSpace,
    messages: Sequence[Message],
    heard: Mapping[UUID, Heard],
) -> None:
    """Under the anchors' locks: no message is erased meanwhile."""
    with tenant_scope(space.tenant_id, project_id=space.project_id):
        lock_anchors({message.anchor_id for message in messages})
        _go_on(lease)
        script = Script()
        write_heard(script, heard, get_setup(space.project_id).text_config)
        script.run()
        space.message_progress_id = messages[-1].id
        space.save(update_fields=["message_progress_id"])


def _next_nodes(operation: Operation, space: EmbeddingSpace) -> list[Entity]:
    """Nodes of the graph whose names have their vector in another space.

    They have one at a time: it moves once reads have moved.
    """
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        return _elsewhere(space)


def _elsewhere(space: EmbeddingSpace) -> list[Entity]:
    if space.state != EmbeddingSpace.State.ACTIVE:
        return []
    embedded = Entity.objects.filter(
        project_id=space.project_id, embedding__isnull=False
    )
    return list(embedded.exclude(space_id=space.id).order_by("id")[:CHUNK])


def _embed_names(space: EmbeddingSpace, nodes: Sequence[Entity]) -> list[str]:
    """As literals; no scope is open."""
    vectors = embedder_for(space).embed([node.name for node in nodes])
    return [as_literal(vector) for vector in vectors]


def _write_nodes(
    lease: Lease,
    space: EmbeddingSpace,
    nodes: Sequence[Entity],
    vectors: Sequence[str],
) -> None:
    """Under the anchors' locks: no node is named, or erased, meanwhile."""
    with tenant_scope(space.tenant_id, project_id=space.project_id):
        lock_anchors({node.anchor_id for node in nodes})
        _go_on(lease)
        for node, vector in zip(nodes, vectors, strict=True):
            there = Entity.objects.filter(id=node.id)
            there.update(space_id=space.id, embedding=vector)


def _go_on(lease: Lease) -> None:
    """Hold the operation for longer; who gets on has all attempts again."""
    operation = operations.hold(lease)
    operation.attempts = 1
    operation.save(update_fields=["attempts"])
    operations.renew(operation, lease_s=settings.LEASE_S)


def _write(
    lease: Lease,
    space: EmbeddingSpace,
    versions: list[MemoryVersion],
    vectors: list[SpaceVectors],
) -> None:
    """Under the anchors' locks: no head moves, and no text is erased, meanwhile."""
    with tenant_scope(space.tenant_id, project_id=space.project_id):
        ids = {version.memory_id for version in versions}
        of_these = Memory.objects.filter(id__in=ids)
        lock_anchors(set(of_these.values_list("anchor_id", flat=True)))
        _go_on(lease)
        heads = {head.id: head for head in of_these.all()}
        kept = MemoryVersion.objects.filter(
            id__in=[version.id for version in versions], text__isnull=False
        )
        left = set(kept.values_list("id", flat=True))
        rows = [
            (heads[version.memory_id], version.number, spaces)
            for version, spaces in zip(versions, vectors, strict=True)
            if version.id in left
        ]
        insert_version_vectors(space.project_id, rows)
        space.progress_id = versions[-1].memory_id
        space.save(update_fields=["progress_id"])


def _finish(lease: Lease, space: EmbeddingSpace) -> bool:
    """Switch reads to a complete space, all at once; the old one is kept.

    False when something is missing after all: then it goes on from the start; or when
    the graph's nodes have yet to follow.
    """
    with tenant_scope(space.tenant_id, project_id=space.project_id):
        Project.objects.select_for_update().get(id=space.project_id)
        operation = operations.hold(lease)
        state = EmbeddingSpace.State
        space.refresh_from_db()
        space.progress_id = space.message_progress_id = None
        space.save(update_fields=["progress_id", "message_progress_id"])
        if _missing(space) or _unheard(space):
            return False
        if space.state == state.BUILDING:
            active = EmbeddingSpace.objects.filter(state=state.ACTIVE)
            active.update(state=state.RETIRED)
            space.state, space.activated_at = state.ACTIVE, clock.now()
            space.save(update_fields=["state", "activated_at"])
            touch_project(space.project_id)
        if _elsewhere(space):
            return False
        operations.succeed(operation, [])
    return True


def _settle(operation: Operation, lease: Lease) -> None:
    """The space was given up meanwhile: there is nothing left to do."""
    with tenant_scope(operation.tenant_id, project_id=operation.project_id):
        operations.succeed(operations.hold(lease), [])
