from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memplatform.lib.errors import InvalidRequest, QuotaExceeded
from memplatform.lib.ids import new_id
from tenants import counters, quotas, usage
from tenants.models import AuditEntry
from tenants.scopes import tenant_scope
from tenants.services import admit_key, set_limits
from tenants.usage import Amounts, Payer


@pytest.fixture
def access(acme):
    return admit_key(acme.key)


@pytest.fixture(autouse=True)
def no_memory_of_outages(monkeypatch):
    monkeypatch.setattr(counters, "shared", counters.SharedCounters())


def under(access, soft=(), **per_month):
    return replace(access, limits={"per_month": per_month, "soft": list(soft)})


def count(access, operation="add", **amounts):
    payer = Payer(access.tenant_id, access.project_id, access.key_id)
    usage.count(payer, operation, Amounts(**amounts or {"requests": 1}))


def used(access):
    return [(state.quota.name, state.used) for state in quotas.states_of(access)]


def test_no_quota_costs_nothing(access):
    with CaptureQueriesContext(connection) as queries:
        quotas.spend(under(access, search=1), "add")
    assert len(queries) == 0  # and BROKER_URL answers nobody here


def test_a_hard_quota_stops_at_once(valkey, access):
    limited = under(access, add=2)
    for _ in range(2):
        quotas.spend(limited, "add")
    with pytest.raises(QuotaExceeded, match="organization's quota of 2 add a month"):
        quotas.spend(limited, "add")
    assert used(limited) == [("add", 2)]


def test_many_at_once_get_what_there_is_and_no_more(valkey, access):
    limited = under(access, add=5)
    quotas.states_of(limited)  # the counter is there: threads see no test's transaction

    def is_served(_):
        try:
            quotas.spend(limited, "add")
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(is_served, range(64))) == 5
    assert used(limited) == [("add", 5)]


def test_a_soft_quota_only_says_so(valkey, access):
    limited = under(access, add=1, soft=["add"])
    assert quotas.spend(limited, "add").exceeded == ()
    (state,) = quotas.spend(limited, "add").exceeded
    assert str(state) == "1 of 1 add a month, organization"
    assert used(limited) == [("add", 2)]


def test_other_operations_are_not_stopped(valkey, access):
    limited = under(access, add=0)
    quotas.spend(limited, "search")
    with pytest.raises(QuotaExceeded):
        quotas.spend(limited, "add")


def test_a_quota_of_old_by_another_name_does_no_harm(valkey, access):
    limited = under(access, list=0, add=1)
    quotas.spend(limited, "list")
    assert used(limited) == [("add", 0)]


def test_what_was_not_served_is_given_back(valkey, access):
    limited = under(access, add=1)
    quotas.spend(limited, "add").give_back()
    quotas.spend(limited, "add")
    assert used(limited) == [("add", 1)]


def test_a_project_may_have_its_own_within_the_tenants(valkey, access):
    limited = replace(
        under(access, add=9), project_limits={"per_month": {"add": 1}, "soft": []}
    )
    quotas.spend(limited, "add")
    with pytest.raises(QuotaExceeded, match="project's quota of 1"):
        quotas.spend(limited, "add")
    assert used(limited) == [("add", 1), ("add", 1)]
    quotas.spend(under(replace(limited, project_id=new_id()), add=2), "add")


def test_a_counter_begins_with_what_usage_says(valkey, acme, access, frozen):
    count(access)
    usage.flush()
    count(access)
    count(access, "search")
    limited = under(access, add=3)
    assert used(limited) == [("add", 2)]
    quotas.spend(limited, "add")
    with pytest.raises(QuotaExceeded):
        quotas.spend(limited, "add")


def test_a_quota_ends_with_the_month(valkey, access, frozen):
    limited = under(access, add=1)
    quotas.spend(limited, "add")
    assert quotas.month_ends() == datetime(2026, 4, 1, tzinfo=UTC)
    frozen.move_to(quotas.month_ends())
    quotas.spend(limited, "add")


def test_tokens_that_models_took_count_for_every_operation(valkey, access):
    limited = under(access, tokens=100)
    quotas.spend(limited, "add")
    quotas.count_tokens(access.tenant_id, access.project_id, 99)
    quotas.spend(limited, "search")
    quotas.count_tokens(access.tenant_id, access.project_id, 50)
    for operation in ("add", "search", "summary"):
        with pytest.raises(QuotaExceeded, match="tokens"):
            quotas.spend(limited, operation)
    assert used(limited) == [("tokens", 149)]


def test_tokens_of_all_kinds_count(valkey, access):
    count(access, prompt_tokens=10, completion_tokens=1)
    usage.flush()
    count(access, "search", embedding_tokens=5)
    assert used(under(access, tokens=100)) == [("tokens", 16)]


def test_what_one_quota_refuses_another_is_not_charged(valkey, access):
    limited = under(access, tokens=0, add=5)
    with pytest.raises(QuotaExceeded):
        quotas.spend(limited, "add")
    assert used(limited) == [("tokens", 0), ("add", 0)]


def test_without_valkey_what_is_written_judges(access):
    limited = under(access, add=2)
    for _ in range(2):
        quotas.spend(limited, "add")
        count(access)
    usage.flush()
    with pytest.raises(QuotaExceeded):
        quotas.spend(limited, "add")
    (state,) = quotas.spend(under(access, add=2, soft=["add"]), "add").exceeded
    assert state.used == 2


def test_tenants_do_not_share_a_quota(valkey, access, globex):
    quotas.spend(under(access, add=1), "add")
    quotas.spend(under(admit_key(globex.key), add=1), "add")


def test_limits_hold_from_the_next_request_on(acme):
    with tenant_scope(acme.id):
        set_limits(acme.tenant, {"per_month": {"add": 5}})
        set_limits(acme.project, {"per_month": {"add": 2}, "soft": ["add"]})
        changes = AuditEntry.objects.get(action="project.set_limits").changes
    assert changes["limits"][1] == {"per_month": {"add": 2}, "soft": ["add"]}
    limits = [(q.owner, q.limit) for q in quotas.quotas_of(admit_key(acme.key))]
    assert limits == [("organization", 5), ("project", 2)]


def test_a_project_has_no_rate(acme):
    with pytest.raises(InvalidRequest, match="Rates"), tenant_scope(acme.id):
        set_limits(acme.project, {"requests_per_minute": 5})
