from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memplatform.lib import clock
from memplatform.lib.ids import new_id
from tenants import keys
from tenants.models import ApiKey, Operator, Tenant
from tenants.scopes import tenant_scope
from tenants.services import issue_api_key, revoke_api_key

pytestmark = pytest.mark.urls("tests.tenants.urls")


def row_of(company, key):
    with tenant_scope(company.id):
        return ApiKey.objects.get(prefix=keys.parse_key(key).prefix)


def refused(answer):
    """The same answer for every reason, so that it tells nobody which."""
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Token realm="api"'
    assert answer.json() == {"detail": "Invalid API key.", "code": "not_authenticated"}
    return True


@pytest.mark.parametrize("keyword", ["Token", "token", "TOKEN", "Bearer", "bearer"])
def test_a_key_in_the_header_is_taken(api, acme, keyword):
    answer = api(HTTP_AUTHORIZATION=f"{keyword} {acme.key}").get("/v1/whoami/")
    assert answer.status_code == 200
    assert (
        answer.json() | {"tenant_id": str(acme.id), "operator_email": acme.owner.email}
        == answer.json()
    )


def test_the_key_decides_tenant_project_and_operator(api, acme, globex):
    said = api(globex.key).get("/v1/whoami/").json()
    assert said["tenant_id"] == str(globex.id)
    assert said["project_id"] == str(globex.project.id)
    assert said["operator_id"] == str(globex.owner.id)
    assert said["may_write"] == "True"


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "Token",
        "Token ",
        "Basic YTpi",
        "{key}",
        "Token token={key}",
        "Tokens {key}",
    ],
)
def test_a_header_of_another_shape_is_401(api, acme, header):
    answer = api(HTTP_AUTHORIZATION=header.format(key=acme.key)).get("/v1/whoami/")
    assert answer.status_code == 401
    assert isinstance(answer.json()["detail"], str)


def test_no_header_is_401(api, db):
    answer = api().get("/v1/whoami/")
    assert answer.status_code == 401
    assert answer.json()["detail"] == "Authentication credentials were not provided."


def test_a_key_in_the_query_is_not_taken(api, acme):
    for name in ("api_key", "token", "key", "Authorization"):
        assert api().get("/v1/whoami/", {name: acme.key}).status_code == 401


def test_a_malformed_key_costs_no_query(api, db):
    with CaptureQueriesContext(connection) as queries:
        assert refused(api("m0-something").get("/v1/whoami/"))
    assert len(queries) == 0


def test_an_unknown_tenant_is_refused(api, db):
    assert refused(api(keys.generate_key(new_id()).text).get("/v1/whoami/"))


def test_an_unknown_prefix_is_refused(api, acme):
    assert refused(api(keys.generate_key(acme.id).text).get("/v1/whoami/"))


def test_a_wrong_secret_is_refused(api, acme):
    changed = acme.key[:-1] + ("0" if acme.key[-1] != "0" else "1")
    assert refused(api(changed).get("/v1/whoami/"))


def test_a_key_is_worth_nothing_under_another_tenant(api, acme, globex):
    """globex's prefix and secret, sent as acme's."""
    _, tenant, _, _ = acme.key.split("_")
    kind, _, prefix, secret = globex.key.split("_")
    assert refused(api(f"{kind}_{tenant}_{prefix}_{secret}").get("/v1/whoami/"))


def test_an_expired_key_is_refused(api, acme, frozen):
    with tenant_scope(acme.id):
        expires_at = clock.now() + timedelta(hours=1)
        key = issue_api_key(acme.project, acme.owner, expires_at=expires_at).text
    assert api(key).get("/v1/whoami/").status_code == 200
    frozen.advance(hours=1)
    assert refused(api(key).get("/v1/whoami/"))


def test_a_revoked_key_is_refused_at_once(api, acme):
    assert api(acme.key).get("/v1/whoami/").status_code == 200
    with tenant_scope(acme.id):
        revoke_api_key(row_of(acme, acme.key))
    assert refused(api(acme.key).get("/v1/whoami/"))


@pytest.mark.parametrize("status", [Tenant.Status.SUSPENDED, Tenant.Status.PURGED])
def test_a_tenant_that_is_not_active_is_refused(api, acme, status):
    Tenant.objects.filter(id=acme.id).update(status=status)
    assert refused(api(acme.key).get("/v1/whoami/"))


def test_a_key_of_an_inactive_operator_is_refused(api, acme):
    Operator.objects.filter(id=acme.owner.id).update(is_active=False)
    assert refused(api(acme.key).get("/v1/whoami/"))


def test_a_bad_key_is_never_403(api, acme):
    for method in ("get", "post", "put", "patch", "delete"):
        assert getattr(api("bad"), method)("/v1/whoami/").status_code == 401


# --- Last used --------------------------------------------------------------


def test_the_first_use_is_noted(api, acme, frozen):
    api(acme.key).get("/v1/whoami/")
    assert row_of(acme, acme.key).last_used_at == frozen.instant


def test_a_use_is_written_once_a_minute(api, acme, frozen):
    first = frozen.instant
    for _ in range(3):
        api(acme.key).get("/v1/whoami/")
        frozen.advance(seconds=19)
    assert row_of(acme, acme.key).last_used_at == first
    frozen.advance(seconds=3)
    api(acme.key).get("/v1/whoami/")
    assert row_of(acme, acme.key).last_used_at == frozen.instant


def test_a_refused_key_was_not_used(api, acme):
    api(acme.key[:-1] + ("0" if acme.key[-1] != "0" else "1")).get("/v1/whoami/")
    assert row_of(acme, acme.key).last_used_at is None


def test_a_request_costs_one_scope_and_one_query(api, acme):
    api(acme.key).get("/v1/whoami/")  # notes the use
    with CaptureQueriesContext(connection) as queries:
        api(acme.key).get("/v1/whoami/")
    said = [query["sql"].split()[0] for query in queries]
    # the savepoint, and giving the outer scope back, are this test's transaction
    assert said == ["SAVEPOINT", "SELECT", "SELECT", "SELECT", "RELEASE"]
