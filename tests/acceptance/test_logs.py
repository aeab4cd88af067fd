"""No log of any process holds what somebody said, whichever way it goes wrong.

One word is put wherever text can stand: messages, metadata, prompts, replies of the
model, errors of its endpoint, queries, edits. Then everything fails that can.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from tests.acceptance.platform import (
    MARKS,
    MODEL_KEY,
    Client,
    Platform,
    wait_settled,
)

pytestmark = MARKS
CANARY = f"canary{uuid4().hex}"
SAID = f"I keep a {CANARY} at home."
LOGS = ("web", "worker", "beat", "postgres", "valkey", "manage")
# Each is met by one add and one search; a real endpoint quotes what it refuses.
FAULTS = [
    ("chat", "rate_limit"),
    ("chat", "error"),
    ("chat", "drop"),
    ("chat", "unauthorized"),
    ("chat", "malformed"),
    ("chat", "truncated"),
    ("chat", "refusal"),
    ("chat", "wrong_schema"),
    ("embeddings", "error"),
    ("embeddings", "unauthorized"),
    ("embeddings", "refusal"),
    ("embeddings", "not_json"),
]
REPLIES = [
    f"I would rather talk about {CANARY}.",
    f'{{"facts": [{{"text": "{CANARY}", "op": "BURN"}}]}}',
    f'{{"facts": "{CANARY}"}}',
]


@pytest.fixture(scope="module")
def logs(_platform: Platform) -> dict[str, str]:
    """What each process has logged once all of it has happened."""
    _platform.ensure_running()
    _platform.manage("set_project", "demo", f"instructions=Mind the {CANARY}.")
    with Client(_platform) as client:
        suffer_model_faults(_platform, client)
        suffer_bad_requests(client)
        suffer_a_database_that_refuses(_platform, client)
    _platform.manage("set_project", "demo", "instructions=")
    return {name: log_of(_platform, name) for name in LOGS}


def suffer_model_faults(platform: Platform, client: Client) -> None:
    users = [f"{path}-{kind}-{uuid4().hex[:6]}" for path, kind in FAULTS]
    orders = [
        {
            "kind": kind,
            "path": path,
            "about": user,
            "says": f"It says {CANARY}.",
            "times": 20,
        }
        for user, (path, kind) in zip(users, FAULTS, strict=True)
    ]
    platform.renew_model(faults=orders, replies=REPLIES)
    told = [
        client.add(user, f"{SAID} {user}", metadata={"k": CANARY}) for user in users
    ]
    for user in users:
        ask(client, "POST", "/v3/memories/search/", query=f"{CANARY} {user}")
    wait_settled(platform, told)


def suffer_bad_requests(client: Client) -> None:
    messages = [{"role": "user", "content": SAID}]
    ask(client, "POST", "/v3/memories/add/", messages=messages)
    ask(client, "POST", "/v3/memories/add/", messages=SAID, user_id=CANARY * 20)
    ask(client, "POST", "/v3/memories/search/", query=SAID, filters={CANARY: SAID})
    ask(client, "GET", f"/v1/memories/{uuid4()}/?as_of={CANARY}")
    ask(client, "PUT", f"/v1/memories/{uuid4()}/", text=SAID)
    client.http.post("/v3/memories/add/", content=f'{{"messages": "{CANARY}')
    stranger = {"Authorization": f"Token {CANARY}"}
    client.http.post("/v3/memories/add/", json={"query": SAID}, headers=stranger)


def ask(client: Client, method: str, path: str, **body: object) -> None:
    scope = {"filters": {"user_id": "anyone"}} if "query" in body else {}
    client.http.request(method, path, json={**scope, **body})


def suffer_a_database_that_refuses(platform: Platform, client: Client) -> None:
    """PostgreSQL quotes the row that it refuses, wherever it can."""
    user = f"refused-{uuid4().hex[:6]}"
    platform.renew_model()
    body = {"messages": [{"role": "user", "content": SAID}], "user_id": user}
    with refusing(platform, "memories_message", "content"):
        answer = client.http.post("/v3/memories/add/", json=body)
        assert answer.status_code == 500
        assert CANARY not in answer.text
    with refusing(platform, "memories_memory", "text"):
        event = client.settled(client.add(user, SAID))
    assert event["status"] == "FAILED"
    assert event["error"].startswith("IntegrityError")
    assert CANARY not in event["error"]


def log_of(platform: Platform, name: str) -> str:
    return platform.log(name).read_text(errors="replace")


@contextmanager
def refusing(platform: Platform, table: str, column: str) -> Iterator[None]:
    """A table that takes no canary."""
    platform.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT no_canary"
        f" CHECK ({column} NOT LIKE '%{CANARY}%') NOT VALID"
    )
    yield
    platform.execute(f"ALTER TABLE {table} DROP CONSTRAINT no_canary")


@pytest.mark.parametrize("name", LOGS)
def test_no_log_holds_what_was_said(logs, name):
    assert [line for line in logs[name].splitlines() if CANARY in line] == []


@pytest.mark.parametrize("name", LOGS)
def test_no_log_holds_a_key(logs, name, _platform):
    keys = [_platform.demo["api_key"], _platform.demo["api_key_2"], MODEL_KEY]
    secrets = [*keys, *(key.rpartition("_")[2] for key in keys)]
    secrets += [_platform.demo["password"], *_platform.secrets.values()]
    assert [secret for secret in secrets if secret in logs[name]] == []


def test_what_went_wrong_is_in_the_logs_all_the_same(logs):
    """Or the silence above would prove nothing."""
    assert "provider_rejected" in logs["worker"]
    assert "IntegrityError" in logs["web"]
    assert "IntegrityError" in logs["worker"]
    assert "violates check constraint" in logs["postgres"]
