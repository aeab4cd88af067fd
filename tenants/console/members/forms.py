"""Whom to invite, and which role to give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms

from tenants import checks
from tenants.models import Project, Role

MEANINGS = {
    Role.VIEWER: "viewer: reads everything that is remembered",
    Role.SUPPORT: "support: also edits, deletes, restores and erases",
    Role.ADMIN: "admin: also prompts, settings, providers, keys, webhooks, members",
    Role.OWNER: "owner: also roles, and the tenant itself",
}
WHOLE_TENANT = "every project"


class InviteForm(forms.Form):
    email = forms.EmailField(label="E-mail", max_length=checks.MAX_EMAIL_CHARS)
    role = forms.ChoiceField(label="Role")
    project = forms.ChoiceField(label="For", required=False)

    def __init__(
        self,
        *args: Any,
        roles: Sequence[Role],
        projects: Sequence[Project],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        choices = [(role.value, MEANINGS[role]) for role in roles]
        self.fields["role"] = forms.ChoiceField(label="Role", choices=choices)
        places = [
            ("", WHOLE_TENANT),
            *((str(p.id), f"only {p.name}") for p in projects),
        ]
        self.fields["project"] = forms.ChoiceField(
            label="For", choices=places, required=False
        )

    @property
    def project_id(self) -> UUID | None:
        """None is the whole tenant."""
        chosen = self.cleaned_data["project"]
        return UUID(chosen) if chosen else None


class RoleForm(forms.Form):
    role = forms.ChoiceField(
        label="Role", choices=[(role.value, MEANINGS[role]) for role in MEANINGS]
    )
