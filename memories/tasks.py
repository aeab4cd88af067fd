"""Celery entry points: ids in, one call. The work is in services."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from memories import wake
from memories.evaluation.golden import running as golden
from memories.services import (
    background,
    categories,
    deliveries,
    huge_scopes,
    patterns,
    projects,
    suspects,
)
from memories.services.run import run_operation


@shared_task(name=wake.RUN_OPERATION)
def run(tenant_id: str, operation_id: str) -> None:
    """Run one accepted operation, if it is its turn."""
    run_operation(UUID(tenant_id), UUID(operation_id))


@shared_task(name="operations.sweep")
def sweep() -> None:
    """Wake what lost its message or its worker."""
    background.wake_due_operations()


@shared_task(name=wake.REFRESH_SUMMARY)
def refresh_summary(tenant_id: str, anchor_id: str) -> None:
    """Bring the rolling summary of a conversation up to date."""
    background.refresh_anchor_summary(UUID(tenant_id), UUID(anchor_id))


@shared_task(name="categories.sweep")
def sweep_categories() -> None:
    """Wake what finds categories for memories that wait for them."""
    categories.wake_due_projects()


@shared_task(name=wake.ASSIGN_CATEGORIES)
def assign_categories(tenant_id: str, project_id: str) -> None:
    """Find categories for the memories of a project that wait for them."""
    categories.assign_categories(UUID(tenant_id), UUID(project_id))


@shared_task(name="operations.refresh_profiles")
def refresh_profiles() -> None:
    """Ask for profiles of users whose memories have changed."""
    background.refresh_due_profiles()


@shared_task(name="operations.look_for_patterns")
def look_for_patterns() -> None:
    """Doubt patterns whose sources are gone; ask for new ones where enough is new."""
    patterns.doubt_patterns()
    patterns.look_for_patterns()


@shared_task(name="maintenance.retention")
def retention() -> None:
    """Empty texts that were kept for long enough, archive what nobody uses."""
    background.empty_what_is_over()
    background.archive_what_is_unused()
    deliveries.forget_deliveries()


@shared_task(name="operations.redecide")
def redecide() -> None:
    """Ask about memories that may be stale."""
    suspects.redecide_due()


@shared_task(name="maintenance.housekeeping")
def housekeeping() -> None:
    """Note expiries, flush key usage, forget old idempotency records."""
    background.keep_house()


@shared_task(name="maintenance.index_scopes")
def index_scopes() -> None:
    """Build the indexes of huge scopes, and drop those of scopes that are no more."""
    huge_scopes.index_huge_scopes()


@shared_task(name=wake.PURGE_PROJECT)
def purge_project(tenant_id: str, project_id: str) -> None:
    """Purge the data of a project that was deleted."""
    projects.purge_deleted_project(UUID(tenant_id), UUID(project_id))


@shared_task(name=wake.PURGE_TENANT)
def purge_tenant(tenant_id: str, _: str) -> None:
    """Purge the data of a tenant that was closed."""
    projects.purge_closed_tenant(UUID(tenant_id))


@shared_task(name=wake.FAN_OUT)
def fan_out(tenant_id: str, project_id: str) -> None:
    """Make deliveries of what a project's outbox tells."""
    deliveries.fan_out(UUID(tenant_id), UUID(project_id))


@shared_task(name=wake.DELIVER)
def deliver(tenant_id: str, webhook_id: str) -> None:
    """Send what is due to a webhook."""
    deliveries.deliver(UUID(tenant_id), UUID(webhook_id))


@shared_task(name="webhooks.sweep")
def sweep_webhooks() -> None:
    """Wake what is due to be told or sent."""
    deliveries.wake_due()


@shared_task(name=wake.RUN_GOLDEN_SET)
def run_golden_set(tenant_id: str, set_id: str) -> None:
    """Ask a project's own questions, if it is time."""
    golden.run_golden_set(UUID(tenant_id), UUID(set_id))


@shared_task(name="golden_sets.sweep")
def sweep_golden_sets() -> None:
    """Wake what asks golden sets whose time has come."""
    golden.wake_due_golden_sets()
