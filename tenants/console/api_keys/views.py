"""The API keys of a project: who may ask, for what, how fast, until when.

A key's text is in the answer to the POST that makes it, and nowhere else: no redirect,
no session, no message holds it (docs/adr/0460).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from memplatform.lib.errors import InvalidRequest, NotFound
from tenants import limits, selectors, services
from tenants.console.addresses import base_url
from tenants.console.api_keys.calls import first_call
from tenants.console.api_keys.forms import KeyLimitsForm, NewKeyForm, last_day_of
from tenants.console.paging import page_of
from tenants.console.problems import add_problems
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import ApiKey, Role, Tenant
from tenants.services import IssuedKey


@project_page(read=Role.ADMIN)
def api_keys(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """Every key the project ever had, newest first."""
    with visit.scope():
        page = page_of(selectors.list_api_keys(visit.project_id), request.GET)
        usual_rate = _usual_rate(visit)
    context = {"page": page, "usual_rate": usual_rate}
    return show(request, visit, "tenants/api_keys.html", context)


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def new_api_key(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    form = NewKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return _show_once(request, visit, _issue(visit, form))
        except InvalidRequest as error:
            add_problems(form, error)
    status = 422 if request.method == "POST" else 200
    return show(
        request, visit, "tenants/new_api_key.html", {"form": form}, status=status
    )


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def api_key(request: ConsoleRequest, visit: Visit, key_id: UUID) -> HttpResponse:
    """One key; its rate and its last day may change."""
    with visit.scope():
        key = _key(visit, key_id)
        usual_rate = _usual_rate(visit)
    form = KeyLimitsForm(
        request.POST if request.method == "POST" else None, initial=_limits_of(key)
    )
    if request.method == "POST" and form.is_valid():
        try:
            _change(visit, key_id, form)
        except InvalidRequest as error:
            add_problems(form, error)
        else:
            return done(request, _list_url(visit), f"{key.name} was changed.")
    context = {"key": key, "form": form, "usual_rate": usual_rate}
    return show(
        request,
        visit,
        "tenants/api_key.html",
        context,
        status=422 if form.is_bound else 200,
    )


@project_page(read=Role.ADMIN, write=Role.ADMIN)
@require_POST
def revoke_api_key(request: ConsoleRequest, visit: Visit, key_id: UUID) -> HttpResponse:
    with visit.scope():
        key = _key(visit, key_id)
        services.revoke_api_key(key, actor=visit.actor)
    message = f"{key.name} was revoked: whoever uses it is refused from now on."
    return done(request, _list_url(visit), message)


@sensitive_variables("issued")
def _issue(visit: Visit, form: NewKeyForm) -> IssuedKey:
    chosen = form.cleaned_data
    with visit.scope():
        return services.issue_api_key(
            selectors.get_project(visit.project_id),
            visit.operator,
            name=chosen["name"],
            access=ApiKey.Access(chosen["access"]),
            only_user_id=chosen["only_user_id"] or None,
            only_agent_id=chosen["only_agent_id"] or None,
            expires_at=form.expires_at,
            requests_per_minute=chosen["requests_per_minute"],
            key_id=chosen["key_id"],
            actor=visit.actor,
        )


@sensitive_variables("issued", "context")
def _show_once(
    request: ConsoleRequest, visit: Visit, issued: IssuedKey
) -> HttpResponse:
    context = {
        "key": issued.key,
        "text": issued.text,
        "call": first_call(issued, base_url(request)),
    }
    response = show(request, visit, "tenants/api_key_made.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _change(visit: Visit, key_id: UUID, form: KeyLimitsForm) -> None:
    """Only what differs, so that the audit tells only that."""
    rate = form.cleaned_data["requests_per_minute"]
    with visit.scope():
        key = _key(visit, key_id)
        if form.cleaned_data["last_day"] != last_day_of(key):
            services.set_key_expiry(key, form.expires_at, actor=visit.actor)
        if rate != key.requests_per_minute:
            services.set_key_rate(key, rate, actor=visit.actor)


def _key(visit: Visit, key_id: UUID) -> ApiKey:
    """A key of this project; raises NotFound."""
    key = selectors.list_api_keys(visit.project_id).filter(id=key_id).first()
    if key is None:
        raise NotFound("There is no such API key.")
    return key


def _limits_of(key: ApiKey) -> dict[str, Any]:
    return {
        "last_day": last_day_of(key),
        "requests_per_minute": key.requests_per_minute,
    }


def _usual_rate(visit: Visit) -> int:
    """Requests a minute of a key without a rate of its own; 0 is any number."""
    tenant = Tenant.objects.get(id=visit.tenant_id)
    ours = settings.RATE_LIMIT_PER_MINUTE
    return int(tenant.limits.get(limits.PER_MINUTE, ours))


def _list_url(visit: Visit) -> str:
    return reverse("tenants:api-keys", args=[visit.tenant_slug, visit.project_id])
