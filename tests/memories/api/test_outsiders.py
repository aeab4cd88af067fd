"""Who may not come in: the same at every door of the memory API."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.urls import URLPattern, get_resolver

from memories.models import Memory, Operation
from tenants.scopes import tenant_scope
from tests.memories.api.conftest import (
    ADD,
    BATCH,
    ENTITIES,
    EVENTS,
    FEEDBACK,
    LIST,
    NOBODYS_ID,
    PING,
    SCOPE,
    SEARCH,
    entity_path,
    event_path,
    history_path,
    memory_path,
)

IDA = {"user_id": "ida"}
ORGANIZATIONS = "/api/v1/orgs/organizations/"
ORGANIZATION = f"{ORGANIZATIONS}00000000-0000-7000-8000-000000000000/"
PROJECT = f"{ORGANIZATION}projects/00000000-0000-7000-8000-000000000000/"
WEBHOOKS = f"/api/v1/webhooks/projects/{NOBODYS_ID}/"
WEBHOOK = f"/api/v1/webhooks/{NOBODYS_ID}/"
DELIVERY = f"{WEBHOOK}deliveries/{NOBODYS_ID}/"
HOOK = {"name": "h", "url": "https://example.com/h", "event_types": ["memory_add"]}
MEMBER = {"email": "ben@example.com", "role": "READER"}
NOBODYS = {"memory_id": NOBODYS_ID}
SCHEMA = {"properties": {"hobby": {"type": "string"}}}
GRAPH = "/v1/graph/"
PROFILE = "/v2/entities/user/ida/profile/"
JOB = {"operation": "trigger", "entity_type": "user", "entity_id": "ida"}


@dataclass(frozen=True)
class Request:
    """A request with nothing wrong but who sends it."""

    method: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)
    writes: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def send(self, client):
        send = getattr(client, self.method.lower())
        return send(self.path, self.body or None)


REQUESTS = [
    Request("GET", PING),
    Request("POST", ADD, {"messages": "I keep bees.", **IDA}, writes=True),
    Request("POST", SEARCH, {"query": "bees", "filters": IDA}),
    Request("POST", LIST, {"filters": IDA}),
    Request("DELETE", f"{SCOPE}?user_id=ida", writes=True),
    Request("GET", memory_path()),
    Request("PUT", memory_path(), {"text": "I keep goats."}, writes=True),
    Request("DELETE", memory_path(), writes=True),
    Request("GET", history_path()),
    Request("POST", f"{memory_path()}confirm/", writes=True),
    Request("GET", "/v1/memories/user/confirm/"),
    Request("GET", event_path()),
    Request("GET", EVENTS),
    Request("GET", ORGANIZATIONS),
    Request("POST", ORGANIZATIONS, {"name": "Mine"}, writes=True),
    Request("GET", ORGANIZATION),
    Request("DELETE", ORGANIZATION, writes=True),
    Request("GET", f"{ORGANIZATION}projects/"),
    Request("POST", f"{ORGANIZATION}projects/", {"name": "Mine"}, writes=True),
    Request("GET", PROJECT),
    Request("PATCH", PROJECT, {"decay": True}, writes=True),
    Request("DELETE", PROJECT, writes=True),
    *(
        request
        for members in (f"{ORGANIZATION}members/", f"{PROJECT}members/")
        for request in (
            Request("GET", members),
            Request("POST", members, MEMBER, writes=True),
            Request("PUT", members, MEMBER, writes=True),
            Request("DELETE", f"{members}?email=ben@example.com", writes=True),
        )
    ),
    Request("GET", WEBHOOKS),
    Request("POST", WEBHOOKS, HOOK, writes=True),
    Request("GET", WEBHOOK),
    Request("PUT", WEBHOOK, {"name": "h"}, writes=True),
    Request("DELETE", WEBHOOK, writes=True),
    Request("POST", f"{WEBHOOK}rotate-secret/", writes=True),
    Request("POST", f"{WEBHOOK}test/", writes=True),
    Request("GET", f"{WEBHOOK}deliveries/"),
    Request("GET", DELIVERY),
    Request("POST", f"{DELIVERY}redeliver/", writes=True),
    Request("PUT", BATCH, {"memories": [{**NOBODYS, "text": "x"}]}, writes=True),
    Request("DELETE", BATCH, {"memories": [NOBODYS]}, writes=True),
    Request("POST", FEEDBACK, {**NOBODYS, "feedback": "POSITIVE"}, writes=True),
    Request("GET", "/v1/profile/?user_id=ida"),
    Request("POST", "/v1/retention/preview/", {"limit": 5}),
    Request("GET", f"{GRAPH}entities/?user_id=ida"),
    Request("GET", f"{GRAPH}entities/{NOBODYS_ID}/"),
    Request("GET", f"{GRAPH}entities/{NOBODYS_ID}/neighbourhood/"),
    Request(
        "POST",
        f"{GRAPH}entities/{NOBODYS_ID}/merge/",
        {"entity_id": NOBODYS_ID},
        writes=True,
    ),
    Request("POST", f"{GRAPH}merges/{NOBODYS_ID}/undo/", writes=True),
    Request("GET", f"{GRAPH}relations/?user_id=ida"),
    Request("GET", f"{GRAPH}relations/{NOBODYS_ID}/"),
    Request("GET", f"{GRAPH}path/?from={NOBODYS_ID}&to={NOBODYS_ID}"),
    Request("GET", "/v1/stats/"),
    Request("GET", "/v1/usage/"),
    Request("GET", "/v1/limits/"),
    Request("GET", "/v1/memories/events/"),
    Request("POST", SCOPE, {"messages": "I keep bees.", **IDA}, writes=True),
    Request("GET", f"{SCOPE}?user_id=ida"),
    Request("POST", "/v1/memories/search/", {"query": "bees", **IDA}),
    Request("POST", "/v2/memories/", IDA),
    Request("POST", "/v2/memories/search/", {"query": "bees", "filters": IDA}),
    Request("POST", "/v1/summary/", {"filters": IDA}),
    Request("POST", "/v1/context/", {"query": "bees", "filters": IDA}),
    Request("POST", "/v1/exports/", {"schema": SCHEMA, "filters": IDA}, writes=True),
    Request("POST", "/v1/exports/get/", {"memory_export_id": NOBODYS_ID}),
    Request("POST", "/v1/exports/raw/", IDA, writes=True),
    Request("GET", f"/v1/exports/raw/{NOBODYS_ID}/"),
    Request("GET", f"/v1/exports/raw/{NOBODYS_ID}/file/"),
    Request("POST", "/v1/imports/", {"memory": "I keep bees.", **IDA}, writes=True),
    Request("GET", f"/v1/imports/{NOBODYS_ID}/"),
    Request("GET", ENTITIES),
    Request("GET", f"{ENTITIES}filters/"),
    Request("GET", entity_path()),
    Request("DELETE", entity_path(), writes=True),
    Request("DELETE", f"{ENTITIES}user/41/", writes=True),
    Request("GET", "/v1/memories/user/ida/"),
    Request("POST", "/v1/users/", IDA, writes=True),
    Request("POST", "/v1/agents/", {"agent_id": "bot"}, writes=True),
    Request("POST", "/v1/apps/", {"app_id": "shop"}, writes=True),
    Request("POST", "/v1/runs/", {"run_id": "r"}, writes=True),
    Request("GET", PROFILE),
    Request("DELETE", PROFILE, writes=True),
    Request("GET", "/v2/profiles/settings/"),
    Request("POST", "/v2/profiles/settings/", {"enabled": True}, writes=True),
    Request("POST", "/v2/profiles/jobs/", JOB, writes=True),
    Request("GET", f"/v2/profiles/jobs/{NOBODYS_ID}/"),
]


@pytest.fixture
def each_request(subtests):
    """``for row, request in each_request(): with row: …``: no failure hides another."""

    def each_request(writes=None):
        for request in REQUESTS:
            if writes in (None, request.writes):
                yield subtests.test(str(request)), request

    return each_request


@pytest.fixture
def unknown(api, acme):
    """A client whose key has one wrong character."""
    return api(acme.key[:-1] + ("0" if acme.key[-1] != "0" else "1"))


def with_query(path: str, query: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{query}"


def nothing_was_done(company) -> bool:
    with tenant_scope(company.id):
        return not Memory.objects.exists() and not Operation.objects.exists()


def is_json_error(answer, status: int) -> bool:
    body = answer.json()
    return (
        answer.status_code == status
        and answer["Content-Type"] == "application/json"
        and isinstance(body["detail"], str)
        and "Traceback" not in body["detail"]
    )


def test_these_are_all_the_doors_there_are():
    views = {
        (pattern.callback.view_class, method)
        for pattern in _api_patterns()
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if hasattr(pattern.callback.view_class, method.lower())
    }
    resolve = get_resolver().resolve
    asked = {
        (resolve(request.path.partition("?")[0]).func.view_class, request.method)
        for request in REQUESTS
    }
    assert asked == views


def _api_patterns():
    (api,) = [
        p for p in get_resolver().url_patterns if getattr(p, "app_name", "") == "api"
    ]
    return _flat(api.url_patterns)


def _flat(patterns):
    """Every route, those of included groups too."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern
        else:
            yield from _flat(pattern.url_patterns)


