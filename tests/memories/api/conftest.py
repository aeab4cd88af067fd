"""What the tests of the endpoints share: memories stored through the front door."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote
from uuid import UUID

import pytest
from django.db.models import Sum

from memories.models import LlmCall, Operation
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
RAW, IMPORTS = "/v1/exports/raw/", "/v1/imports/"
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


@pytest.fixture
def worked(acme, globex):
    """The worker takes everything that waits."""

    def worked():
        for company in (acme, globex):
            with tenant_scope(company.id):
                waiting = list(Operation.objects.filter(status="PENDING"))
            for operation in waiting:
                run_operation(company.id, operation.id)

    return worked


@pytest.fixture
def exported(client, worked):
    """``exported()`` is the file of an export of everything."""

    def exported(by=client, **subject) -> str:
        asked = by.post(RAW, subject)
        assert asked.status_code == 201, asked.json()
        worked()
        status = by.get(f"{RAW}{asked.json()['id']}/").json()
        assert (status["status"], status["percent"]) == ("SUCCEEDED", 100), status
        file = by.get(status["file"])
        content = b"".join(file.streaming_content)
        assert len(content) == status["size_bytes"] == int(file["Content-Length"])
        return content.decode()

    return exported


@pytest.fixture
def imported(worked):
    """``imported(client, file)`` brings it in; (added, already there, refused)."""

    def imported(by, file):
        answer = by.post(IMPORTS, file, content_type="application/x-ndjson")
        worked()
        status = by.get(f"{IMPORTS}{answer.json()['id']}/").json()
        assert status["status"] == "SUCCEEDED", status
        return status["added"], status["already_there"], status["problems"]

    return imported


@pytest.fixture
def neighbour(api, acme):
    """A client with the key of another project of acme."""
    with tenant_scope(acme.id):
        project = services.create_project("Another")
        key = services.issue_api_key(project, acme.owner, access=ApiKey.Access.WRITE)
    return api(key.text)
