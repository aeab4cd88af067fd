"""What holds at every door: headers that mean nothing, ids that move nobody, JSON."""

from __future__ import annotations

import pytest

from tests.memories.api.conftest import (
    ADD,
    BATCH,
    ENTITIES,
    FEEDBACK,
    LIST,
    PING,
    SCOPE,
    SEARCH,
    event_path,
    memories,
    memory_path,
)
from tests.memories.api.test_outsiders import REQUESTS, _api_patterns
from tests.memories.api.test_projects import ORGANIZATIONS, projects_path

IDA = {"user_id": "ida"}
SENT_BY_CLIENTS = {
    "Mem0-User-ID": "",
    "X-Application": "bees",
    "X-Mem0-Caller-Type": "agent",
    "X-Mem0-Client": "client",
    "X-Mem0-Client-Language": "python",
    "X-Mem0-Client-Version": "2.2.1",
    "X-Mem0-Source": "CLI",
}
SERVED_BY_THE_HOSTED_API_ONLY = [
    "/api/v1/auth/email_code/",
    "/api/v1/auth/email_code/verify/",
    "/api/v1/auth/agent_mode/",
    "/v1/agent-rush/memories/",
    "/v1/agent-rush/memories/search/",
]


def test_every_path_ends_in_a_slash():
    """No client can rely on being redirected."""
    assert not [p for p in _api_patterns() if not str(p.pattern).endswith("/")]


@pytest.mark.parametrize("user", ["", "ida@example.com", "6f1ed002ab5595859014ebf0951"])
def test_headers_of_clients_mean_nothing(client, store, user):
    headers = {**SENT_BY_CLIENTS, "Mem0-User-ID": user}
    store("I keep bees.")
    assert client.get(PING, headers=headers).json() == client.get(PING).json()
    assert memories(client.post(LIST, {"filters": IDA}, headers=headers)) == [
        "I keep bees."
    ]


def test_ids_of_a_place_never_lead_to_another_tenant(client, outsider, globex, texts):
    """Older clients send them with everything, in the query or in the body."""
    there = {"org_id": str(globex.id), "project_id": str(globex.project.id)}
    query = "&".join(f"{name}={value}" for name, value in there.items())
    body = {"messages": "I keep bees.", "infer": False, **IDA, **there}
    assert client.post(f"{ADD}?{query}", body).status_code == 200
    assert texts() == ["I keep bees."]
    for path in (LIST, f"{LIST}?{query}"):
        assert memories(outsider.post(path, {"filters": IDA, **there})) == []
    assert client.get(f"{SCOPE}?user_id=ida&{query}").json() != []


def test_a_content_type_needs_no_body(client, store):
    """npm and the CLIs name JSON on every request."""
    path = memory_path(store("I keep bees."))
    assert client.get(path, CONTENT_TYPE="application/json").status_code == 200
    deleted = client.generic("DELETE", path, b"", "application/json")
    assert deleted.json() == {"message": "Memory deleted successfully!"}


def test_every_success_is_json_and_advertises_nothing(client, subtests):
    """Clients parse every 2xx; a notice would be shown to whoever runs them."""
    for request in sorted(REQUESTS, key=lambda r: r.method == "DELETE"):
        answer = request.send(client)
        with subtests.test(str(request)):
            assert answer.status_code not in (201, 204) or answer.content
            assert answer["Content-Type"] == "application/json"
            body = answer.json()
            assert "mem0_notice" not in body
            assert "X-Mem0-Notice-Message" not in answer


FAMILIES = [
    # a request with a mistake, and the keys under which its clients look for the words
    ("post", SEARCH, {"query": " ", "filters": IDA}, {"error"}),
    ("get", event_path(), None, {"error"}),
    ("put", BATCH, {"memories": []}, {"error"}),
    ("post", FEEDBACK, {"memory_id": "x"}, {"error"}),
    ("post", "/v1/exports/", {"filters": IDA}, {"message"}),
    ("post", "/v1/exports/", {"schema": {"properties": {"a": {}}}}, {"error"}),
    ("get", f"{ENTITIES}?page=x", None, {"message"}),
    ("post", "/v1/users/", {}, {"message"}),
    ("post", ADD, {"messages": "Whose?"}, {"error", "details"}),
    ("post", ORGANIZATIONS, {}, {"message", "errors"}),
    ("post", "{organization}members/", {}, {"errors"}),
    ("post", "{organization}projects/", {}, {"message"}),
    ("post", "{project}members/", {}, {"message"}),
    ("post", "{webhooks}", {}, {"name", "url", "event_types"}),
]


@pytest.mark.parametrize(("method", "path", "body", "keys"), FAMILIES)
def test_an_error_has_its_familys_key_and_a_detail(
    client, acme, method, path, body, keys
):
    projects = projects_path(acme)
    places = {
        "organization": projects.removesuffix("projects/"),
        "project": f"{projects}{acme.project.id}/",
        "webhooks": f"/api/v1/webhooks/projects/{acme.project.id}/",
    }
    answer = getattr(client, method)(path.format(**places), body)
    assert answer.status_code in (400, 404)
    said = answer.json()
    assert keys <= said.keys()
    assert isinstance(said["detail"], str)


@pytest.mark.parametrize("path", SERVED_BY_THE_HOSTED_API_ONLY)
def test_what_only_the_hosted_api_serves_is_a_404_in_json(client, path):
    answer = client.post(path, {"email": "ida@example.com"})
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Not found.", "code": "not_found"}
