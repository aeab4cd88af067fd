"""What was used, as an admin sees it, and as a file."""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tenants import services, usage
from tenants.models import Role
from tenants.scopes import tenant_scope
from tenants.services import admit_key
from tenants.usage import Amounts, Payer

PAGE = reverse("tenants:usage", args=["acme"])
FILE = reverse("tenants:usage-download", args=["acme"])


@pytest.fixture
def count(acme, frozen):
    """``count("add", requests=3)`` on the account of acme's key, on this day."""

    def count(operation, subjects=(), project=None, **amounts):
        access = admit_key(acme.key)
        payer = Payer(acme.id, project or access.project_id, access.key_id)
        usage.count(payer, operation, Amounts(**amounts), subjects)
        usage.flush()

    return count


@pytest.fixture
def see(alice):
    def see(operator=alice, **query):
        client = Client()
        client.force_login(operator)
        return client.get(PAGE, query)

    return see


def rows(answer):
    return answer.context["report"].rows


# --- who may look ---------------------------------------------------------------------


def test_admins_may_look_and_others_may_not(see, acme, bob):
    assert see().status_code == 200
    assert see(bob).status_code == 403  # a viewer


def test_another_tenant_is_not_there(see, acme, carol, globex):
    assert see(carol).status_code == 404


def test_a_member_of_one_project_does_not_see_the_tenant(see, acme):
    dave = services.create_operator("dave@acme.example", None)
    with tenant_scope(acme.id):
        services.add_member(dave, Role.ADMIN, project=acme.project)
    assert see(dave).status_code == 404


def test_a_stranger_is_sent_to_the_sign_in(client, acme):
    assert client.get(FILE)["Location"].startswith("/console/sign-in/")


# --- what is shown --------------------------------------------------------------------


def test_nothing_used_says_where_it_would_come_from(see, acme):
    assert b"Nothing was used" in see().content


def test_this_month_by_day_newest_first(see, count, frozen):
    count("add", requests=2)
    frozen.advance(days=1)
    count("add", requests=3)
    count("search", requests=5)
    found = [(str(row.day), row.amounts.requests) for row in rows(see())]
    assert found == [("2026-03-02", 8), ("2026-03-01", 2)]
    assert b'<td class="number">10</td>' in see().content.replace(b"\n", b"")


def test_by_key_operation_subject_and_project(see, acme, count):
    with tenant_scope(acme.id):
        other = services.create_project("Other")
    count("add", [("user", "ida")], requests=2)
    count("search", requests=7)
    count("add", project=other.id, requests=1)
    assert [row.operation for row in rows(see(by="operation"))] == ["add", "search"]
    (key,) = rows(see(by="key"))
    assert key.key.name == "API key"
    assert [row.subject for row in rows(see(by="subject"))] == [("user", "ida")]
    by_project = {
        row.project.name: row.amounts.requests for row in rows(see(by="project"))
    }
    assert by_project == {"acme project": 9, "Other": 1}
    assert [r.amounts.requests for r in rows(see(project=str(other.id)))] == [1]


def test_some_days_and_one_operation(see, count, frozen):
    count("add", requests=2)
    frozen.advance(days=40)
    count("add", requests=3)
    count("search", requests=3)
    asked = see(first="2026-02-20", last="2026-03-05", operation="ADD")
    assert [row.amounts.requests for row in rows(asked)] == [2]


def test_what_it_cost_is_shown(see, count):
    count("add", model_calls=2, prompt_tokens=900, cost=Decimal("0.0123"))
    shown = see().content.decode()
    assert "0.0123" in shown
    assert ">900<" in shown


@pytest.mark.parametrize(
    "query",
    [
        {"first": "2026-03-05", "last": "2026-03-01"},
        {"first": "2020-01-01", "last": "2026-03-01"},
        {"first": "yesterday"},
        {"by": "colour"},
        {"project": "00000000-0000-0000-0000-000000000000"},
        {"page": "-3"},
        {"operation": "x" * 100},
    ],
)
def test_what_cannot_be_answered_shows_this_month(see, count, query):
    count("add", requests=2)
    answer = see(**query)
    assert answer.status_code == 200
    assert [row.amounts.requests for row in rows(answer)] == [2]


def test_another_tenants_project_is_no_choice(see, count, globex):
    count("add", requests=2)
    answer = see(project=str(globex.project.id))
    assert "Select a valid choice" in answer.content.decode()


def test_quotas_of_the_tenant_and_its_projects(see, acme, count, valkey):
    count("add", requests=8)
    assert b"No quotas are set" in see().content
    with tenant_scope(acme.id):
        services.set_limits(acme.tenant, {"per_month": {"add": 8}, "soft": ["add"]})
        services.set_limits(acme.project, {"per_month": {"add": 40}})
    states = see().context["limits"]
    assert [(s.quota.owner, s.used, s.quota.limit) for s in states] == [
        ("organization", 8, 8),
        ("project", 8, 40),
    ]
    assert b"used up" in see().content


def test_as_many_queries_for_many_rows(alice, acme, count, frozen):
    client = Client()
    client.force_login(alice)

    def queries() -> int:
        with CaptureQueriesContext(connection) as taken:
            client.get(PAGE, {"by": "key"})
        return len(taken)

    count("add", requests=1)
    queries()
    few = queries()
    with tenant_scope(acme.id):
        keys = [services.issue_api_key(acme.project, alice).key.id for _ in range(20)]
    for key in keys:
        payer = Payer(acme.id, acme.project.id, key)
        usage.count(payer, "add", Amounts(requests=1))
    usage.flush()
    assert queries() == few


# --- the file -------------------------------------------------------------------------


def file_of(operator, **query):
    client = Client()
    client.force_login(operator)
    answer = client.get(FILE, query)
    assert answer["Content-Type"] == "text/csv"
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(StringIO(text)))


def test_a_file_holds_all_pages(alice, count, frozen):
    for _ in range(60):
        count("add", requests=1)
        frozen.advance(days=1)
    found = file_of(alice, first="2026-03-01", last="2026-05-01")
    assert len(found) == 60
    assert found[0]["day"] == "2026-04-29"
    assert {row["requests"] for row in found} == {"1"}


def test_a_name_is_no_formula(alice, count):
    count("add", [("user", '=HYPERLINK("http://x")')], requests=1)
    (row,) = file_of(alice, by="subject")
    assert row["subject"] == '\'=HYPERLINK("http://x")'


def test_the_file_is_for_admins_too(bob, acme):
    client = Client()
    client.force_login(bob)
    assert client.get(FILE).status_code == 403
