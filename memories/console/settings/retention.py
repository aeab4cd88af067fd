"""What retention would take, with the project's days or with others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpResponse

from memories.selectors.retention import Policy, preview
from memories.services.configuration import RANGES
from tenants.console.rendering import show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Project, Role

LISTED = 50
LABELS: Mapping[Policy, str] = {
    Policy.MESSAGES: "Messages",
    Policy.MODEL_TEXTS: "Model texts",
    Policy.SEARCHES: "Searches",
    Policy.UNUSED: "Unused memories",
    Policy.EDGES: "Edges of the graph that are over",
}


class DaysForm(forms.Form):
    """Days of each policy; an empty field is the project's own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for policy, label in LABELS.items():
            low, high = RANGES[policy]
            self.fields[policy.value] = forms.IntegerField(
                label=f"{label} (days)",
                required=False,
                min_value=int(low),
                max_value=int(high),
            )

    def days(self) -> dict[str, int]:
        return {n: days for n, days in self.cleaned_data.items() if days is not None}


@project_page(read=Role.VIEWER)
def retention(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """Nothing is changed here; the query string may try other days."""
    form = DaysForm(request.GET)
    is_valid = form.is_valid()
    with visit.scope():
        stored = Project.objects.get(id=visit.project_id).settings
        days = form.days() if is_valid else {}
        found = preview(stored, days, most=LISTED)
    context = {
        "form": form,
        "previews": [(LABELS[one.policy], one) for one in found],
        "is_tried": bool(days),
    }
    status = 200 if is_valid else 422
    return show(request, visit, "memories/retention.html", context, status=status)
