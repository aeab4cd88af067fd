"""Make, change and try out webhooks; each change is audited.

Call inside the scope of the webhook's project. Secrets are encrypted before they touch
the database and shown once, to whoever makes or rotates them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from memories import wake
from memories.models import Delivery, Topic, Webhook
from memories.providers import secrets
from memories.types import UNSET, Scope, Unset
from memories.webhooks.payloads import (
    WORDS,
    Envelope,
    ToldJob,
    ToldMemory,
    job_body,
    memory_body,
)
from memories.webhooks.signing import new_secret
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest
from memplatform.lib.ids import new_id
from tenants.audit import SYSTEM, Actor, record_audit
from tenants.models import Project

MOST = 100
"""Webhooks of one project: each costs a delivery for every change."""
BOTH_SIGN = timedelta(hours=24)
"""How long the previous secret signs beside the new one."""
PENDING = Delivery.Status.PENDING
DISABLED = "The webhook is not active."


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook to be; its values were checked."""

    name: str
    url: str
    event_types: Sequence[str]
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class WebhookChanges:
    """What to change; UNSET stays."""

    name: str | Unset = UNSET
    url: str | Unset = UNSET
    event_types: Sequence[str] | Unset = UNSET
    is_active: bool | Unset = UNSET

    def given(self) -> dict[str, object]:
        names = ("name", "url", "event_types", "is_active")
        values = {name: getattr(self, name) for name in names}
        return {name: v for name, v in values.items() if not isinstance(v, Unset)}


def create_webhook(
    project: Project,
    new: NewWebhook,
    *,
    owner_id: UUID,
    webhook_id: UUID | None = None,
    actor: Actor = SYSTEM,
) -> tuple[Webhook, str]:
    """The webhook and its secret, which nobody is shown again.

    With a ``webhook_id`` of the caller's, asking twice makes one. Raises InvalidRequest
    the second time, and when the project has too many.
    """
    Project.objects.select_for_update().get(id=project.id)
    if webhook_id and Webhook.objects.filter(id=webhook_id).exists():
        raise InvalidRequest("This webhook was made already; its secret was shown.")
    if Webhook.objects.filter(project=project).count() >= MOST:
        raise InvalidRequest(f"A project may have {MOST} webhooks.")
    secret, now = new_secret(), clock.now()
    webhook = Webhook.objects.create(
        id=webhook_id or new_id(),
        project=project,
        name=new.name,
        url=new.url,
        event_types=list(new.event_types),
        is_active=new.is_active,
        secret_encrypted=secrets.encrypt(secret, settings.ENCRYPTION_KEYS),
        owner_id=owner_id,
        created_at=now,
        updated_at=now,
    )
    made = {"url": [None, new.url], "event_types": [None, list(new.event_types)]}
    record_audit("webhook.create", webhook, actor=actor, changes=made)
    return webhook, secret


def change_webhook(
    webhook: Webhook, changes: WebhookChanges, *, actor: Actor = SYSTEM
) -> None:
    """Change what is given.

    Active again, or with another address, it has a new start: its failures are
    forgotten. Inactive, nothing is on its way any more.
    """
    webhook = _locked(webhook)
    given = changes.given()
    old = {name: getattr(webhook, name) for name in given}
    for name, value in given.items():
        setattr(webhook, name, value)
    if given.get("is_active"):
        webhook.disabled_at, webhook.disabled_reason = None, ""
    if given.get("is_active") or "url" in given:
        begin_anew(webhook)
    webhook.updated_at = clock.after(webhook.updated_at)
    webhook.save()
    if not webhook.is_active:
        cancel_pending(webhook, DISABLED)
    diff = {name: [old[name], getattr(webhook, name)] for name in given}
    record_audit("webhook.update", webhook, actor=actor, changes=diff)


def begin_anew(webhook: Webhook) -> None:
    """Forget its failures; the caller saves it."""
    webhook.failures = 0
    webhook.failing_since = webhook.paused_until = webhook.woken_at = None


def delete_webhook(webhook: Webhook, *, actor: Actor = SYSTEM) -> None:
    """With everything it was sent."""
    webhook = _locked(webhook)
    record_audit("webhook.delete", webhook, actor=actor)
    Delivery.objects.filter(webhook=webhook).delete()
    Webhook.objects.filter(id=webhook.id).delete()


