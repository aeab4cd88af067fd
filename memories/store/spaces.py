"""Embedding spaces of a project: made at the first need, switched when complete."""

from __future__ import annotations

from collections.abc import Iterable, Set
from uuid import UUID

from django.db.models import Exists, OuterRef

from memories import wake
from memories.models import (
    EmbeddingSpace,
    Message,
    MessageVector,
    Operation,
    ProviderConfig,
)
from memories.models.ingestion import UNFINISHED
from memories.types import SpaceKey
from memplatform.lib import clock, logs
from tenants.models import Project


def ensure_active_space(
    project_id: UUID, key: SpaceKey, config: ProviderConfig | None
) -> None:
    """Give a project without a space its first one; call inside its tenant's scope.

    The project's row is locked, so that two first adds make one space.
    """
    Project.objects.select_for_update().get(id=project_id)
    active = EmbeddingSpace.State.ACTIVE
    if EmbeddingSpace.objects.filter(project_id=project_id, state=active).exists():
        return
    EmbeddingSpace.objects.create(
        project_id=project_id,
        provider=key.provider,
        model=key.model,
        dimension=key.dimension,
        fingerprint=key.fingerprint,
        base_url=config.base_url if config else "",
        api_key_encrypted=config.api_key_encrypted if config else "",
        state=active,
        activated_at=clock.now(),
    )
    touch_project(project_id)


def start_filling(space: EmbeddingSpace) -> UUID:
    """Let a worker embed what a space lacks; the operation that does. Inside a scope.

    An unfinished one of the same space serves: it looks once more before it ends.
    """
    wanted = {"space_id": str(space.id)}
    unfinished = Operation.objects.filter(
        kind=Operation.Kind.REEMBED, status__in=UNFINISHED, payload=wanted
    ).first()
    if unfinished is not None:
        return unfinished.id
    now = clock.now()
    operation = Operation.objects.create(
        project_id=space.project_id,
        kind=Operation.Kind.REEMBED,
        payload=wanted,
        request_id=logs.request_id.get(),
        woken_at=now,
        created_at=now,
        updated_at=now,
    )
    wake.after_commit(wake.RUN_OPERATION, space.tenant_id, operation.id)
    return operation.id


def fill_unheard(project_id: UUID) -> None:
    """Let a worker embed messages that came in without their vectors, if any did.

    Call inside the project's scope.
    """
    heard = MessageVector.objects.filter(message_id=OuterRef("id"))
    said = Message.objects.filter(project_id=project_id, content__isnull=False)
    active = EmbeddingSpace.objects.filter(state=EmbeddingSpace.State.ACTIVE).first()
    if active is not None and said.filter(~Exists(heard)).exists():
        start_filling(active)


ACTIVE_SPACE = """
SELECT id FROM memories_embeddingspace
WHERE tenant_id = %s AND project_id = %s AND state = 'active'
"""


def fill_if_missed(active: Iterable[UUID], written: Set[UUID]) -> None:
    """Vectors that were made before reads moved to another space are made up for.

    ``active`` is by ``ACTIVE_SPACE``, asked behind the inserts: they wait for a switch
    that is being made.
    """
    for space_id in set(active) - written:
        start_filling(EmbeddingSpace.objects.get(id=space_id))


def touch_project(project_id: UUID) -> None:
    """Tell every process that how this project is set up has changed.

    The instant is a new one, whatever the clock says: setups are kept by it.
    """
    project = Project.objects.select_for_update().get(id=project_id)
    project.updated_at = clock.after(project.updated_at)
    project.save(update_fields=["updated_at"])
