"""Which usage an operator asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django import forms

from memplatform.lib import clock
from tenants.models import Project
from tenants.reports import (
    DAY,
    KEY,
    MAX_DAYS,
    OPERATION,
    PROJECT,
    SUBJECT,
    UsageQuestion,
)

BY = {
    DAY: ("By day", (DAY,)),
    f"{DAY}-{OPERATION}": ("By day and operation", (DAY, OPERATION)),
    PROJECT: ("By project", (PROJECT,)),
    KEY: ("By API key", (KEY,)),
    OPERATION: ("By operation", (OPERATION,)),
    SUBJECT: ("By subject", (SUBJECT,)),
}
"""Ways to group: what they are called, and by what."""


_TITLES = {
    DAY: "Day",
    PROJECT: "Project",
    KEY: "API key",
    OPERATION: "Operation",
    SUBJECT: "Subject",
}


class UsageForm(forms.Form):
    """All of it optional; a form that is wrong asks for this month by day."""

    by = forms.ChoiceField(
        label="Show",
        required=False,
        choices=[(name, label) for name, (label, _) in BY.items()],
    )
    first = forms.DateField(
        label="From", required=False, widget=forms.DateInput({"type": "date"})
    )
    last = forms.DateField(
        label="To", required=False, widget=forms.DateInput({"type": "date"})
    )
    project = forms.ChoiceField(label="Project", required=False)
    operation = forms.CharField(label="Operation", required=False, max_length=32)

    def __init__(self, data: Any, projects: Sequence[Project]) -> None:
        super().__init__(data)
        choices = [("", "All projects"), *((str(p.id), p.name) for p in projects)]
        self.fields["project"] = forms.ChoiceField(
            label="Project", required=False, choices=choices
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = _days(cleaned)
        if last < first:
            self.add_error("first", "Must not be later than the last day.")
        elif (last - first).days >= MAX_DAYS:
            self.add_error("first", f"At most {MAX_DAYS} days before the last one.")
        return cleaned

    @property
    def titles(self) -> list[str]:
        """What the first columns are called."""
        return [_TITLES[group] for group in BY[self.by_name][1]]

    @property
    def by_name(self) -> str:
        return (self.is_valid() and self.cleaned_data["by"]) or DAY

    def question(self) -> UsageQuestion:
        asked = self.cleaned_data if self.is_valid() else {}
        first, last = _days(asked)
        project = asked.get("project")
        return UsageQuestion(
            first=first,
            last=last,
            groups=BY[self.by_name][1],
            operation=asked.get("operation", "").strip().lower() or None,
            project_id=UUID(project) if project else None,
        )


def _days(asked: dict[str, Any]) -> tuple[date, date]:
    """This month so far, where nothing else is asked for."""
    last = asked.get("last") or clock.now().date()
    return asked.get("first") or last.replace(day=1), last
