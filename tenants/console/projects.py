"""Make a project; what is in one is the business of its own pages."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse

from memplatform.lib.errors import InvalidRequest
from tenants import checks, services
from tenants.console.problems import add_problems
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, tenant_page
from tenants.models import Project, Role


class ProjectForm(forms.Form):
    name = forms.CharField(label="Name", max_length=checks.MAX_NAME_CHARS)
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=checks.MAX_TEXT_CHARS,
        help_text="What is remembered here, and for whom.",
    )
    timezone = forms.ChoiceField(
        label="Time zone",
        help_text='What "today" and "last week" mean in its conversations.',
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = sorted(zoneinfo.available_timezones())
        self.fields["timezone"] = forms.ChoiceField(
            label=self.fields["timezone"].label,
            help_text=self.fields["timezone"].help_text,
            choices=[(name, name) for name in names],
        )


@tenant_page(read=Role.ADMIN, write=Role.ADMIN)
def new_project(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """A new, empty project of the tenant; its overview says what to do next."""
    form = ProjectForm(
        request.POST or None, initial={"timezone": visit.operator.timezone}
    )
    if request.method == "POST" and form.is_valid():
        try:
            project = _create(visit, form.cleaned_data)
        except InvalidRequest as error:
            add_problems(form, error)
        else:
            place = [visit.tenant_slug, project.id]
            url = reverse("memories:overview", args=place)
            return done(request, url, f"{project.name} is made. It needs an API key.")
    status = 422 if request.method == "POST" else 200
    context = {"form": form}
    return show(request, visit, "tenants/new_project.html", context, status=status)


def _create(visit: Visit, chosen: dict[str, str]) -> Project:
    with visit.scope():
        return services.create_project(
            chosen["name"],
            description=chosen["description"],
            timezone=chosen["timezone"],
            actor=visit.actor,
        )
