"""Searches are recorded after their answer, in batches."""

from __future__ import annotations

import pytest
from django.db import connection

from memories.models import Operation
from memories.retrieval import journal
from memories.types import Filters, Scope, SearchRequest
from memplatform.lib import clock
from memplatform.lib.ids import new_id
from tenants.scopes import tenant_scope
from tenants.selectors import Access

BEES = SearchRequest(
    "Who keeps bees?", Filters("m.user_id = %s", ("ida",), Scope(user_id="ida"))
)


def access_of(company) -> Access:
    return Access(
        company.id, company.project.id, new_id(), new_id(), "alice@example.com"
    )


def recorded(company) -> list[Operation]:
    with tenant_scope(company.id):
        return list(Operation.objects.filter(kind=Operation.Kind.SEARCH))


def test_inside_a_transaction_the_record_belongs_to_it(acme):
    journal.note(access_of(acme), BEES, [], clock.now())
    (operation,) = recorded(acme)
    assert operation.status == Operation.Status.SUCCEEDED
    assert operation.payload == {"query": "Who keeps bees?", "top_k": 10}
    assert (operation.user_id, operation.results) == ("ida", [])


def test_otherwise_it_waits_and_is_written_in_a_batch(committed_db, acme, globex):
    for company in (acme, globex, acme):
        journal.note(access_of(company), BEES, [], clock.now())
    journal.flush()
    assert [len(recorded(company)) for company in (acme, globex)] == [2, 1]


def test_a_project_that_is_gone_costs_no_others_record(acme, globex):
    stranger = Access(acme.id, globex.project.id, new_id(), new_id(), "")
    journal.note(stranger, BEES, [], clock.now())
    journal.note(access_of(acme), BEES, [], clock.now())
    assert len(recorded(acme)) == 1


def test_it_keeps_no_more_than_it_can_hold(committed_db, acme, monkeypatch):
    monkeypatch.setattr(journal, "MAX_WAITING", 2)
    for _ in range(5):
        journal.note(access_of(acme), BEES, [], clock.now())
    journal.flush()
    assert len(recorded(acme)) == 2


@pytest.fixture(autouse=True)
def _quiet_writer(monkeypatch):
    """Only what a test flushes is written."""
    monkeypatch.setattr(journal, "WRITE_EVERY_S", 3600)
    yield
    if not connection.in_atomic_block:
        journal._start_anew()
