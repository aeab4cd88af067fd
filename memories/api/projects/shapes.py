"""What the wire shows of organizations, projects and members (contract §4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from memories.api.projects.own_settings import own_settings_json
from memories.api.projects.standing import Standing, wire_role
from memories.models.settings import (
    DEFAULT_CATEGORIES,
    ClientSettings,
    ProjectSettings,
)
from memories.types import JsonDict
from tenants.models import Invitation, Membership, Project, Tenant

ALWAYS_SHOWN = frozenset({"project_id"})


def project_json(
    project: Project,
    members: Iterable[Membership],
    standing: Standing,
    shown: frozenset[str] | None = None,
) -> JsonDict:
    """A project with its settings; ``shown`` trims it to some keys and its id."""
    own, client = (
        ProjectSettings.of(project.settings),
        ClientSettings.of(project.settings),
    )
    body: JsonDict = {
        "project_id": str(project.id),
        "org_id": str(project.tenant_id),
        "name": project.name,
        "description": project.description,
        "timezone": project.timezone,
        "languages": list(project.languages),
        "custom_instructions": own.instructions or None,
        "agent_custom_instructions": own.agent_instructions or None,
        "custom_categories": _categories(own, client),
        "multilingual": client.multilingual,
        "decay": client.decay,
        "memory_depth": client.memory_depth or None,
        "usecase": client.usecase or None,
        "inclusion_prompt": own.includes or None,
        "exclusion_prompt": own.excludes or None,
        "enable_graph": own.with_graph,
        "version": client.version or None,
        "review_instructions": own.review_instructions,
        "review_untrusted": list(own.review_untrusted),
        "review_below_confidence": own.review_below_confidence,
        **own_settings_json(own),
        "is_default": project.is_default,
        "expiration_date": None,
        "active_prompt_profile": None,
        "members": [member_json(member) for member in members],
        "user_role": wire_role(standing.role),
        "created_at": project.created_at.isoformat(),
        "updated_at": project.updated_at.isoformat(),
    }
    if shown is None:
        return body
    return {key: body[key] for key in body if key in shown | ALWAYS_SHOWN}


def member_json(member: Membership) -> JsonDict:
    email = member.operator.email
    return {
        "user_id": str(member.operator_id),
        "username": email,
        "email": email,
        "role": wire_role(member.role),
    }


def organization_json(
    tenant: Tenant,
    members: Iterable[Membership],
    invitations: Iterable[Invitation],
    standing: Standing,
) -> JsonDict:
    return {
        "org_id": str(tenant.id),
        "name": tenant.name,
        "members": [member_json(member) for member in members],
        "invitations": [_invitation_json(invitation) for invitation in invitations],
        "is_default": True,
        "is_owner": wire_role(standing.role) == "OWNER",
        "user_role": wire_role(standing.role),
        "created_at": tenant.created_at.isoformat(),
    }


def admitted_json(email: str, token: str | None) -> JsonDict:
    """The invitation's token stands in this answer and is nowhere kept."""
    if token is None:
        return {"message": f"{email} is a member now."}
    return {"message": f"{email} is invited.", "invitation": token}


def _invitation_json(invitation: Invitation) -> JsonDict:
    return {
        "email": invitation.email,
        "role": wire_role(invitation.role),
        "project_id": invitation.project_id and str(invitation.project_id),
        "expires_at": invitation.expires_at.isoformat(),
    }


def _categories(own: ProjectSettings, client: ClientSettings) -> list[Any] | None:
    """The list as it was given; null while the default catalogue applies."""
    if client.custom_categories:
        return client.custom_categories
    if own.categories == DEFAULT_CATEGORIES:
        return None
    return [{name: about} for name, about in own.categories.items()]
