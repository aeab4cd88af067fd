"""What the tests of the endpoints share: memories stored through the front door."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote
from uuid import UUID

import pytest
from django.db.models import Sum

from memories.models import LlmCall
from memories.services.run import run_operation
from memplatform.lib import clock
from tenants import keys, services
from tenants.models import ApiKey
from tenants.scopes import tenant_scope
from tests.conftest import Company

ADD = "/v3/memories/add/"
LIST = "/v3/memories/"
SEARCH = "/v3/memories/search/"
SCOPE = "/v1/memories/"
EVENT = "/v1/event/"
EVENTS = "/v1/events/"
ENTITIES = "/v1/entities/"
PING = "/v1/ping/"
BATCH = "/v1/batch/"
FEEDBACK = "/v1/feedback/"
NOBODYS_ID = "00000000-0000-7000-8000-000000000000"
MISSING = {
    "error": "Memory not found!",
    "detail": "Memory not found!",
    "code": "not_found",
}


def memory_path(memory_id: str = NOBODYS_ID) -> str:
    return f"/v1/memories/{memory_id}/"


def history_path(memory_id: str = NOBODYS_ID) -> str:
    return f"/v1/memories/{memory_id}/history/"


def event_path(event_id: str = NOBODYS_ID) -> str:
    return f"{EVENT}{event_id}/"


def entity_path(kind: str = "user", name: str = "ida") -> str:
    return f"/v2/entities/{kind}/{quote(name, safe='')}/"


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
    return api(_issue(acme, only_user_id="ida"))


@pytest.fixture
def expired(api, acme, frozen):
    """A client whose key was good until a minute ago."""
    key = _issue(acme, expires_at=clock.now() + timedelta(minutes=1))
    frozen.advance(minutes=2)
    return api(key)


@pytest.fixture
def revoked(api, acme):
    """A client whose key was taken back."""
    key = _issue(acme)
    with tenant_scope(acme.id):
        prefix = keys.parse_key(key).prefix
        services.revoke_api_key(ApiKey.objects.get(prefix=prefix))
    return api(key)


def _issue(company: Company, **details: object) -> str:
    with tenant_scope(company.id):
        return services.issue_api_key(
            company.project, company.owner, access=ApiKey.Access.WRITE, **details
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
def learn(client, acme):
    """``learn("text")`` adds with inference and plays the worker; the event's id."""

    def learn(text: str, **fields: object) -> str:
        body = {"messages": [{"role": "user", "content": text}], "user_id": "ida"}
        event_id = client.post(ADD, {**body, **fields}).json()["event_id"]
        run_operation(acme.id, UUID(event_id))
        return event_id

    return learn


@pytest.fixture
def models_of_acme(acme, models):
    """A model that acme asks; called: the prompt and completion tokens it reported."""

    def tokens() -> tuple[int, int]:
        with tenant_scope(acme.id):
            used = LlmCall.objects.aggregate(
                prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens")
            )
        return used["prompt"], used["completion"]

    return tokens


@pytest.fixture
def texts(client):
    """The texts that a filter lists, sorted."""

    def texts(**filters: object) -> list[str]:
        answer = client.post(LIST, {"filters": filters or {"user_id": "*"}})
        assert answer.status_code == 200, answer.json()
        return sorted(memory["memory"] for memory in answer.json()["results"])

    return texts


def memories(answer) -> list[str]:
    """The texts of an answer with results, in its order."""
    assert answer.status_code == 200, answer.json()
    return [memory["memory"] for memory in answer.json()["results"]]
