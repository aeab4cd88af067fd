"""Change a project's embedder without a gap: fill a new space, then switch reads to it.

Reads stay on the active space until the new one is complete; writes go to both
meanwhile. The old space is kept, so that there is a way back.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from memories import wake
from memories.models import EmbeddingSpace, Memory, MemoryVersion
from memories.providers.factory import embedder_for
from memories.providers.vectors import SpaceVectors, embed_in_spaces
from memories.store.batch import insert_version_vectors, lock_anchors
from memories.store.spaces import touch_project
from memories.types import SpaceKey
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.models import Project
from tenants.scopes import tenant_scope

CHUNK = 64


def change_embedder(
    tenant_id: UUID,
    project_id: UUID,
    key: SpaceKey,
    *,
    base_url: str = "",
    api_key_encrypted: str = "",
) -> UUID:
    """Start filling the space of another embedder; returns its id. Opens its scope.

    A retired space of the same key is filled up and used again: the way back. Raises
    InvalidRequest when it is the active one already.
    """
    with tenant_scope(tenant_id, project_id=project_id):
        Project.objects.select_for_update().get(id=project_id)
        space, _ = EmbeddingSpace.objects.get_or_create(
            provider=key.provider,
            model=key.model,
            dimension=key.dimension,
            fingerprint=key.fingerprint,
            defaults={
                "tenant_id": tenant_id,
                "project_id": project_id,
                "state": EmbeddingSpace.State.BUILDING,
            },
        )
        if space.state == EmbeddingSpace.State.ACTIVE:
            raise InvalidRequest("This project already reads from that space.")
        space.state = EmbeddingSpace.State.BUILDING
        space.base_url, space.api_key_encrypted = base_url, api_key_encrypted
        space.progress_id = None
        space.save()
        touch_project(project_id)
        wake.after_commit(wake.REEMBED, tenant_id, space.id)
    return space.id


def return_to_previous(tenant_id: UUID, project_id: UUID) -> EmbeddingSpace:
    """Go back to the space that was read before the active one; opens its scope.

    What was stored since is embedded into it first. Raises NotFound without one.
    """
    with tenant_scope(tenant_id, project_id=project_id):
        retired = EmbeddingSpace.objects.filter(state=EmbeddingSpace.State.RETIRED)
        previous = retired.order_by("-activated_at").first()
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
    )
    return previous


def reembed_space(tenant_id: UUID, space_id: UUID) -> None:
    """Fill a space chunk by chunk, then switch; resumes where it was stopped.

    Raises ProviderError, leaving progress in place: call it again.
    """
    space = _fill(tenant_id, space_id)
    if space.state == EmbeddingSpace.State.BUILDING:
        _switch(space)
        # What was written meanwhile by somebody who did not know of this space yet.
        _fill(tenant_id, space_id)


def _fill(tenant_id: UUID, space_id: UUID) -> EmbeddingSpace:
    space = _space(tenant_id, space_id)
    while _fill_chunk(space):
        space = _space(tenant_id, space_id)
    return space


def _space(tenant_id: UUID, space_id: UUID) -> EmbeddingSpace:
    with tenant_scope(tenant_id):
        space = EmbeddingSpace.objects.filter(id=space_id).first()
    if space is None:
        raise NotFound
    return space


def _fill_chunk(space: EmbeddingSpace) -> bool:
    """Embed the next texts without a vector in this space; False when none is left."""
    with tenant_scope(space.tenant_id, project_id=space.project_id):
        versions = _missing(space)
    if not versions:
        return False
    texts = [version.text or "" for version in versions]
    vectors = embed_in_spaces({space.id: embedder_for(space)}, texts)
    with tenant_scope(space.tenant_id, project_id=space.project_id):
        _write(space, versions, vectors)
    return True


_MISSING = """
SELECT v.id FROM memories_memoryversion v
WHERE v.tenant_id = %s AND v.project_id = %s AND v.text IS NOT NULL
  AND v.number = v.vector_number
  AND NOT EXISTS (
      SELECT 1 FROM memories_memoryvector e
      WHERE e.tenant_id = v.tenant_id AND e.memory_id = v.memory_id
        AND e.number = v.number AND e.space_id = %s)
ORDER BY v.memory_id, v.number
LIMIT %s
"""


def _missing(space: EmbeddingSpace) -> list[MemoryVersion]:
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, [space.tenant_id, space.project_id, space.id, CHUNK])
        ids = [row[0] for row in cursor.fetchall()]
    return list(MemoryVersion.objects.filter(id__in=ids).order_by("memory_id"))


def _write(
    space: EmbeddingSpace, versions: list[MemoryVersion], vectors: list[SpaceVectors]
) -> None:
    """Under the anchors' locks, so that a head cannot move while its state is read."""
    ids = {version.memory_id for version in versions}
    anchors = Memory.objects.filter(id__in=ids).values_list("anchor_id", flat=True)
    lock_anchors(set(anchors))
    heads = {memory.id: memory for memory in Memory.objects.filter(id__in=ids)}
    rows = [
        (heads[version.memory_id], version.number, spaces)
        for version, spaces in zip(versions, vectors, strict=True)
        if heads[version.memory_id].text is not None
    ]
    insert_version_vectors(space.project_id, rows)
    space.progress_id = versions[-1].memory_id
    space.save(update_fields=["progress_id"])


def _switch(space: EmbeddingSpace) -> None:
    """Reads move to the new space, all at once; the old one is kept."""
    with tenant_scope(space.tenant_id, project_id=space.project_id):
        Project.objects.select_for_update().get(id=space.project_id)
        state = EmbeddingSpace.State
        EmbeddingSpace.objects.filter(state=state.ACTIVE).update(state=state.RETIRED)
        EmbeddingSpace.objects.filter(id=space.id).update(
            state=state.ACTIVE, activated_at=clock.now()
        )
        touch_project(space.project_id)
