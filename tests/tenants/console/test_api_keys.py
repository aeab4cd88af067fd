from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from memplatform.lib.ids import new_id
from tenants import selectors, services
from tenants.models import ApiKey, AuditEntry, Role
from tenants.scopes import tenant_scope
from tests.conftest import PASSWORD

KEY = re.compile(r"mp_\w{22}_\w{8}_\w{43}")


@pytest.fixture
def keys(acme):
    """The keys of acme's project, newest first."""

    def keys() -> list[ApiKey]:
        with tenant_scope(acme.id):
            return list(selectors.list_api_keys(acme.project.id))

    return keys


@pytest.fixture
def audited(acme):
    def audited(action: str) -> AuditEntry:
        with tenant_scope(acme.id):
            return AuditEntry.objects.get(action=action, actor_kind="operator")

    return audited


def named(keys, name):
    return next(key for key in keys if key.name == name)


def chosen(**changes):
    return {"key_id": new_id(), "name": "Support bot", "access": "write", **changes}


def test_the_list_says_what_a_key_may_and_when_it_was_used(
    console, ada, acme, api, page
):
    api(acme.key).get("/v1/ping/")
    with tenant_scope(acme.id):
        services.issue_api_key(
            acme.project,
            acme.owner,
            name="Narrow",
            only_user_id="ida",
            requests_per_minute=30,
        )
    seen = console(ada).get(page("tenants:api-keys")).content.decode()
    assert all(word in seen for word in ("Narrow", "ida", "30", "only read"))
    assert "just now" in seen
    assert acme.key not in seen


def test_a_new_key_is_shown_once_and_works(console, ada, api, page):
    client = console(ada)
    made = client.post(page("tenants:new-api-key"), chosen())
    text = KEY.search(made.content.decode())[0]
    assert made["Cache-Control"] == "no-store"
    assert api(text).get("/v1/ping/").status_code == 200
    for name in ("tenants:api-keys", "tenants:new-api-key", "tenants:audit"):
        assert text not in client.get(page(name)).content.decode()
    assert text not in str(client.cookies) + str(dict(client.session))


def test_the_page_shows_a_call_that_the_key_may_make(console, ada, page):
    narrow = chosen(access="read", only_user_id="o'neil")
    seen = console(ada).post(page("tenants:new-api-key"), narrow)
    call = seen.context["call"]
    assert "/v3/memories/search/" in call
    assert """{"user_id": "o'"'"'neil"}""" in call


def test_a_key_is_made_as_it_was_chosen(console, ada, keys, audited, page, frozen):
    console(ada).post(
        page("tenants:new-api-key"),
        chosen(
            access="read",
            only_user_id="ida",
            only_agent_id="helper",
            last_day="2026-03-05",
            requests_per_minute="30",
        ),
    )
    key = named(keys(), "Support bot")
    assert (key.access, key.only_user_id, key.only_agent_id) == (
        "read",
        "ida",
        "helper",
    )
    assert key.expires_at == datetime(2026, 3, 6, tzinfo=UTC)
    assert key.requests_per_minute == 30
    assert audited("key.issue").actor_id == ada.id
    assert audited("key.issue").object_id == str(key.id)


def test_the_last_day_ends_in_the_operators_zone(console, ada, keys, page, frozen):
    ada.timezone = "America/New_York"
    ada.save()
    console(ada).post(page("tenants:new-api-key"), chosen(last_day="2026-03-05"))
    key = named(keys(), "Support bot")
    assert key.expires_at == datetime(2026, 3, 6, 5, tzinfo=UTC)


