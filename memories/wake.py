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

NAMES = (
    RUN_OPERATION,
    REFRESH_SUMMARY,
    ASSIGN_CATEGORIES,
    PURGE_PROJECT,
    PURGE_TENANT,
)

log = logs.get(__name__)


def after_commit(name: str, tenant_id: UUID, row_id: UUID) -> None:
    """Send ``name(tenant_id, row_id)`` once the open transaction has committed."""
    transaction.on_commit(partial(now, name, tenant_id, row_id), robust=True)


def now(name: str, tenant_id: UUID, row_id: UUID) -> None:
    """Send at once; a failure is logged and left to the sweep."""
    headers = {"request_id": logs.request_id.get()}
    try:
        app.send_task(name, (str(tenant_id), str(row_id)), retry=False, headers=headers)
    except (OSError, KombuError, RedisError) as exc:
        log.warning("wake-up lost", extra={"task": name, "reason": type(exc).__name__})
