"""The audit: who did what to which object, written in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models

from memplatform.lib import logs
from tenants.models import AuditEntry, Operator, TenantModel
from tenants.scopes import require_tenant
from tenants.selectors import Access

Kind = AuditEntry.ActorKind


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from which network address; SYSTEM is the command line."""

    kind: Kind
    id: UUID | None = None
    address: str | None = None

    @classmethod
    def operator(cls, operator: Operator, address: str | None = None) -> Actor:
        return cls(Kind.OPERATOR, operator.id, address)

    @classmethod
    def of(cls, access: Access) -> Actor:
        """The operator or the key behind an access."""
        if access.is_operator:
            return cls(Kind.OPERATOR, access.operator_id, access.address)
        return cls(Kind.API_KEY, access.key_id, access.address)

    @classmethod
    def api_key(cls, access: Access, address: str | None = None) -> Actor:
        return cls(Kind.API_KEY, access.key_id, address)


SYSTEM = Actor(Kind.SYSTEM)


def record_audit(
    action: str,
    target: models.Model,
    *,
    actor: Actor = SYSTEM,
    changes: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write who did ``action`` to ``target``; call inside the scope that did it.

    ``changes`` maps a field to ``[old, new]``; never put a secret or memory text in it.
    """
    require_tenant()
    return AuditEntry.objects.create(
        actor_kind=actor.kind,
        actor_id=actor.id,
        address=actor.address,
        action=action,
        object_type=target._meta.model_name or "",
        object_id=str(target.pk),
        project_id=_project_of(target),
        changes=dict(changes or {}),
        request_id=logs.request_id.get(),
    )


def _project_of(target: models.Model) -> UUID | None:
    if target._meta.label == "tenants.Project":
        return UUID(str(target.pk))
    if isinstance(target, TenantModel):
        return getattr(target, "project_id", None)
    return None
