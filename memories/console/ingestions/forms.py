"""Which ingestions to list; what makes no sense filters nothing."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django import forms
from django.utils import timezone

from memories.console.ingestions.problems import WHAT_TO_DO
from memories.models import Operation
from memories.models.subjects import SubjectKind
from memories.selectors.ingestions import IngestionFilter

STATUSES = {
    Operation.Status.PENDING: "Waiting",
    Operation.Status.RUNNING: "Running",
    Operation.Status.SUCCEEDED: "Succeeded",
    Operation.Status.FAILED: "Failed",
}
_AT_ONCE = {"data-submit": ""}


def _day(label: str) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date", **_AT_ONCE})
    return forms.DateField(label=label, required=False, widget=widget)


class FilterForm(forms.Form):
    """Filters in the query string; days are the operator's."""

    status = forms.ChoiceField(
        label="Status",
        required=False,
        choices=[("", "Any"), *STATUSES.items()],
        widget=forms.Select(attrs=_AT_ONCE),
    )
    error = forms.ChoiceField(
        label="Failed for",
        required=False,
        choices=[("", "Any reason"), *((code, code) for code in WHAT_TO_DO)],
        widget=forms.Select(attrs=_AT_ONCE),
    )
    kind = forms.ChoiceField(
        label="Kind of subject", required=False, choices=SubjectKind.choices
    )
    subject = forms.CharField(
        label="Subject",
        required=False,
        max_length=256,
        widget=forms.TextInput(attrs={"data-search": "", "placeholder": "its id"}),
    )
    since = _day("From")
    until = _day("To")

    def wanted(self) -> IngestionFilter:
        if not self.is_bound:
            return IngestionFilter()
        self.is_valid()
        given = self.cleaned_data
        return IngestionFilter(
            status=given.get("status", ""),
            error_code=given.get("error", ""),
            kind=given.get("kind") or "user",
            name=given.get("subject", "").strip(),
            since=_midnight(given.get("since")),
            until=_midnight(_day_after(given.get("until"))),
        )


def _day_after(day: date | None) -> date | None:
    """None after the calendar's last one: nothing is later."""
    return day + timedelta(days=1) if day and day < date.max else None


def _midnight(day: date | None) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(day, time(), timezone.get_current_timezone())