def rotate_secret(
    webhook: Webhook, *, seen_at: datetime | None = None, actor: Actor = SYSTEM
) -> tuple[Webhook, str]:
    """A new secret; for a day the old one signs as well, so that nothing is refused.

    ``seen_at`` is ``updated_at`` as the caller saw it: raises InvalidRequest if the
    webhook was changed since, for a second rotation would end what receivers check.
    """
    webhook, secret = _locked(webhook), new_secret()
    if seen_at is not None and webhook.updated_at != seen_at:
        raise InvalidRequest("The webhook was changed meanwhile. Look at it again.")
    webhook.previous_secret_encrypted = webhook.secret_encrypted
    webhook.previous_secret_until = clock.now() + BOTH_SIGN
    webhook.secret_encrypted = secrets.encrypt(secret, settings.ENCRYPTION_KEYS)
    webhook.updated_at = clock.after(webhook.updated_at)
    webhook.save()
    record_audit("webhook.rotate_secret", webhook, actor=actor)
    return webhook, secret


def disable_webhook(webhook: Webhook, reason: str) -> None:
    """The platform gives a locked webhook up; why is told where it is shown."""
    webhook.is_active = False
    webhook.disabled_at, webhook.disabled_reason = clock.now(), reason
    webhook.save()
    cancel_pending(webhook, DISABLED)
    changes = {"is_active": [True, False], "reason": ["", reason]}
    record_audit("webhook.disable", webhook, changes=changes)


def cancel_pending(webhook: Webhook, reason: str) -> None:
    """End what is on its way; each can be sent again by hand."""
    Delivery.objects.filter(webhook=webhook, status=PENDING).update(
        status=Delivery.Status.CANCELLED, error=reason, lease_until=None
    )


def send_test(webhook: Webhook, topic: str, *, actor: Actor = SYSTEM) -> Delivery:
    """Send a made-up event at once, marked as a test; raises InvalidRequest."""
    webhook = _locked(webhook)
    _require_active(webhook)
    now = clock.now()
    delivery = Delivery.objects.create(
        project_id=webhook.project_id,
        webhook=webhook,
        event_type=topic,
        body=_sample(Envelope(topic, now, webhook.project_id, is_test=True)),
        next_attempt_at=now,
        give_up_at=now,  # whoever tests looks at once
        created_at=now,
    )
    record_audit("webhook.test", webhook, actor=actor, changes={"topic": topic})
    _send_now(webhook)
    return delivery


def redeliver(
    webhook: Webhook, delivery: Delivery, *, actor: Actor = SYSTEM
) -> Delivery:
    """Send it once more, as one message with the same id, with retries for a day.

    Raises InvalidRequest when the webhook is not active or its text was erased.
    """
    webhook = _locked(webhook)
    _require_active(webhook)
    delivery = Delivery.objects.select_for_update().get(id=delivery.id)
    if delivery.body is None:
        raise InvalidRequest("What it told was erased: there is nothing to send.")
    now = clock.now()
    delivery.status, delivery.error = PENDING, ""
    delivery.next_attempt_at = now
    delivery.give_up_at = now + timedelta(hours=settings.WEBHOOK_RETRY_HOURS)
    delivery.delivered_at = None
    delivery.save(
        update_fields=[
            "status",
            "error",
            "next_attempt_at",
            "give_up_at",
            "delivered_at",
        ]
    )
    sent = {"delivery": str(delivery.id)}
    record_audit("webhook.redeliver", webhook, actor=actor, changes=sent)
    _send_now(webhook)
    return delivery


def _send_now(webhook: Webhook) -> None:
    Webhook.objects.filter(id=webhook.id).update(paused_until=None)
    wake.after_commit(wake.DELIVER, webhook.tenant_id, webhook.id)


def _locked(webhook: Webhook) -> Webhook:
    return Webhook.objects.select_for_update().get(id=webhook.id)


def _require_active(webhook: Webhook) -> None:
    if not webhook.is_active:
        raise InvalidRequest(f"{DISABLED} Make it active first.")


def _sample(envelope: Envelope) -> dict[str, object]:
    scope = Scope(user_id="ida")
    if envelope.topic in WORDS or envelope.topic == Topic.MEMORY_CATEGORIZE:
        text, categories = "Keeps bees behind the barn", ["hobbies"]
        return memory_body(envelope, ToldMemory(new_id(), 1, scope, text, categories))
    status = "FAILED" if envelope.topic == Topic.JOB_FAILED else "SUCCEEDED"
    return job_body(envelope, ToldJob(new_id(), scope, status, [], None, None))
