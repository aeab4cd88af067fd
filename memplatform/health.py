"""Is the process up, and could it serve? No authentication, no secrets, no tenants."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from kombu import Connection
from kombu.exceptions import OperationalError as BrokerAway

BROKER_TIMEOUT_S = 1


def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database, broker and schema are as they must be, else 503."""
    checks = {name: check() for name, check in _CHECKS.items()}
    is_ready = all(answer == "ok" for answer in checks.values())
    return JsonResponse(
        {
            "status": "ok" if is_ready else "unavailable",
            "checks": checks,
            "models": configured_models(),
        },
        status=200 if is_ready else 503,
    )


def configured_models() -> dict[str, str]:
    """Who serves projects without a provider of their own; ``local`` needs no key."""
    chat = settings.LLM_BASE_URL or settings.LLM_API_KEY
    embedding = settings.EMBEDDING_BASE_URL or settings.EMBEDDING_API_KEY
    return {
        "chat": settings.LLM_MODEL if chat else "local",
        "embedding": settings.EMBEDDING_MODEL if embedding else "local",
    }


def _check_database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unreachable"
    return "ok"


def _check_broker() -> str:
    options = {"socket_connect_timeout": BROKER_TIMEOUT_S, "max_retries": 0}
    try:
        with Connection(
            settings.BROKER_URL,
            connect_timeout=BROKER_TIMEOUT_S,
            transport_options=options,
        ) as broker:
            broker.ensure_connection(
                max_retries=1, interval_start=0, timeout=BROKER_TIMEOUT_S
            )
    except (BrokerAway, OSError):
        return "unreachable"
    return "ok"


def _check_migrations() -> str:
    try:
        return "ok" if _is_migrated() else "pending"
    except DatabaseError:
        return "unreachable"


def _is_migrated() -> bool:
    """Remembered once true: a schema does not go back under a running process."""
    if not _migrated:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        _migrated.extend([True] * (not plan))
    return bool(_migrated)


_migrated: list[bool] = []
_CHECKS: dict[str, Callable[[], str]] = {
    "database": _check_database,
    "broker": _check_broker,
    "migrations": _check_migrations,
}
