"""A project ready to work: its first embedding space and its prompts exist."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from memories.models import PromptTemplate, PromptVersion
from memories.prompts import content_hash, shipped_prompts
from memories.selectors.projects import ProjectSetup, get_setup, known_setup
from memories.store.spaces import ensure_active_space, touch_project
from memories.types import PromptText
from memplatform.lib import clock
from tenants.models import Project
from tenants.scopes import tenant_scope


def ready_setup(
    tenant_id: UUID, project_id: UUID, *, changed_at: datetime | None = None
) -> ProjectSetup:
    """The project's setup, completed on its first use. Opens its own scopes.

    Costs no query when ``changed_at`` is the state of it that is cached (known_setup).
    Raises NotFound.
    """
    setup = known_setup(project_id, changed_at)
    if setup is None:
        with tenant_scope(tenant_id):
            setup = get_setup(project_id)
    has_prompts = shipped_prompts().keys() <= setup.prompts.keys()
    if setup.active_space is not None and has_prompts:
        return setup
    with tenant_scope(tenant_id):
        ensure_active_space(project_id, setup.configured_space, setup.embedding_config)
        ensure_shipped_prompts(project_id)
    with tenant_scope(tenant_id):
        return get_setup(project_id)


def ensure_shipped_prompts(project_id: UUID) -> None:
    """Publish version 1 of every shipped prompt that the project has no template of."""
    Project.objects.select_for_update().get(id=project_id)
    present = set(
        PromptTemplate.objects.filter(project_id=project_id).values_list(
            "purpose", flat=True
        )
    )
    missing = {
        name: prompt
        for name, prompt in shipped_prompts().items()
        if name not in present
    }
    if missing:
        _publish_shipped(project_id, missing)
        touch_project(project_id)


def _publish_shipped(project_id: UUID, prompts: Mapping[str, PromptText]) -> None:
    now = clock.now()
    templates = PromptTemplate.objects.bulk_create(
        PromptTemplate(project_id=project_id, purpose=name, name=name, created_at=now)
        for name in prompts
    )
    PromptVersion.objects.bulk_create(
        PromptVersion(
            project_id=project_id,
            template=template,
            number=1,
            text=prompt.text,
            text_hash=content_hash(prompt.text),
            is_shipped=True,
            is_published=True,
            published_at=now,
            created_at=now,
        )
        for template, prompt in zip(templates, prompts.values(), strict=True)
    )
