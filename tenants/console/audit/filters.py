"""Which entries of the audit are asked for; an address with a filter can be shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone

from tenants import selectors
from tenants.models import ApiKey, AuditEntry, Operator, Project

PLATFORM = "platform"
"""What the audit calls an actor who is no operator and no key."""

EXAMPLES = {
    "actor": "e-mail, key, platform",
    "action": "member.invite",
    "object": "a kind or an id",
}


class AuditForm(forms.Form):
    """All of it is optional; what cannot be read filters nothing and says so."""

    actor = forms.CharField(label="Who", required=False, max_length=254)
    action = forms.CharField(label="Action", required=False, max_length=64)
    object = forms.CharField(label="Object", required=False, max_length=256)
    project = forms.ChoiceField(label="Project", required=False)
    first = forms.DateField(
        label="From",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    last = forms.DateField(
        label="To",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, projects: Sequence[Project], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "all"), *((str(p.id), p.name) for p in projects)]
        self.fields["project"] = forms.ChoiceField(
            label="Project", required=False, choices=choices
        )
        self.fields["action"].widget.attrs["list"] = "actions"
        for name, example in EXAMPLES.items():
            self.fields[name].widget.attrs["placeholder"] = example


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Blank and None do not filter. ``action`` and ``object`` match from their start;
    ``last`` is the last day that is in.
    """

    actor: str = ""
    action: str = ""
    object: str = ""
    project_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(cls, form: AuditForm) -> AuditFilter:
        """What a form says; its days are those of the active time zone."""
        form.is_valid()
        said = form.cleaned_data
        last = said.get("last")
        project = said.get("project")
        return cls(
            actor=said.get("actor", "").strip(),
            action=said.get("action", "").strip(),
            object=said.get("object", "").strip(),
            project_id=UUID(project) if project else None,
            since=_midnight(said.get("first")),
            until=_midnight(last + timedelta(days=1) if last else None),
        )

    def entries(self) -> QuerySet[AuditEntry]:
        """Newest first. Call inside the tenant's scope."""
        found = selectors.list_audit()
        if self.actor:
            found = found.filter(_by(self.actor))
        if self.action:
            found = found.filter(action__startswith=self.action)
        if self.object:
            is_it = Q(object_type__startswith=self.object) | Q(
                object_id__startswith=self.object
            )
            found = found.filter(is_it)
        if self.project_id:
            found = found.filter(project_id=self.project_id)
        if self.since:
            found = found.filter(at__gte=self.since)
        if self.until:
            found = found.filter(at__lt=self.until)
        return found


def _by(words: str) -> Q:
    """An operator's e-mail, or a key's prefix or name, or some of it."""
    if words.lower() == PLATFORM:
        return Q(actor_kind=AuditEntry.ActorKind.SYSTEM)
    operators = Operator.objects.filter(email__icontains=words)
    keys = ApiKey.objects.filter(Q(prefix__startswith=words) | Q(name__icontains=words))
    return Q(actor_id__in=operators.values("id")) | Q(actor_id__in=keys.values("id"))


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else timezone.make_aware(datetime.combine(day, time.min))