def test_no_key_is_401(api, acme, each_request):
    for row, request in each_request():
        with row:
            answer = request.send(api())
            assert is_json_error(answer, 401)
            assert answer["WWW-Authenticate"].startswith("Token")
            assert nothing_was_done(acme)


@pytest.mark.parametrize("who", ["expired", "revoked", "unknown"])
def test_a_key_that_is_not_good_is_401(request, acme, each_request, who):
    client = request.getfixturevalue(who)
    for row, asked in each_request():
        with row:
            answer = asked.send(client)
            assert is_json_error(answer, 401)
            assert answer.json()["detail"] == "Invalid API key."
            assert nothing_was_done(acme)


def test_a_key_comes_in_the_header_only(api, acme, each_request):
    for row, request in each_request():
        with row:
            path = with_query(request.path, f"api_key={acme.key}")
            assert replace(request, path=path).send(api()).status_code == 401


def test_a_read_only_key_never_writes(reader, acme, each_request):
    for row, request in each_request(writes=True):
        with row:
            assert is_json_error(request.send(reader), 403)
            assert nothing_was_done(acme)


def test_a_read_only_key_reads(reader, each_request):
    for row, request in each_request(writes=False):
        with row:
            assert request.send(reader).status_code in (200, 404)


def test_a_method_that_is_not_there_is_405(client, each_request):
    served = {(r.path.partition("?")[0], r.method) for r in REQUESTS}
    for row, request in each_request():
        path = request.path.partition("?")[0]
        absent = next(m for m in ("PATCH", "PUT") if (path, m) not in served)
        with row:
            answer = getattr(client, absent.lower())(request.path, {})
            assert is_json_error(answer, 405)
            assert request.method in answer["Allow"]


def test_too_many_requests_are_429(
    client, acme, valkey, settings, frozen, each_request
):
    settings.RATE_LIMIT_PER_MINUTE = 1
    for row, request in each_request():
        frozen.advance(minutes=1)
        client.get(PING)
        with row:
            answer = request.send(client)
            assert is_json_error(answer, 429)
            assert 0 < int(answer["Retry-After"]) <= 60
            assert answer["X-RateLimit-Limit"] == "1"
            assert answer["X-RateLimit-Remaining"] == "0"
            assert nothing_was_done(acme)


def test_after_the_wait_the_key_may_again(client, valkey, settings, frozen):
    settings.RATE_LIMIT_PER_MINUTE = 1
    client.get(PING)
    wait_s = int(client.get(PING)["Retry-After"])
    frozen.advance(seconds=wait_s)
    assert client.get(PING).status_code == 200
