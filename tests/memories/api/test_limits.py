"""GET /v1/limits/, and what limits do to the requests of the memory API."""

from __future__ import annotations

import pytest

from tenants import counters, usage
from tenants.scopes import tenant_scope
from tenants.services import set_limits
from tests.memories.api.conftest import ADD, LIST, PING, SEARCH, memory_path

LIMITS = "/v1/limits/"
BEES = {"messages": "I keep bees.", "user_id": "ida"}
A_SCHEMA = {"type": "object", "properties": {"pet": {"type": "string"}}}
FOR_BEES = {"query": "bees", "filters": {"user_id": "ida"}}


@pytest.fixture
def limit(acme):
    """``limit(per_month={"add": 1})`` for the tenant."""

    def limit(**limits):
        with tenant_scope(acme.id):
            set_limits(acme.tenant, limits)

    return limit


def quotas_told(client):
    told = client.get(LIMITS).json()["quotas"]
    return [(q["name"], q["of"], q["limit"], q["used"], q["stop"]) for q in told]


def test_without_limits_there_is_little_to_tell(client, frozen):
    assert client.get(LIMITS).json() == {
        "rates": {"key": None, "organization": None},
        "quotas": [],
        "month_ends": "2026-04-01T00:00:00+00:00",
    }


def test_it_tells_rates_as_the_headers_do(client, limit, valkey, frozen):
    limit(requests_per_minute=5, tenant_requests_per_minute=9)
    answer = client.get(LIMITS)
    rates = answer.json()["rates"]
    assert rates["key"]["requests_per_minute"] == 5
    assert rates["key"]["remaining"] == 4 == int(answer["X-RateLimit-Remaining"])
    assert rates["key"]["resets_at"] == int(answer["X-RateLimit-Reset"])
    assert rates["organization"]["remaining"] == 8


def test_it_tells_quotas_of_tenant_and_project(client, acme, limit, valkey, store):
    limit(per_month={"add": 9, "tokens": 100}, soft=["tokens"])
    with tenant_scope(acme.id):
        set_limits(acme.project, {"per_month": {"add": 5}})
    store("a")
    assert quotas_told(client) == [
        ("add", "organization", 9, 1, "hard"),
        ("tokens", "organization", 100, 0, "soft"),
        ("add", "project", 5, 1, "hard"),
    ]


def test_a_hard_quota_stops_with_413(client, limit, valkey):
    limit(per_month={"add": 1, "search": 1})
    for path, body in ((ADD, BEES), (SEARCH, FOR_BEES)):
        assert client.post(path, body).status_code == 200
        answer = client.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (413, "quota_exceeded")
        assert "a month is used up" in answer.json()["detail"]


def test_the_old_forms_spend_the_same(client, limit, valkey):
    limit(per_month={"add": 1, "search": 1})
    client.post(ADD, BEES)
    client.post(SEARCH, FOR_BEES)
    assert client.post("/v1/memories/", BEES).status_code == 413
    assert client.post("/v1/memories/search/", FOR_BEES).status_code == 413
    assert client.post("/v2/memories/search/", FOR_BEES).status_code == 413


def test_where_nothing_is_limited_valkey_is_not_asked(
    client, models, caplog, monkeypatch
):
    """It is away here, which who asks it is told; embedding the query costs tokens."""
    monkeypatch.setattr(counters, "shared", counters.SharedCounters())
    assert client.post(SEARCH, FOR_BEES).status_code == 200
    assert client.post(ADD, {**BEES, "infer": False}).json()["results"]
    assert "Valkey is away" not in caplog.text


def test_a_soft_quota_warns_and_serves(client, limit, valkey):
    limit(per_month={"add": 1}, soft=["add"])
    assert "X-Memplatform-Warning" not in client.post(ADD, BEES)
    answer = client.post(ADD, BEES)
    assert answer.status_code == 200
    assert answer["X-Memplatform-Warning"] == (
        "quota exceeded: 1 of 1 add a month, organization"
    )
    assert quotas_told(client) == [("add", "organization", 1, 2, "soft")]


def test_a_request_that_fails_spends_nothing(client, limit, valkey):
    limit(per_month={"add": 1, "search": 1})
    client.post(ADD, {"messages": "I keep bees."})
    client.post(SEARCH, {"query": "bees", "filters": {}})
    long_ago = {**BEES, "expiration_date": "never"}
    client.post(ADD, long_ago)
    assert client.post(ADD, BEES).status_code == 200


def test_used_up_tokens_stop_what_needs_a_model(client, limit, valkey, store):
    memory_id = store("a")
    limit(per_month={"tokens": 0})
    for answer in (
        client.post(ADD, BEES),
        client.post(SEARCH, FOR_BEES),
        client.put(memory_path(memory_id), {"text": "b"}),
        client.put("/v1/batch/", {"memories": [{"memory_id": memory_id, "text": "b"}]}),
        client.post("/v1/summary/", {"filters": {"user_id": "ida"}}),
        client.post(
            "/v1/exports/",
            {"schema": A_SCHEMA, "filters": {"user_id": "ida"}},
        ),
    ):
        assert (answer.status_code, answer.json()["code"]) == (413, "quota_exceeded")
    assert client.get(memory_path(memory_id)).json()["memory"] == "a"
    assert client.post(LIST, {"filters": {"user_id": "ida"}}).status_code == 200


def test_what_the_worker_spends_counts_at_once(
    models_of_acme, client, limit, valkey, learn
):
    limit(per_month={"tokens": 1})
    learn("I keep bees behind the barn.")
    ((_, _, _, used, _),) = quotas_told(client)
    assert used >= sum(models_of_acme()) > 0
    assert client.post(ADD, BEES).status_code == 413


def test_quotas_and_usage_agree(client, limit, valkey):
    limit(per_month={"add": 9})
    for _ in range(3):
        client.post(ADD, BEES)
    usage.flush()
    told = client.get("/v1/usage/", {"operation": "add"}).json()["total"]
    assert quotas_told(client)[0][3] == told["requests"] == 3


def test_a_narrowed_key_does_not_see_them(idas):
    assert idas.get(LIMITS).status_code == 403


def test_another_tenant_has_its_own(outsider, limit, valkey):
    limit(requests_per_minute=1, per_month={"add": 0})
    assert outsider.get(LIMITS).json()["quotas"] == []
    assert "X-RateLimit-Limit" not in outsider.get(PING)
