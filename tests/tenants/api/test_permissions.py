from __future__ import annotations

import pytest

from tenants.models import ApiKey
from tenants.scopes import tenant_scope
from tenants.services import issue_api_key

pytestmark = pytest.mark.urls("tests.tenants.urls")


def test_a_read_only_key_may_get(api, acme):
    assert api(acme.read_key).get("/v1/whoami/").status_code == 200


def test_a_read_only_key_may_post_where_a_post_reads(api, acme):
    assert api(acme.read_key).post("/v1/reading/", {}).status_code == 200
    assert api(acme.read_key).post("/v1/partly/", {}).status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_read_only_key_may_not_write(api, acme, method):
    answer = getattr(api(acme.read_key), method)("/v1/whoami/")
    assert answer.status_code == 403
    assert answer.json() == {
        "detail": "This API key is read-only.",
        "code": "forbidden",
    }


def test_a_read_only_key_may_not_write_where_only_the_post_reads(api, acme):
    assert api(acme.read_key).put("/v1/partly/", {}).status_code == 403


@pytest.fixture
def narrowed(acme):
    """A key of acme for user ida and agent bee only."""
    with tenant_scope(acme.id):
        return issue_api_key(
            acme.project,
            acme.owner,
            access=ApiKey.Access.WRITE,
            only_user_id="ida",
            only_agent_id="bee",
        ).text


@pytest.mark.parametrize(
    "asked", [{}, {"user_id": "ida"}, {"user_id": "ida", "agent_id": "bee"}]
)
def test_a_narrowed_key_asks_for_its_own(api, narrowed, asked):
    answer = api(narrowed).get("/v1/narrowed/", asked)
    assert answer.json() == {"user_id": "ida", "agent_id": "bee"}


@pytest.mark.parametrize(
    "asked", [{"user_id": "max"}, {"agent_id": "wasp"}, {"user_id": "IDA"}]
)
def test_a_narrowed_key_does_not_find_others(api, narrowed, asked):
    assert api(narrowed).get("/v1/narrowed/", asked).status_code == 404


def test_a_narrowed_key_may_not_do_what_reaches_further(api, narrowed, acme):
    answer = api(narrowed).delete("/v1/narrowed/")
    assert answer.status_code == 403
    assert "user_id=ida and agent_id=bee" in answer.json()["detail"]
    assert api(acme.key).delete("/v1/narrowed/").status_code == 200


def test_a_wide_key_is_not_narrowed(api, acme):
    answer = api(acme.key).get("/v1/narrowed/", {"user_id": "max"})
    assert answer.json() == {"user_id": "max", "agent_id": None}
