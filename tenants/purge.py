"""Who must forget when a project or a tenant goes: a registry others fill.

``tenants`` does not know that memories exist; an application registers what deletes
its own rows in its ``AppConfig.ready``.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

Purge = Callable[[UUID, UUID | None], None]
"""(tenant_id, project_id; None means the whole tenant). Runs inside the open scope."""

_purges: dict[str, Purge] = {}


def register_purge(name: str, purge: Purge) -> None:
    """Add an application's purge; registering a name again replaces it."""
    _purges[name] = purge


def run_purges(tenant_id: UUID, project_id: UUID | None) -> None:
    """Let every application delete its rows, in the order they registered."""
    for purge in _purges.values():
        purge(tenant_id, project_id)
