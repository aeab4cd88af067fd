"""Wake tasks by name after the commit; a dead broker never fails a request.

The row is the truth and the sweep is the guarantee (decision 20); this is only speed.
"""

from __future__ import annotations

from functools import partial
from uuid import UUID

from django.db import transaction
from kombu.exceptions import KombuError
from redis import RedisError

from memplatform.celery import app
from memplatform.lib import logs

RUN_OPERATION = "operations.run"
REFRESH_SUMMARY = "summaries.refresh"
ASSIGN_CATEGORIES = "categories.assign"
PURGE_PROJECT = "projects.purge"
PURGE_TENANT = "tenants.purge"
FAN_OUT = "webhooks.fan_out"
DELIVER = "webhooks.deliver"
RUN_GOLDEN_SET = "golden_sets.run"

NAMES = (
    RUN_OPERATION,
    REFRESH_SUMMARY,
    ASSIGN_CATEGORIES,
    PURGE_PROJECT,
    PURGE_TENANT,
    FAN_OUT,
    DELIVER,
    RUN_GOLDEN_SET,
)

log = logs.get(__name__)


def after_commit(name: str, tenant_id: UUID, row_id: UUID, *, in_s: float = 0) -> None:
    """Send ``name(tenant_id, row_id)`` once the open transaction has committed.

    It runs ``in_s`` seconds later, which a worker holds it back for.
    """
    send = partial(now, name, tenant_id, row_id, in_s=in_s)
    transaction.on_commit(send, robust=True)


def now(name: str, tenant_id: UUID, row_id: UUID, *, in_s: float = 0) -> None:
    """Send at once; a failure is logged and left to the sweep."""
    ids = (str(tenant_id), str(row_id))
    headers = {"request_id": logs.request_id.get()}
    try:
        app.send_task(name, ids, retry=False, headers=headers, countdown=in_s or None)
    except (OSError, KombuError, RedisError) as exc:
        log.warning("wake-up lost", extra={"task": name, "reason": type(exc).__name__})
