from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from memplatform.lib.errors import InvalidRequest
from memplatform.lib.ids import new_id
from tenants import counters, limits
from tenants.models import Tenant
from tenants.scopes import tenant_scope
from tenants.services import admit_key, issue_api_key, set_key_rate


@pytest.fixture
def access(acme):
    return admit_key(acme.key)


@pytest.fixture(autouse=True)
def no_memory_of_outages(monkeypatch):
    monkeypatch.setattr(counters, "shared", counters.SharedCounters())


def limited(access, per_minute, **more):
    return replace(access, limits={"requests_per_minute": per_minute, **more})


def test_no_limit_costs_nothing(access):
    assert limits.take_request(access) is None  # BROKER_URL answers nobody here


def test_a_key_has_its_minute(valkey, access, frozen):
    taken = [limits.take_request(limited(access, 2)) for _ in range(3)]
    assert [allowance.remaining for allowance in taken] == [1, 0, 0]
    assert [allowance.is_exceeded for allowance in taken] == [False, False, True]
    assert taken[2].retry_after_s == 30
    assert taken[2].headers() == {
        "X-RateLimit-Limit": "2",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(frozen.instant.timestamp()) + 60),
    }


@pytest.mark.parametrize("per_minute", [1, 7, 60, 999])
def test_a_bucket_holds_a_minutes_requests_and_no_more(
    valkey, access, frozen, per_minute
):
    allowed = [
        not limits.take_request(limited(access, per_minute)).is_exceeded
        for _ in range(per_minute + 2)
    ]
    assert allowed == [True] * per_minute + [False] * 2


def test_room_comes_back_evenly(valkey, access, frozen):
    """No cliff at the end of a minute: one request each 30 s where two fit a minute."""
    for _ in range(2):
        limits.take_request(limited(access, 2))
    frozen.advance(seconds=29)
    assert limits.take_request(limited(access, 2)).is_exceeded
    frozen.advance(seconds=1)
    assert not limits.take_request(limited(access, 2)).is_exceeded
    assert limits.take_request(limited(access, 2)).is_exceeded


def test_who_waits_a_minute_has_all_of_it_again(valkey, access, frozen):
    for _ in range(9):
        limits.take_request(limited(access, 2))
    frozen.advance(seconds=60)
    assert limits.take_request(limited(access, 2)).remaining == 1


def test_a_clock_that_was_wrong_locks_nobody_out(valkey, access, frozen):
    frozen.advance(days=1)
    limits.take_request(limited(access, 1))
    frozen.advance(days=-1)
    assert limits.take_request(limited(access, 1)).retry_after_s <= 60


def test_many_at_once_get_what_there_is_and_no_more(valkey, access):
    def take(_):
        return not limits.take_request(limited(access, 2)).is_exceeded

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(take, range(64))) == 2


def test_keys_do_not_share_a_limit(valkey, access):
    limits.take_request(limited(access, 1))
    other = replace(limited(access, 1), key_id=new_id())
    assert not limits.take_request(other).is_exceeded


def test_keys_share_the_limit_of_their_tenant(valkey, access, frozen):
    both = limited(access, 10, tenant_requests_per_minute=2)
    limits.take_request(both)
    limits.take_request(replace(both, key_id=new_id()))
    refused = limits.take_request(both)
    assert (refused.whose, refused.limit) == ("This organization", 2)
    assert refused.is_exceeded


def test_what_one_limit_refuses_the_other_is_not_charged(valkey, access, frozen):
    narrow = limited(access, 3, tenant_requests_per_minute=1)
    limits.take_request(narrow)
    for _ in range(5):
        limits.take_request(narrow)
    assert limits.take_request(limited(access, 3)).remaining == 1


def test_the_limit_that_leaves_least_is_told(valkey, access, frozen):
    told = limits.take_request(limited(access, 5, tenant_requests_per_minute=9))
    assert (told.limit, told.remaining) == (5, 4)


def test_the_nearest_limit_wins(access, settings):
    settings.RATE_LIMIT_PER_MINUTE = 5
    assert limits.limit_per_minute(access) == 5
    assert limits.limit_per_minute(limited(access, 9)) == 9
    assert limits.limit_per_minute(limited(access, 0)) == 0
    own = replace(limited(access, 9), requests_per_minute=2)
    assert limits.limit_per_minute(own) == 2


