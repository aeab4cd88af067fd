"""The Celery application. A message is only a wake-up; the row is the truth."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from kombu.transport import redis as redis_transport
from redis import Connection
from redis.backoff import NoBackoff
from redis.retry import Retry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "memplatform.settings")

from django.conf import settings

CATEGORIES_EVERY_S = 5.0
"""Nobody waits for them; what was stored since is looked at together."""

HUGE_SCOPES_EVERY_S = 600.0
"""Looking for them counts every vector; a search of a scope without its index is only
slower."""


class ImpatientConnection(Connection):
    """redis-py retries a refused connection for 6 s; kombu has its own patience, and a
    wake-up must not keep a request waiting (decision 20)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["retry"] = Retry(NoBackoff(), 0)
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]


redis_transport.Channel.connection_class = ImpatientConnection

app = Celery("memplatform")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_connection_timeout=1,
    # Restore what a killed worker had taken; kombu's own defaults sweep every ~100 s
    # (design/environment.md). Visibility timeout > lease > deadline (decision 21).
    broker_transport_options={
        "visibility_timeout": settings.LEASE_S * 4,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "max_retries": 0,
        "socket_connect_timeout": 1,
        "socket_timeout": 5,
        "health_check_interval": 10,
    },
    task_acks_late=True,
    task_ignore_result=True,
    task_publish_retry=False,
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    task_default_queue="memplatform",
    task_routes={
        "maintenance.*": {"queue": "maintenance"},
        "webhooks.*": {"queue": "webhooks"},
    },
    beat_schedule={
        "sweep": {
            "task": "operations.sweep",
            "schedule": settings.SWEEP_INTERVAL_S,
            "options": {"expires": settings.SWEEP_INTERVAL_S * 5},
        },
        "webhooks": {
            "task": "webhooks.sweep",
            "schedule": settings.SWEEP_INTERVAL_S,
            "options": {"expires": settings.SWEEP_INTERVAL_S * 5},
        },
        "categories": {
            "task": "categories.sweep",
            "schedule": CATEGORIES_EVERY_S,
            "options": {"expires": CATEGORIES_EVERY_S * 5},
        },
        "housekeeping": {"task": "maintenance.housekeeping", "schedule": 300.0},
        "golden sets": {"task": "golden_sets.sweep", "schedule": 60.0},
        "profiles": {"task": "operations.refresh_profiles", "schedule": 60.0},
        "huge scopes": {
            "task": "maintenance.index_scopes",
            "schedule": HUGE_SCOPES_EVERY_S,
            "options": {"expires": HUGE_SCOPES_EVERY_S},
        },
        "suspects": {"task": "operations.redecide", "schedule": 60.0},
        "patterns": {"task": "operations.look_for_patterns", "schedule": 60.0},
        "retention": {"task": "maintenance.retention", "schedule": 3600.0},
    },
)
app.autodiscover_tasks(["tenants", "memories"])
