from __future__ import annotations

import logging
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from memplatform.lib import clock
from memplatform.lib.ids import new_id
from tenants import usage
from tenants.models import ForgottenSubject, SubjectUsage, Usage
from tenants.scopes import tenant_scope
from tenants.services import admit_key, purge_project
from tenants.usage import Amounts, Payer

IDA = ("user", "ida")


@pytest.fixture
def access(acme):
    return admit_key(acme.key)


def count(access, operation="add", subjects=(), since=None, **amounts):
    payer = Payer(access.tenant_id, access.project_id, access.key_id)
    counted = Amounts(**amounts or {"requests": 1})
    usage.count(payer, operation, counted, subjects, since=since)


def usage_of(company):
    with tenant_scope(company.id):
        return list(
            Usage.objects.order_by("operation").values_list("operation", "requests")
        )


def subjects_of(company):
    with tenant_scope(company.id):
        rows = SubjectUsage.objects.order_by("kind", "name", "operation")
        return list(rows.values_list("kind", "name", "operation", "requests"))


def test_counting_costs_no_query(access):
    with CaptureQueriesContext(connection) as queries:
        count(access, subjects=[IDA])
    assert len(queries) == 0


def test_counts_are_written_in_one_batch(acme, access):
    for operation in ("add", "add", "search"):
        count(access, operation)
    assert usage.flush() == 2
    assert usage_of(acme) == [("add", 2), ("search", 1)]
    assert usage.flush() == 0


def test_counts_add_up_over_flushes(acme, access):
    for _ in range(2):
        count(access)
        count(access, prompt_tokens=10, completion_tokens=1, embedding_tokens=5)
        usage.flush()
    with tenant_scope(acme.id):
        row = Usage.objects.get()
    assert (row.requests, row.prompt_tokens, row.completion_tokens) == (2, 20, 2)
    assert row.embedding_tokens == 10
    assert (row.api_key_id, row.day) == (access.key_id, clock.now().date())


def test_a_request_is_on_the_account_of_each_subject(acme, access):
    count(access, subjects=[IDA, ("agent", "bot")])
    count(access, subjects=[IDA])
    count(access)
    usage.flush()
    assert usage_of(acme) == [("add", 3)]
    assert subjects_of(acme) == [("agent", "bot", "add", 1), ("user", "ida", "add", 2)]


def test_counts_of_a_project_that_is_gone_are_dropped(acme, access):
    count(replace(access, project_id=new_id()), subjects=[IDA])
    count(access)
    usage.flush()
    assert usage_of(acme) == [("add", 1)]
    assert subjects_of(acme) == []


def test_tenants_are_counted_apart(acme, globex, access):
    count(access, subjects=[IDA])
    count(admit_key(globex.key), "search")
    usage.flush()
    assert (usage_of(acme), usage_of(globex)) == ([("add", 1)], [("search", 1)])
    assert subjects_of(globex) == []