def test_the_form_sent_twice_makes_one_key(console, ada, keys, page):
    client, same = console(ada), chosen()
    client.post(page("tenants:new-api-key"), same)
    before = len(keys())
    again = client.post(page("tenants:new-api-key"), same)
    assert again.status_code == 422
    assert "made already" in again.content.decode()
    assert KEY.search(again.content.decode()) is None
    assert len(keys()) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"access": "everything"},
        {"only_user_id": "*"},
        {"last_day": "2020-01-01"},
        {"last_day": "soon"},
        {"requests_per_minute": "-1"},
        {"key_id": "7"},
    ],
)
def test_what_is_wrong_is_told_and_makes_nothing(console, ada, keys, page, wrong):
    before = len(keys())
    answer = console(ada).post(page("tenants:new-api-key"), chosen(**wrong))
    assert answer.status_code == 422
    assert len(keys()) == before


def test_limits_change_and_the_audit_tells_what_was(
    console, ada, keys, audited, page, frozen
):
    key = keys()[0]
    limits = {"last_day": "2026-04-01", "requests_per_minute": "5"}
    answer = console(ada).post(page("tenants:api-key", key.id), limits)
    assert answer["Location"] == page("tenants:api-keys")
    assert keys()[0].requests_per_minute == 5
    assert audited("key.set_rate").changes == {"requests_per_minute": [None, 5]}
    assert audited("key.set_expiry").changes["expires_at"][0] is None


def test_what_stays_the_same_is_not_audited(console, ada, acme, keys, page):
    console(ada).post(page("tenants:api-key", keys()[0].id), {})
    with tenant_scope(acme.id):
        assert not AuditEntry.objects.filter(action__startswith="key.set").exists()


def test_a_revoked_key_is_refused_at_once(console, ada, acme, api, keys, audited, page):
    key = next(k for k in keys() if k.prefix == acme.key.split("_")[2])
    assert api(acme.key).get("/v1/ping/").status_code == 200
    client = console(ada)
    client.post(page("tenants:revoke-api-key", key.id))
    assert api(acme.key).get("/v1/ping/").status_code == 401
    assert "revoked" in client.get(page("tenants:api-keys")).content.decode()
    assert audited("key.revoke").actor_id == ada.id


def test_a_get_revokes_nothing(console, ada, keys, page):
    answer = console(ada).get(page("tenants:revoke-api-key", keys()[0].id))
    assert answer.status_code == 405
    assert keys()[0].revoked_at is None


def test_a_key_of_another_project_is_not_there(console, ada, acme, page):
    with tenant_scope(acme.id):
        other = services.create_project("Other")
        key = services.issue_api_key(other, acme.owner).key
    client = console(ada)
    assert client.get(page("tenants:api-key", key.id)).status_code == 404
    assert client.post(page("tenants:revoke-api-key", key.id)).status_code == 404


def test_an_admin_of_one_project_handles_its_keys(console, acme, keys, page):
    with tenant_scope(acme.id):
        dora = services.create_operator("dora@acme.example", PASSWORD)
        services.add_member(dora, Role.ADMIN, project=acme.project)
    made = console(dora).post(page("tenants:new-api-key"), chosen())
    assert made.status_code == 200
    assert keys()[0].owner_id == dora.id


@pytest.mark.parametrize("name", ["tenants:api-keys", "tenants:new-api-key"])
def test_support_and_viewers_see_no_keys(console, sam, bob, alice, name, page):
    for operator in (sam, bob):
        client = console(operator)
        assert client.get(page(name)).status_code == 403
        overview = client.get(page("memories:overview")).content.decode()
        assert page("tenants:api-keys") not in overview
    seen = console(alice).get(page("memories:overview")).content.decode()
    assert page("tenants:api-keys") in seen


def test_another_tenant_is_not_there(console, carol, globex, page):
    client = console(carol)
    assert client.get(page("tenants:api-keys")).status_code == 404
    assert client.post(page("tenants:new-api-key"), chosen()).status_code == 404


def test_the_number_of_queries_does_not_grow(console, ada, acme, page, queries):
    client, taken = console(ada), []
    for many in (1, 27):
        with tenant_scope(acme.id):
            for number in range(many):
                services.issue_api_key(acme.project, acme.owner, name=f"k{number}")
        taken.append(queries(client, page("tenants:api-keys")))
    assert taken[0] == taken[1]
