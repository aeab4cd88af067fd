"""Tell webhooks: fan the outbox out into deliveries, send them, look after them.

At least once: a delivery is a row until it was answered with 2xx, or given up. Whoever
sends one holds its lease; what a dead worker held is due again when that is over. A
webhook that fails rests, so that a receiver that hangs takes one thread now and then,
and only ``WEBHOOK_CONCURRENCY`` threads of a worker send at all: adds have the others.
No transaction is open while a receiver is asked (invariant 5).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef

from memories import wake
from memories.models import (
    Delivery,
    Memory,
    MemoryVersion,
    Operation,
    Outbox,
    Topic,
    Webhook,
)
from memories.providers import secrets
from memories.selectors.due import due_ids
from memories.services.webhooks import PENDING, begin_anew, disable_webhook
from memories.types import SCOPE_KEYS, JsonDict, Scope
from memories.webhooks.addresses import Allowed
from memories.webhooks.payloads import (
    Envelope,
    ToldJob,
    ToldMemory,
    as_bytes,
    job_body,
    memory_body,
)
from memories.webhooks.schedule import pause_s, rest_s
from memories.webhooks.sending import Response, post, request_headers
from memories.webhooks.signing import signed_headers
from memplatform.lib import clock, logs
from memplatform.lib.errors import ProviderRejected
from tenants.scopes import forbid_open_scope, tenant_scope

log = logs.get(__name__)

CHUNK = 500
AT_ONCE = 4
"""Deliveries of one webhook; one that fails is tried with a single one."""
TURN_S = 20.0
"""How long one wake-up sends on for a webhook before others get their turn."""
PATIENCE = timedelta(seconds=5)
"""How long a wake-up may take before the sweep repeats it."""
NOTED_EVERY = timedelta(minutes=1)
"""A success of a webhook that works is written down this often only."""
LOGGED = 50
"""Attempts that a delivery's log tells of."""


# --- From the outbox to deliveries ------------------------------------------


def fan_out(tenant_id: UUID, project_id: UUID) -> int:
    """Make a delivery for each webhook that waits for what a project's outbox tells.

    Each row is told once: it is handled in the transaction that makes its deliveries.
    Returns how many deliveries there are now to send.
    """
    made = 0
    is_more = True
    while is_more:
        with tenant_scope(tenant_id, project_id=project_id):
            told = _take(project_id)
            deliveries = list(_deliveries(told, _listening(project_id)))
            Delivery.objects.bulk_create(deliveries)
            _settle(told, deliveries)
        for webhook_id in {delivery.webhook_id for delivery in deliveries}:
            wake.now(wake.DELIVER, tenant_id, webhook_id)
        made += len(deliveries)
        is_more = len(told) == CHUNK
    return made


def _take(project_id: UUID) -> list[Outbox]:
    """Lock the oldest that nobody else is handling."""
    waiting = Outbox.objects.filter(project_id=project_id, handled_at=None)
    locked = waiting.select_for_update(skip_locked=True)
    return list(locked.order_by("created_at", "id")[:CHUNK])


def _listening(project_id: UUID) -> list[Webhook]:
    return list(Webhook.objects.filter(project_id=project_id, is_active=True))


def _deliveries(
    told: Iterable[Outbox], webhooks: Iterable[Webhook]
) -> Iterable[Delivery]:
    now = clock.now()
    give_up_at = now + timedelta(hours=settings.WEBHOOK_RETRY_HOURS)
    bodies = _bodies(list(told))
    for row in told:
        body = bodies.get(row.id)
        for webhook in webhooks if body else ():
            if row.topic in webhook.event_types:
                yield Delivery(
                    project_id=row.project_id,
                    webhook=webhook,
                    outbox=row,
                    event_type=row.topic,
                    body=body,
                    next_attempt_at=now,
                    give_up_at=give_up_at,
                    created_at=now,
                )


