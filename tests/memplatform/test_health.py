from __future__ import annotations

import pytest
from django.db import connections

from memplatform import health


@pytest.fixture(autouse=True)
def migrations_unknown(monkeypatch):
    monkeypatch.setattr(health, "_migrated", [])


def test_the_process_is_up_without_a_database(client):
    assert client.get("/healthz").json() == {"status": "ok"}


def test_it_is_ready_with_database_broker_and_schema(client, db, valkey):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {
        "database": "ok",
        "broker": "ok",
        "migrations": "ok",
    }


def test_it_is_not_ready_without_a_broker(client, db):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["broker"] == "unreachable"


def test_it_is_not_ready_without_a_database(client, committed_db, valkey):
    port = connections.settings["default"]["PORT"]
    connections["default"].close()
    connections.settings["default"]["PORT"] = "1"
    try:
        checks = client.get("/readyz").json()["checks"]
    finally:
        connections["default"].close()
        connections.settings["default"]["PORT"] = port
    assert checks == {
        "database": "unreachable",
        "broker": "ok",
        "migrations": "unreachable",
    }


def test_it_is_not_ready_before_it_is_migrated(client, db, valkey, monkeypatch):
    monkeypatch.setattr(health, "_is_migrated", lambda: False)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["migrations"]) == (
        503,
        "pending",
    )


def test_the_schema_is_openapi_with_our_key(client, db):
    schema = client.get("/api/schema/").json()
    assert schema["openapi"].startswith("3.")
