"""Change and delete a project: what it is called, how it remembers, that it is gone.

Deleting is two steps: for everyone it is gone at once; a worker purges its data, which
takes minutes where there is much.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from memories import wake
from memories.services.configuration import change_locale, change_settings
from memplatform.lib import logs
from tenants import services
from tenants.audit import SYSTEM, Actor
from tenants.models import Project, Tenant
from tenants.scopes import tenant_scope

log = logs.get(__name__)


def change_project(
    project: Project,
    names: Mapping[str, str],
    settings: Mapping[str, Any],
    *,
    locale: Mapping[str, Any],
    actor: Actor = SYSTEM,
) -> None:
    """Change its name or description, where its users are, and some settings; inside
    the tenant's scope, which is left with all of it or nothing.

    Raises InvalidRequest.
    """
    if names:
        services.change_project(project, names, actor=actor)
    if locale:
        change_locale(project, locale, actor=actor)
    if settings:
        change_settings(project, settings, actor=actor)


def delete_project(project: Project, *, actor: Actor = SYSTEM) -> None:
    """Gone at once, with its keys; a worker purges it. Inside the tenant's scope."""
    services.delete_project(project, actor=actor)
    wake.after_commit(wake.PURGE_PROJECT, project.tenant_id, project.id)


def delete_tenant(tenant: Tenant, *, actor: Actor = SYSTEM) -> None:
    """Gone at once, with all its projects; a worker purges it. Inside its scope."""
    services.close_tenant(tenant, actor=actor)
    wake.after_commit(wake.PURGE_TENANT, tenant.id, tenant.id)


def purge_deleted_project(tenant_id: UUID, project_id: UUID) -> None:
    """Purge a project that was deleted; does nothing when there is none."""
    with tenant_scope(tenant_id):
        deleted = Project.objects.exclude(deleted_at=None).select_for_update()
        project = deleted.filter(id=project_id).first()
        if project is None:
            return
        services.purge_project(project)
    log.info("project purged", extra={"project": str(project_id)})


def purge_closed_tenant(tenant_id: UUID) -> None:
    """Purge a tenant that was closed; does nothing when it is not."""
    with tenant_scope(tenant_id):
        closing = Tenant.objects.filter(id=tenant_id, status=Tenant.Status.CLOSING)
        tenant = closing.select_for_update().first()
        if tenant is None:
            return
        services.purge_tenant(tenant)
    log.info("tenant purged", extra={"tenant": str(tenant_id)})


def purge_what_was_missed(tenant_id: UUID) -> None:
    """Purge what is deleted in a tenant and whose wake-up was lost."""
    purge_closed_tenant(tenant_id)
    with tenant_scope(tenant_id):
        deleted = Project.objects.exclude(deleted_at=None)
        missed = list(deleted.values_list("id", flat=True))
    for project_id in missed:
        purge_deleted_project(tenant_id, project_id)
