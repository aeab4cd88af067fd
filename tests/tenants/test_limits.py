from __future__ import annotations

import logging
import threading
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memplatform.lib import clock
from memplatform.lib.errors import QuotaExceeded
from memplatform.lib.ids import new_id
from tenants import limits
from tenants.models import Tenant, Usage
from tenants.scopes import tenant_scope
from tenants.services import admit_key, flush_key_usage


@pytest.fixture
def access(acme):
    return admit_key(acme.key)


@pytest.fixture(autouse=True)
def no_memory_of_outages(monkeypatch):
    monkeypatch.setattr(limits, "_valkey", limits._Valkey())


def limited(access, per_minute):
    return replace(access, limits={"requests_per_minute": per_minute})


# --- Rates ------------------------------------------------------------------


def test_no_limit_costs_nothing(access):
    assert limits.take_request(access) is None  # BROKER_URL answers nobody here


def test_a_key_has_its_minute(valkey, access, frozen):
    taken = [limits.take_request(limited(access, 2)) for _ in range(3)]
    assert [allowance.remaining for allowance in taken] == [1, 0, 0]
    assert [allowance.is_exceeded for allowance in taken] == [False, False, True]
    assert taken[2].retry_after_s == 60
    assert taken[2].headers()["X-RateLimit-Reset"] == str(taken[2].resets_at)


def test_the_next_minute_is_a_new_one(valkey, access, frozen):
    for _ in range(3):
        limits.take_request(limited(access, 2))
    frozen.advance(seconds=60)
    assert not limits.take_request(limited(access, 2)).is_exceeded


def test_keys_do_not_share_a_limit(valkey, access):
    limits.take_request(limited(access, 1))
    other = replace(limited(access, 1), key_id=new_id())
    assert not limits.take_request(other).is_exceeded


def test_a_tenants_limit_wins_over_the_platforms(access, settings):
    settings.RATE_LIMIT_PER_MINUTE = 5
    assert limits.limit_per_minute(access) == 5
    assert limits.limit_per_minute(limited(access, 9)) == 9
    assert limits.limit_per_minute(limited(access, 0)) == 0


def test_without_valkey_every_request_passes_and_the_log_says_so_once(access, caplog):
    with caplog.at_level(logging.WARNING):
        taken = [limits.take_request(limited(access, 1)) for _ in range(5)]
    assert taken == [None] * 5
    assert len([r for r in caplog.records if "Valkey is away" in r.message]) == 1


def test_a_counter_forgets_itself(valkey, access):
    limits.take_request(limited(access, 1))
    client = limits._client(valkey)
    (key,) = client.keys(f"rate:{access.key_id}:*")
    assert 0 < client.ttl(key) <= 120


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
def test_a_bad_key_is_not_counted(valkey, api, acme, settings):
    settings.RATE_LIMIT_PER_MINUTE = 1
    assert "X-RateLimit-Limit" not in api(acme.key[:-1]).get("/v1/whoami/")


# --- Usage ------------------------------------------------------------------


def usage_of(company):
    with tenant_scope(company.id):
        return list(
            Usage.objects.order_by("operation").values_list("operation", "requests")
        )


def test_counting_costs_no_query(access):
    with CaptureQueriesContext(connection) as queries:
        limits.count_usage(access, "ADD")
    assert len(queries) == 0


def test_counts_are_written_in_one_batch(acme, access):
    for operation in ("ADD", "ADD", "SEARCH"):
        limits.count_usage(access, operation)
    assert flush_key_usage() == 2
    assert usage_of(acme) == [("ADD", 2), ("SEARCH", 1)]
    assert flush_key_usage() == 0


def test_counts_add_up_over_flushes(acme, access):
    for _ in range(2):
        limits.count_usage(access, "ADD")
        ids = (access.tenant_id, access.project_id, access.key_id)
        limits.count_tokens(ids, "ADD", prompt_tokens=10, completion_tokens=1)
        flush_key_usage()
    with tenant_scope(acme.id):
        row = Usage.objects.get()
    assert (row.requests, row.prompt_tokens, row.completion_tokens) == (2, 20, 2)
    assert (row.api_key_id, row.day) == (access.key_id, clock.now().date())


def test_counts_of_a_project_that_is_gone_are_dropped(acme, access):
    limits.count_usage(replace(access, project_id=new_id()), "ADD")
    limits.count_usage(access, "ADD")
    flush_key_usage()
    assert usage_of(acme) == [("ADD", 1)]


def test_tenants_are_counted_apart(acme, globex, access):
    limits.count_usage(access, "ADD")
    limits.count_usage(admit_key(globex.key), "SEARCH")
    flush_key_usage()
    assert (usage_of(acme), usage_of(globex)) == ([("ADD", 1)], [("SEARCH", 1)])


def test_threads_lose_no_count(access):
    def count():
        for _ in range(500):
            limits.count_usage(access, "ADD")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (amounts,) = limits._buffer.take().values()
    assert amounts["requests"] == 2000


@pytest.mark.urls("tests.tenants.urls")
def test_a_view_counts_under_its_operation(api, acme, monkeypatch):
    monkeypatch.setattr(limits, "FLUSH_EVERY_S", 0.0)
    api(acme.key).get("/v1/whoami/")
    assert usage_of(acme) == [("WHOAMI", 1)]


def test_a_flush_that_fails_is_logged_and_fails_nothing(acme, access, caplog):
    limits.count_usage(access, "x" * 33)  # longer than its column
    limits.count_usage(access, "ADD")
    flush_key_usage()
    assert "2 usage counts are lost" in caplog.text
    assert usage_of(acme) == []


# --- Quotas -----------------------------------------------------------------


def test_a_quota_ends_with_the_month(acme, access, frozen):
    access = replace(access, limits={"per_month": {"ADD": 2}})
    for _ in range(2):
        limits.count_usage(access, "ADD")
    flush_key_usage()
    with tenant_scope(acme.id), pytest.raises(QuotaExceeded):
        limits.require_quota(access, "ADD")
    frozen.advance(days=31)
    with tenant_scope(acme.id):
        limits.require_quota(access, "ADD")


def test_no_quota_costs_no_query(acme, access):
    with tenant_scope(acme.id), CaptureQueriesContext(connection) as queries:
        limits.require_quota(access, "ADD")
    assert len(queries) == 0


@pytest.mark.urls("tests.tenants.urls")
def test_the_limit_of_the_tenants_row_is_the_one(valkey, api, acme):
    Tenant.objects.filter(id=acme.id).update(limits={"requests_per_minute": 1})
    statuses = [api(acme.key).get("/v1/whoami/").status_code for _ in range(2)]
    assert statuses == [200, 429]