def test_a_key_may_have_a_rate_of_its_own(acme):
    with tenant_scope(acme.id):
        issued = issue_api_key(acme.project, acme.owner, requests_per_minute=3)
    assert admit_key(issued.text).requests_per_minute == 3
    with tenant_scope(acme.id):
        set_key_rate(issued.key, None)
    assert admit_key(issued.text).requests_per_minute is None


def test_a_rate_is_no_negative_number(acme):
    with pytest.raises(InvalidRequest, match="0 to"), tenant_scope(acme.id):
        issue_api_key(acme.project, acme.owner, requests_per_minute=-1)


def test_without_valkey_every_request_passes_and_the_log_says_so_once(access, caplog):
    with caplog.at_level(logging.WARNING):
        taken = [limits.take_request(limited(access, 1)) for _ in range(5)]
    assert taken == [None] * 5
    assert len([r for r in caplog.records if "Valkey is away" in r.message]) == 1


def test_a_bucket_forgets_itself(valkey, access):
    limits.take_request(limited(access, 1))
    client = counters.client(valkey)
    (key,) = client.keys(f"rate:*:{access.key_id}")
    assert 0 < client.ttl(key) <= 62


@pytest.mark.urls("tests.tenants.urls")
def test_a_refused_request_says_when_to_come_back(valkey, api, acme, settings):
    settings.RATE_LIMIT_PER_MINUTE = 1
    first = api(acme.key).get("/v1/whoami/")
    second = api(acme.key).get("/v1/whoami/")
    assert (first.status_code, second.status_code) == (200, 429)
    assert first["X-RateLimit-Limit"] == "1"
    assert first["X-RateLimit-Remaining"] == "0"
    assert second.json()["code"] == "rate_limited"
    assert 1 <= int(second["Retry-After"]) <= 60


@pytest.mark.urls("tests.tenants.urls")
@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("get", "/v1/whoami/", "key", 200),
        ("post", "/v1/whoami/", "read_key", 403),
        ("post", "/v1/narrowed/", "key", 405),
        ("get", "/v1/failing/not-found/", "key", 404),
        ("get", "/v1/failing/fields/", "key", 400),
        ("get", "/v1/failing/database/", "key", 503),
        ("get", "/v1/broken/", "key", 500),
    ],
)
def test_every_answer_to_a_key_says_what_is_left(
    valkey, api, acme, settings, method, path, key, status
):
    settings.RATE_LIMIT_PER_MINUTE = 5
    client = api(getattr(acme, key))
    client.raise_request_exception = False
    answer = getattr(client, method)(path)
    assert answer.status_code == status
    assert (answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]) == ("5", "4")


@pytest.mark.urls("tests.tenants.urls")
def test_a_bad_key_is_not_counted(valkey, api, acme, settings):
    settings.RATE_LIMIT_PER_MINUTE = 1
    assert "X-RateLimit-Limit" not in api(acme.key[:-1]).get("/v1/whoami/")


@pytest.mark.urls("tests.tenants.urls")
def test_the_limit_of_the_tenants_row_is_the_one(valkey, api, acme):
    Tenant.objects.filter(id=acme.id).update(limits={"requests_per_minute": 1})
    statuses = [api(acme.key).get("/v1/whoami/").status_code for _ in range(2)]
    assert statuses == [200, 429]


@pytest.mark.parametrize(
    "wrong",
    [
        {"requests_per_hour": 5},
        {"requests_per_minute": -1},
        {"requests_per_minute": "9"},
        {"requests_per_minute": True},
        {"tenant_requests_per_minute": 1.5},
        {"per_month": 5},
        {"per_month": {"deletes": 5}},
        {"per_month": {"add": None}},
        {"soft": "add"},
        {"soft": ["adds"]},
    ],
)
def test_a_limit_nobody_could_read_is_refused(wrong):
    with pytest.raises(InvalidRequest, match="requests_per_minute"):
        limits.check_limits(wrong)
