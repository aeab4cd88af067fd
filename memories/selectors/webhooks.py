"""Reads of webhooks and of what they were sent. Call inside the tenant's scope."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from memories.models import Delivery, Webhook
from memories.types import Page
from memplatform.lib.errors import NotFound
from tenants.models import Operator

MISSING = "Webhook not found."
NO_DELIVERY = "Delivery not found."


def get_webhook(webhook_id: UUID) -> Webhook:
    """A webhook of the open scope, with its project; raises NotFound."""
    webhook = _there().filter(id=webhook_id).first()
    if webhook is None:
        raise NotFound(MISSING)
    return webhook


def list_webhooks(project_id: UUID) -> list[Webhook]:
    """Those of one project, oldest first."""
    return list(_there().filter(project_id=project_id).order_by("created_at", "id"))


def emails_of(webhooks: list[Webhook]) -> dict[UUID, str]:
    """The e-mail of whoever made each, by id of the operator."""
    ids = {webhook.owner_id for webhook in webhooks if webhook.owner_id}
    return dict(Operator.objects.filter(id__in=ids).values_list("id", "email"))


def list_deliveries(
    webhook_id: UUID, *, page: int, page_size: int, status: str | None = None
) -> Page[Delivery]:
    """Newest first, without the texts of requests and responses."""
    rows = Delivery.objects.filter(webhook_id=webhook_id)
    if status:
        rows = rows.filter(status=status)
    start = (page - 1) * page_size
    newest = rows.defer("body", "response_body", "request_headers")
    items = newest.order_by("-created_at", "-id")[start : start + page_size]
    return Page(tuple(items), rows.count(), page, page_size)


def get_delivery(webhook_id: UUID, delivery_id: UUID) -> Delivery:
    """One delivery of a webhook; raises NotFound."""
    delivery = Delivery.objects.filter(webhook_id=webhook_id, id=delivery_id).first()
    if delivery is None:
        raise NotFound(NO_DELIVERY)
    return delivery


def _there() -> QuerySet[Webhook]:
    """Webhooks of projects that were not deleted."""
    present = Webhook.objects.filter(project__deleted_at=None)
    return present.select_related("project")