def test_threads_lose_no_count(access):
    def count_much():
        for _ in range(500):
            count(access)

    threads = [threading.Thread(target=count_much) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _, counts = usage._buffer.take()
    assert [amounts.requests for amounts in counts.values()] == [2000]


def test_a_write_that_can_never_work_is_logged_and_fails_nothing(acme, access, caplog):
    count(access, "x" * 33)  # longer than its column
    count(access)
    usage.flush()
    assert "2 usage counts are lost" in caplog.text
    assert usage_of(acme) == []


def test_what_cannot_be_written_now_is_written_later(acme, access, monkeypatch, caplog):
    def away(rows, since):
        raise OperationalError("the database is away")

    count(access)
    with monkeypatch.context() as outage, caplog.at_level(logging.WARNING):
        outage.setattr(usage, "_write", away)
        usage.flush()
    count(access)
    usage.flush()
    assert usage_of(acme) == [("add", 2)]


def test_a_thread_writes_what_a_request_counted(
    committed_db, acme, access, monkeypatch
):
    monkeypatch.setattr(usage, "WRITE_EVERY_S", 0.05)
    monkeypatch.setattr(usage, "_buffer", usage._Buffer())
    wrote = threading.Event()
    count(access)
    for _ in range(100):
        if usage_of(acme):
            break
        wrote.wait(0.1)
    assert usage_of(acme) == [("add", 1)]


ENDS = """
import django
django.setup()
from uuid import UUID
from django.db import connections
settings = connections.settings["default"]
settings |= {database!r}
from tenants import usage
payer = usage.Payer(*map(UUID, {ids!r}))
usage.count(payer, "add", usage.Amounts(requests=1))
"""


def test_a_process_that_ends_loses_no_count(committed_db, acme, access):
    known = connection.settings_dict
    database = {name: known[name] for name in ("NAME", "HOST", "PORT", "USER")}
    database["PASSWORD"] = known["PASSWORD"]
    ids = [str(i) for i in (access.tenant_id, access.project_id, access.key_id)]
    script = ENDS.format(database=database, ids=ids)
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert usage_of(acme) == [("add", 1)]


# --- Erasure ----------------------------------------------------------------


def forget(company, kind="user", name="ida"):
    with tenant_scope(company.id):
        usage.forget_subject(company.project.id, kind, name)


def test_who_is_forgotten_leaves_only_counts(acme, access):
    count(access, subjects=[IDA, ("user", "ben"), ("agent", "ida")])
    usage.flush()
    forget(acme)
    names = {(kind, name) for kind, name, *_ in subjects_of(acme)}
    assert IDA not in names
    assert {("user", "ben"), ("agent", "ida")} < names
    assert sum(requests for *_, requests in subjects_of(acme)) == 3
    assert usage_of(acme) == [("add", 1)]


def test_what_was_counted_before_is_not_written_under_the_name_later(
    acme, access, frozen
):
    count(access, subjects=[IDA])
    frozen.advance(seconds=1)
    forget(acme)
    frozen.advance(seconds=1)
    usage.flush()
    ((_, name, *_),) = subjects_of(acme)
    assert name.startswith("erased-")


def test_work_that_began_before_is_not_told_under_the_name_afterwards(
    acme, access, frozen
):
    began = clock.now()
    frozen.advance(seconds=30)
    forget(acme)
    frozen.advance(seconds=30)
    count(access)
    count(access, subjects=[IDA], since=began)
    count(access)
    usage.flush()
    ((_, name, *_),) = subjects_of(acme)
    assert name.startswith("erased-")


def test_who_comes_back_is_counted_again(acme, access, frozen):
    forget(acme)
    frozen.advance(seconds=1)
    count(access, subjects=[IDA])
    usage.flush()
    assert subjects_of(acme) == [("user", "ida", "add", 1)]


def test_twice_forgotten_is_two_pseudonyms(acme, access, frozen):
    for _ in range(2):
        count(access, subjects=[IDA])
        usage.flush()
        frozen.advance(seconds=1)
        forget(acme)
        frozen.advance(seconds=1)
    assert len({name for _, name, *_ in subjects_of(acme)}) == 2


def test_nothing_that_leads_to_the_name_is_kept_for_long(acme, frozen):
    forget(acme)
    frozen.advance(days=3)
    with tenant_scope(acme.id):
        usage.drop_digests()
        assert not ForgottenSubject.objects.exists()


def test_a_purged_project_leaves_no_usage(acme, access):
    count(access, subjects=[IDA])
    usage.flush()
    forget(acme)
    with tenant_scope(acme.id):
        purge_project(acme.project)
        assert not SubjectUsage.objects.exists()
        assert not ForgottenSubject.objects.exists()


# --- What a view counts -----------------------------------------------------

views = pytest.mark.urls("tests.tenants.urls")


@views
def test_a_view_counts_under_its_operation(api, acme):
    api(acme.key).get("/v1/whoami/")
    usage.flush()
    assert usage_of(acme) == [("WHOAMI", 1)]


@views
def test_what_was_not_served_is_not_counted(api, acme):
    api(acme.read_key).post("/v1/whoami/", {})
    api(acme.key).patch("/v1/reading/", {})
    api(acme.key).options("/v1/whoami/")
    assert usage.flush() == 0
