"""Embedding spaces of a project: made at the first need, switched when complete."""

from __future__ import annotations

from uuid import UUID

from memories.models import EmbeddingSpace, ProviderConfig
from memories.types import SpaceKey
from memplatform.lib import clock
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


def touch_project(project_id: UUID) -> None:
    """Tell every process that how this project is set up has changed.

    The instant is a new one, whatever the clock says: setups are kept by it.
    """
    project = Project.objects.select_for_update().get(id=project_id)
    project.updated_at = clock.after(project.updated_at)
    project.save(update_fields=["updated_at"])