def _settle(told: Iterable[Outbox], deliveries: Iterable[Delivery]) -> None:
    """What nobody waits for any more goes; the rest stays beside its deliveries."""
    ids = {row.id for row in told}
    wanted = {delivery.outbox_id for delivery in deliveries}
    Outbox.objects.filter(id__in=ids - wanted).delete()
    Outbox.objects.filter(id__in=ids & wanted).update(handled_at=clock.now())


def _bodies(told: list[Outbox]) -> dict[UUID, JsonDict]:
    """By outbox row; none for a text that was erased before it could be told.

    Read after the rows were locked, which an erasure does before it empties anything.
    """
    memories = _told_memories(told)
    jobs = _told_jobs(told)
    bodies: dict[UUID, JsonDict] = {}
    for row in told:
        envelope = Envelope(row.topic, row.created_at, row.project_id)
        memory, job = memories.get(_version_of(row)), jobs.get(_operation_of(row))
        if memory and (memory.text is not None or row.topic == Topic.MEMORY_DELETE):
            bodies[row.id] = memory_body(envelope, memory)
        elif job:
            bodies[row.id] = job_body(envelope, job)
    return bodies


def _version_of(row: Outbox) -> tuple[str, int]:
    return row.payload.get("memory_id", ""), row.payload.get("number", 0)


def _operation_of(row: Outbox) -> str:
    return str(row.payload.get("operation_id", ""))


def _told_memories(told: Iterable[Outbox]) -> Mapping[tuple[str, int], ToldMemory]:
    wanted = {_version_of(row) for row in told if "memory_id" in row.payload}
    ids = {memory_id for memory_id, _ in wanted}
    scopes = {
        head.id: Scope(**{key: getattr(head, key) for key in SCOPE_KEYS})
        for head in Memory.objects.filter(id__in=ids).only("id", *SCOPE_KEYS)
    }
    versions = MemoryVersion.objects.filter(
        memory_id__in=ids, number__in={number for _, number in wanted}
    )
    return {
        (str(v.memory_id), v.number): ToldMemory(
            v.memory_id, v.number, scopes[v.memory_id], v.text, v.categories or []
        )
        for v in versions
    }


def _told_jobs(told: Iterable[Outbox]) -> Mapping[str, ToldJob]:
    ids = {_operation_of(row) for row in told if "operation_id" in row.payload}
    return {
        str(operation.id): ToldJob(
            operation.id,
            Scope(**{key: getattr(operation, key) for key in SCOPE_KEYS}),
            operation.status,
            operation.results,
            operation.error_code,
            operation.error,
        )
        for operation in Operation.objects.filter(id__in=ids)
    }


# --- Sending ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One try of a delivery that is ours until its lease is over."""

    tenant_id: UUID
    webhook_id: UUID
    delivery_id: UUID
    number: int
    url: str
    body: bytes
    keys: tuple[str, ...]


@cache
def _threads() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(settings.WEBHOOK_CONCURRENCY)


def deliver(tenant_id: UUID, webhook_id: UUID) -> int:
    """Send what is due to a webhook, one after the other; returns how many were sent.

    Ends at the first failure, and when others are to have their turn. Without a free
    thread it leaves everything to the sweep.
    """
    if not _threads().acquire(blocking=False):
        return 0
    sent, ends_at = 0, time.monotonic() + TURN_S
    try:
        while attempt := _claim(tenant_id, webhook_id):
            sent += 1
            is_well = _record(attempt, *_send(attempt))
            if not is_well:
                break
            if time.monotonic() > ends_at:
                wake.now(wake.DELIVER, tenant_id, webhook_id)
                break
    finally:
        _threads().release()
    return sent


