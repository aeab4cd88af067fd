"""What the tests of the endpoints share: memories stored through the front door."""

from __future__ import annotations

import pytest

from tenants import services
from tenants.models import ApiKey
from tenants.scopes import tenant_scope
from tests.conftest import Company

ADD = "/v3/memories/add/"
LIST = "/v3/memories/"
SEARCH = "/v3/memories/search/"


@pytest.fixture
def client(api, acme):
    """A client with acme's key."""
    return api(acme.key)


@pytest.fixture
def outsider(api, globex):
    """A client with another tenant's key."""
    return api(globex.key)


@pytest.fixture
def reader(api, acme):
    """A client with acme's read-only key."""
    return api(acme.read_key)


@pytest.fixture
def idas(api, acme):
    """A client whose key is narrowed to the user ida."""
    return api(_narrowed_key(acme, "ida"))


def _narrowed_key(company: Company, user_id: str) -> str:
    with tenant_scope(company.id):
        return services.issue_api_key(
            company.project,
            company.owner,
            access=ApiKey.Access.WRITE,
            only_user_id=user_id,
        ).text


@pytest.fixture
def store(client):
    """``store("text", user_id="ida")`` stores verbatim; returns the memory's id."""

    def store(text: str, **fields: object) -> str:
        body = {"messages": [{"role": "user", "content": text}], "infer": False}
        scope = (
            {}
            if fields.keys() & {"agent_id", "app_id", "run_id"}
            else {"user_id": "ida"}
        )
        answer = client.post(ADD, {**body, **scope, **fields})
        assert answer.status_code == 200, answer.json()
        return answer.json()["results"][0]["id"]

    return store


@pytest.fixture
def texts(client):
    """The texts that a filter lists, sorted."""

    def texts(**filters: object) -> list[str]:
        answer = client.post(LIST, {"filters": filters or {"user_id": "*"}})
        assert answer.status_code == 200, answer.json()
        return sorted(memory["memory"] for memory in answer.json()["results"])

    return texts
