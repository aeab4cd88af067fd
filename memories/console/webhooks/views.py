"""The webhooks of a project, and what each was sent.

A secret is in the answer to the POST that makes it, and nowhere else (docs/adr/0460).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from memories.console.webhooks.forms import (
    ChangeWebhookForm,
    NewWebhookForm,
    RotateForm,
    SampleForm,
)
from memories.models import Delivery, Webhook
from memories.selectors import webhooks as selectors
from memories.services import webhooks as services
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.console.live import STOP_ASKING, etag_of, show_live, unchanged
from tenants.console.paging import PAGE_SIZE, page_number
from tenants.console.problems import add_problems
from tenants.console.rendering import done, show
from tenants.console.visits import ConsoleRequest, Visit, project_page
from tenants.models import Role
from tenants.selectors import get_project


@project_page(read=Role.ADMIN)
def webhooks(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    """Oldest first; there are at most a hundred."""
    with visit.scope():
        found = selectors.list_webhooks(visit.project_id)
    return show(request, visit, "memories/webhooks.html", {"webhooks": found})


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def new_webhook(request: ConsoleRequest, visit: Visit) -> HttpResponse:
    form = NewWebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            webhook, secret = _create(visit, form)
        except InvalidRequest as error:
            add_problems(form, error)
        else:
            return _show_secret(request, visit, webhook, secret)
    status = 422 if request.method == "POST" else 200
    context = {"form": form}
    return show(request, visit, "memories/new_webhook.html", context, status=status)


@project_page(read=Role.ADMIN)
def webhook(request: ConsoleRequest, visit: Visit, webhook_id: UUID) -> HttpResponse:
    """One webhook and its deliveries, newest first."""
    status = request.GET.get("status", "")
    status = status if status in Delivery.Status.values else ""
    with visit.scope():
        found = _webhook(visit, webhook_id)
        page = selectors.list_deliveries(
            found.id,
            page=page_number(request.GET),
            page_size=PAGE_SIZE,
            status=status or None,
        )
    context = {
        "webhook": found,
        "page": page,
        "status": status,
        "statuses": Delivery.Status.values,
        "sample": SampleForm(topics=found.event_types),
    }
    return show(request, visit, "memories/webhook.html", context, fragment="deliveries")


@project_page(read=Role.ADMIN, write=Role.ADMIN)
def edit_webhook(
    request: ConsoleRequest, visit: Visit, webhook_id: UUID
) -> HttpResponse:
    with visit.scope():
        found = _webhook(visit, webhook_id)
    form = ChangeWebhookForm(
        request.POST if request.method == "POST" else None, initial=_initial(found)
    )
    if request.method == "POST" and form.is_valid():
        _change(visit, webhook_id, form)
        return done(request, _url(visit, webhook_id), "The webhook was changed.")
    context = {
        "form": form,
        "webhook": found,
        "rotation": RotateForm(initial={"seen_at": found.updated_at.isoformat()}),
    }
    return show(
        request,
        visit,
        "memories/edit_webhook.html",
        context,
        status=422 if form.is_bound else 200,
    )


@project_page(read=Role.ADMIN, write=Role.ADMIN)
@require_POST
@sensitive_variables("secret")
def rotate_webhook_secret(
    request: ConsoleRequest, visit: Visit, webhook_id: UUID
) -> HttpResponse:
    form = RotateForm(request.POST)
    if not form.is_valid():
        raise InvalidRequest("Open the webhook again, and rotate from there.")
    with visit.scope():
        rotated, secret = services.rotate_secret(
            _webhook(visit, webhook_id),
            seen_at=form.cleaned_data["seen_at"],
            actor=visit.actor,
        )
    return _show_secret(request, visit, rotated, secret)


@project_page(read=Role.ADMIN, write=Role.ADMIN)
@require_POST
def test_webhook(
    request: ConsoleRequest, visit: Visit, webhook_id: UUID
) -> HttpResponse:
    with visit.scope():
        found = _webhook(visit, webhook_id)
        form = SampleForm(request.POST, topics=found.event_types)
        if not form.is_valid():
            raise InvalidRequest("It is not told of that.")
        topic = form.cleaned_data["topic"]
        delivery = services.send_test(found, topic, actor=visit.actor)
    url = _url(visit, webhook_id, delivery.id)
    return done(request, url, "A made-up event is on its way.")


@project_page(read=Role.ADMIN, write=Role.ADMIN)
@require_POST
def delete_webhook(
    request: ConsoleRequest, visit: Visit, webhook_id: UUID
) -> HttpResponse:
    with visit.scope():
        found = _webhook(visit, webhook_id)
        services.delete_webhook(found, actor=visit.actor)
    url = reverse("memories:webhooks", args=[visit.tenant_slug, visit.project_id])
    return done(request, url, f"{found.name} was deleted.")


@project_page(read=Role.ADMIN)
def delivery(
    request: ConsoleRequest, visit: Visit, webhook_id: UUID, delivery_id: UUID
) -> HttpResponse:
    """What was sent and what came back, at the last attempt.

    It asks for itself until its fate is known: 304 while nothing changed, and 286,
    which ends the asking, when there is nothing more to come.
    """
    with visit.scope():
        found = _webhook(visit, webhook_id)
        sent = selectors.get_delivery(found.id, delivery_id)
    etag = etag_of(visit, sent.id, sent.status, sent.attempts, sent.next_attempt_at)
    if same := unchanged(request, etag):
        return same
    context = {
        "webhook": found,
        "delivery": sent,
        "body": json.dumps(sent.body, indent=2, ensure_ascii=False)
        if sent.body
        else "",
        "attempts": _attempts(sent),
    }
    is_over = bool(request.htmx) and sent.status != Delivery.Status.PENDING
    return show_live(
        request,
        visit,
        "memories/delivery.html",
        context,
        fragment="state",
        etag=etag,
        status=STOP_ASKING if is_over else 200,
    )


@project_page(read=Role.ADMIN, write=Role.ADMIN)
@require_POST
def redeliver(
    request: ConsoleRequest, visit: Visit, webhook_id: UUID, delivery_id: UUID
) -> HttpResponse:
    with visit.scope():
        found = _webhook(visit, webhook_id)
        sent = selectors.get_delivery(found.id, delivery_id)
        services.redeliver(found, sent, actor=visit.actor)
    return done(request, _url(visit, webhook_id, delivery_id), "It is sent again.")


@sensitive_variables("secret")
def _create(visit: Visit, form: NewWebhookForm) -> tuple[Webhook, str]:
    with visit.scope():
        return services.create_webhook(
            get_project(visit.project_id),
            form.webhook(),
            owner_id=visit.operator.id,
            webhook_id=form.cleaned_data["webhook_id"],
            actor=visit.actor,
        )


@sensitive_variables("secret", "context")
def _show_secret(
    request: ConsoleRequest, visit: Visit, webhook: Webhook, secret: str
) -> HttpResponse:
    context = {"webhook": webhook, "secret": secret}
    response = show(request, visit, "memories/webhook_secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _change(visit: Visit, webhook_id: UUID, form: ChangeWebhookForm) -> None:
    with visit.scope():
        found = _webhook(visit, webhook_id)
        changes = form.changes_of(found)
        if changes.given():
            services.change_webhook(found, changes, actor=visit.actor)


def _webhook(visit: Visit, webhook_id: UUID) -> Webhook:
    """A webhook of this project; raises NotFound."""
    found = selectors.get_webhook(webhook_id)
    if found.project_id != visit.project_id:
        raise NotFound(selectors.MISSING)
    return found


def _initial(webhook: Webhook) -> dict[str, object]:
    names = ("name", "url", "event_types", "is_active")
    return {name: getattr(webhook, name) for name in names}


def _attempts(delivery: Delivery) -> Sequence[dict[str, object]]:
    """Newest first, their instants read."""
    return [
        {**attempt, "at": datetime.fromisoformat(attempt["at"])}
        for attempt in reversed(delivery.attempt_log)
    ]


def _url(visit: Visit, webhook_id: UUID, delivery_id: UUID | None = None) -> str:
    place: list[object] = [visit.tenant_slug, visit.project_id, webhook_id]
    if delivery_id is None:
        return reverse("memories:webhook", args=place)
    return reverse("memories:delivery", args=[*place, delivery_id])