def _claim(tenant_id: UUID, webhook_id: UUID) -> _Attempt | None:
    """The next that is due, leased to us; None when there is nothing to send now."""
    now = clock.now()
    with tenant_scope(tenant_id):
        webhook = _lock(webhook_id)
        if webhook is None or not webhook.is_active or _is_resting(webhook, now):
            return None
        pending = Delivery.objects.filter(webhook=webhook, status=PENDING)
        most = 1 if webhook.failures else AT_ONCE
        if pending.filter(lease_until__gt=now).count() >= most:
            return None
        due = pending.filter(next_attempt_at__lte=now).exclude(lease_until__gt=now)
        delivery = due.order_by("next_attempt_at", "created_at", "id").first()
        if delivery is None:
            return None
        delivery.attempts += 1
        delivery.lease_until = now + timedelta(seconds=_lease_s())
        delivery.save(update_fields=["attempts", "lease_until"])
        return _attempt(webhook, delivery, now)


def _lock(webhook_id: UUID) -> Webhook | None:
    """First the webhook, then its deliveries: one order for everybody."""
    present = Webhook.objects.filter(id=webhook_id, project__deleted_at=None)
    return present.select_for_update(of=("self",)).first()


def _is_resting(webhook: Webhook, now: datetime) -> bool:
    return webhook.paused_until is not None and webhook.paused_until > now


def _lease_s() -> float:
    """Longer than any attempt: its deadline, a name to look up, a row to write."""
    return float(settings.WEBHOOK_TIMEOUT_S) * 3 + 30


def _attempt(webhook: Webhook, delivery: Delivery, now: datetime) -> _Attempt:
    until = webhook.previous_secret_until
    is_both = until is not None and now < until
    previous = [webhook.previous_secret_encrypted] if is_both else []
    return _Attempt(
        tenant_id=webhook.tenant_id,
        webhook_id=webhook.id,
        delivery_id=delivery.id,
        number=delivery.attempts,
        url=webhook.url,
        body=as_bytes(delivery.body or {}),
        keys=(webhook.secret_encrypted, *previous),
    )


def _send(attempt: _Attempt) -> tuple[dict[str, str], Response]:
    """The headers that were sent, and what came of it."""
    forbid_open_scope()
    try:
        keys = [secrets.decrypt(key, settings.ENCRYPTION_KEYS) for key in attempt.keys]
    except ProviderRejected:
        reason = "its secret cannot be read with ENCRYPTION_KEYS: rotate it"
        return {}, Response(None, error=reason)
    at = int(clock.now().timestamp())
    signed = signed_headers(keys, str(attempt.delivery_id), at, attempt.body)
    headers = request_headers(signed)
    response = post(
        attempt.url,
        attempt.body,
        headers,
        allowed=Allowed.of(settings.ALLOW_PRIVATE_WEBHOOKS),
        timeout_s=settings.WEBHOOK_TIMEOUT_S,
    )
    return headers, response


def _record(attempt: _Attempt, headers: dict[str, str], response: Response) -> bool:
    """Write what came of an attempt; False: send no more to this webhook for now.

    What was cancelled, erased or taken over meanwhile is left as it is.
    """
    with tenant_scope(attempt.tenant_id):
        webhook = _lock(attempt.webhook_id)
        delivery = (
            Delivery.objects.select_for_update()
            .filter(id=attempt.delivery_id, status=PENDING, attempts=attempt.number)
            .first()
        )
        if webhook is None or delivery is None:
            return False
        delivery.url, delivery.request_headers = attempt.url, headers
        _note(delivery, response)
        if response.is_success:
            _succeed(webhook, delivery)
        else:
            _fail(webhook, delivery, response)
        delivery.save()
    return response.is_success


def _note(delivery: Delivery, response: Response) -> None:
    delivery.lease_until = None
    delivery.response_status = response.status
    delivery.response_body = response.body
    delivery.error = response.error
    entry: dict[str, Any] = {
        "at": clock.now().isoformat(),
        "status": response.status,
        "error": response.error,
        "duration_ms": round(response.duration_ms, 1),
    }
    delivery.attempt_log = [*delivery.attempt_log, entry][-LOGGED:]


