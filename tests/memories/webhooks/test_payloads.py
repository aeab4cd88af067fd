"""The bodies that webhooks are sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from memories.models import Topic
from memories.types import Scope
from memories.webhooks.payloads import (
    Envelope,
    ToldJob,
    ToldMemory,
    as_bytes,
    job_body,
    memory_body,
)

ID = UUID(int=7)
PROJECT = UUID(int=8)
AT = datetime(2026, 3, 1, tzinfo=UTC)
SCOPE = Scope(user_id="ann")
SCOPE_JSON = {"user_id": "ann", "agent_id": None, "app_id": None, "run_id": None}
MEMORY = ToldMemory(ID, 2, SCOPE, "Ann keeps bees.", ["hobbies"])


def around(topic, **details):
    return {
        "event_details": details,
        "type": topic,
        "timestamp": "2026-03-01T00:00:00+00:00",
        "project_id": str(PROJECT),
    }


@pytest.mark.parametrize(
    ("topic", "word"),
    [
        (Topic.MEMORY_ADD, "ADD"),
        (Topic.MEMORY_UPDATE, "UPDATE"),
        (Topic.MEMORY_DELETE, "DELETE"),
    ],
)
def test_a_change_tells_the_memory_and_its_text(topic, word):
    assert memory_body(Envelope(topic, AT, PROJECT), MEMORY) == around(
        topic,
        id=str(ID),
        data={"memory": "Ann keeps bees."},
        event=word,
        version=2,
        **SCOPE_JSON,
    )


def test_categories_come_without_the_text():
    topic = Topic.MEMORY_CATEGORIZE
    assert memory_body(Envelope(topic, AT, PROJECT), MEMORY) == around(
        topic,
        event="CATEGORIZE",
        memory_id=str(ID),
        categories=["hobbies"],
        version=2,
        **SCOPE_JSON,
    )


def test_the_end_of_an_add_tells_ids_and_no_text():
    results = [{"id": str(ID), "event": "ADD", "number": 1, "memory": "text"}]
    job = ToldJob(UUID(int=9), SCOPE, "SUCCEEDED", results, None, None)
    topic = Topic.JOB_COMPLETED
    assert job_body(Envelope(topic, AT, PROJECT), job) == around(
        topic,
        event="INGEST_JOB_COMPLETED",
        event_id=str(UUID(int=9)),
        status="SUCCEEDED",
        results=[{"id": str(ID), "event": "ADD"}],
        error_code=None,
        error=None,
        **SCOPE_JSON,
    )


def test_a_test_says_so():
    envelope = Envelope(Topic.MEMORY_ADD, AT, PROJECT, is_test=True)
    assert memory_body(envelope, MEMORY)["test"] is True


def test_what_is_sent_is_json_in_utf_8():
    body = {"memory": "Zoë ♥ 蜂蜜"}
    assert as_bytes(body) == '{"memory":"Zoë ♥ 蜂蜜"}'.encode()
    assert json.loads(as_bytes(body)) == body
