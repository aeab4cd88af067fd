"""What the wire shows of webhooks and deliveries (contract §4); never a secret."""

from __future__ import annotations

from datetime import datetime

from memories.models import Delivery, Webhook
from memories.types import JsonDict


def webhook_json(webhook: Webhook, project: str, owner: str) -> JsonDict:
    """A webhook; ``project`` is the name, ``owner`` the e-mail of who made it."""
    return {
        "webhook_id": str(webhook.id),
        "name": webhook.name,
        "url": webhook.url,
        "event_types": webhook.event_types,
        "owner": owner,
        "is_active": webhook.is_active,
        "project": project,
        "project_id": str(webhook.project_id),
        "created_at": webhook.created_at.isoformat(),
        "updated_at": webhook.updated_at.isoformat(),
        "disabled_at": _iso(webhook.disabled_at),
        "disabled_reason": webhook.disabled_reason or None,
        "failing_since": _iso(webhook.failing_since),
        "last_success_at": _iso(webhook.last_success_at),
        "previous_secret_until": _iso(webhook.previous_secret_until),
    }


def delivery_json(delivery: Delivery) -> JsonDict:
    """How a delivery goes, without what was sent and answered."""
    return {
        "id": str(delivery.id),
        "webhook_id": str(delivery.webhook_id),
        "event_type": delivery.event_type,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "response_status": delivery.response_status,
        "error": delivery.error or None,
        "created_at": delivery.created_at.isoformat(),
        "delivered_at": _iso(delivery.delivered_at),
        "next_attempt_at": _iso(
            delivery.next_attempt_at
            if delivery.status == Delivery.Status.PENDING
            else None
        ),
    }


def delivery_detail_json(delivery: Delivery) -> JsonDict:
    """The same with the last request, its response, and every attempt."""
    return {
        **delivery_json(delivery),
        "request": {
            "url": delivery.url or None,
            "headers": delivery.request_headers,
            "body": delivery.body,
        },
        "response": {
            "status": delivery.response_status,
            "body": delivery.response_body,
        },
        "attempt_log": delivery.attempt_log,
    }


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