def _succeed(webhook: Webhook, delivery: Delivery) -> None:
    now = clock.now()
    delivery.status, delivery.delivered_at = Delivery.Status.DELIVERED, now
    last = webhook.last_success_at
    if webhook.failures or last is None or now - last > NOTED_EVERY:
        begin_anew(webhook)
        webhook.last_success_at = now
        webhook.save()


def _fail(webhook: Webhook, delivery: Delivery, response: Response) -> None:
    """Once more later; or never, and then maybe nothing more to this webhook."""
    now, base_s = clock.now(), settings.WEBHOOK_RETRY_BASE_S
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or now
    webhook.paused_until = now + timedelta(seconds=rest_s(webhook.failures, base_s))
    webhook.save()
    gives_up_at = delivery.give_up_at or now
    if response.is_gone or now >= gives_up_at:
        delivery.status = Delivery.Status.FAILED
        delivery.save()
    else:
        wait_s = pause_s(delivery.attempts, base_s, response.retry_after_s)
        next_at = now + timedelta(seconds=wait_s)
        delivery.next_attempt_at = min(next_at, gives_up_at)
    if reason := _why_disabled(webhook, delivery, response):
        disable_webhook(webhook, reason)
        log.warning("webhook disabled", extra={"webhook": str(webhook.id)})


def _why_disabled(webhook: Webhook, delivery: Delivery, response: Response) -> str:
    """Blank while it may go on. A day without any success is the end, a delivery that
    one receiver never takes is not.
    """
    if response.is_gone:
        return "It answered 410 Gone."
    hours = settings.WEBHOOK_RETRY_HOURS
    began = clock.now() - timedelta(hours=hours)
    has_worked = webhook.last_success_at and webhook.last_success_at > began
    is_real = delivery.outbox_id is not None
    if delivery.status == Delivery.Status.FAILED and is_real and not has_worked:
        return f"Nothing was delivered for {hours:g} hours: {response.error}."
    return ""


# --- Looking after them -----------------------------------------------------


def wake_due() -> int:
    """Wake what lost its message, its worker, or has waited long enough."""
    now = clock.now()
    woken = 0
    for tenant_id, ids in due_ids("due_outbox", now - PATIENCE, CHUNK).items():
        with tenant_scope(tenant_id):
            rows = Outbox.objects.filter(id__in=ids)
            projects = set(rows.values_list("project_id", flat=True))
        for project_id in projects:
            wake.now(wake.FAN_OUT, tenant_id, project_id)
        woken += len(projects)
    for tenant_id, ids in due_ids("due_webhooks", now, PATIENCE, CHUNK).items():
        with tenant_scope(tenant_id):
            Webhook.objects.filter(id__in=ids).update(woken_at=now)
        for webhook_id in ids:
            wake.now(wake.DELIVER, tenant_id, webhook_id)
        woken += len(ids)
    return woken


def forget_deliveries() -> int:
    """Delete what was sent longer ago than it is kept; returns how many."""
    before = clock.now() - timedelta(days=settings.WEBHOOK_DELIVERY_DAYS)
    forgotten = 0
    for tenant_id in due_ids("due_projects", CHUNK * 100):
        count = CHUNK
        while count == CHUNK:
            with tenant_scope(tenant_id):
                count = _forget(before)
            forgotten += count
    return forgotten


def _forget(before: datetime) -> int:
    old = Delivery.objects.filter(created_at__lt=before).exclude(status=PENDING)
    ids = list(old.order_by("created_at").values_list("id", flat=True)[:CHUNK])
    Delivery.objects.filter(id__in=ids).delete()
    told = Outbox.objects.filter(handled_at__lt=before)
    is_left = Exists(Delivery.objects.filter(outbox_id=OuterRef("id")))
    told.exclude(is_left).delete()
    return len(ids)
