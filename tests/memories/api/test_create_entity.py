"""POST /v1/users/, /v1/agents/, /v1/apps/, /v1/runs/: a subject before its memories."""

from __future__ import annotations

from uuid import UUID

import pytest

from memories.services.run import run_operation
from tests.memories.api.conftest import ENTITIES, entity_path

KINDS = ("user", "agent", "app", "run")


def entities(client) -> list[tuple[str, str]]:
    results = client.get(ENTITIES).json()["results"]
    return [(entity["type"], entity["name"]) for entity in results]


@pytest.mark.parametrize("kind", KINDS)
def test_it_creates_one_of_each_kind(frozen, client, acme, kind):
    body = {f"{kind}_id": "a/b", "name": "Anna", "metadata": {"team": [1]}}
    answer = client.post(f"/v1/{kind}s/", body)
    assert answer.status_code == 201
    created = answer.json()
    assert UUID(created.pop("id"))
    assert created == {
        **body,
        "created_at": "2026-03-01T09:30:00+00:00",
        "updated_at": "2026-03-01T09:30:00+00:00",
        "graph_entities": None,
        "is_deleted": False,
        "project": str(acme.project.id),
    }
    (listed,) = client.get(entity_path(kind, "a/b")).json()
    assert (listed["metadata"], listed["total_memories"]) == ({"team": [1]}, 0)


def test_it_is_listed_without_a_memory(client, store):
    client.post("/v1/users/", {"user_id": "ida"})
    assert entities(client) == [("user", "ida")]
    memory_id = store("One.", user_id="ida")
    client.delete(f"/v1/memories/{memory_id}/")
    assert entities(client) == [("user", "ida")]


def test_without_a_name_it_goes_by_its_id(client):
    created = client.post("/v1/agents/", {"agent_id": "bot"}).json()
    assert (created["name"], created["metadata"]) == ("bot", None)


def test_creating_it_again_changes_what_is_given(client, store):
    store("One.", user_id="ida")
    client.post("/v1/users/", {"user_id": "ida", "metadata": {"a": 1}, "name": "Ida"})
    again = client.post("/v1/users/", {"user_id": "ida", "name": "Ada"}).json()
    assert (again["name"], again["metadata"]) == ("Ada", {"a": 1})
    (entity,) = client.get(ENTITIES).json()["results"]
    assert entity["total_memories"] == 1


def test_deleting_it_takes_its_details(client, acme):
    client.post("/v1/users/", {"user_id": "ida", "metadata": {"a": 1}})
    event_id = client.delete(entity_path()).json()["event_id"]
    assert entities(client) == []
    run_operation(acme.id, UUID(event_id))
    again = client.post("/v1/users/", {"user_id": "ida"}).json()
    assert again["metadata"] is None


def test_one_created_after_the_deletion_stays(frozen, client, acme):
    client.post("/v1/users/", {"user_id": "ida", "metadata": {"a": 1}})
    event_id = client.delete(entity_path()).json()["event_id"]
    frozen.advance(seconds=1)
    client.post("/v1/users/", {"user_id": "ida", "metadata": {"b": 2}})
    run_operation(acme.id, UUID(event_id))
    (entity,) = client.get(entity_path()).json()
    assert entity["metadata"] == {"b": 2}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "user_id"),
        ({"user_id": " "}, "user_id"),
        ({"user_id": "**"}, "user_id"),
        ({"user_id": ["ida"]}, "user_id"),
        ({"user_id": "x" * 257}, "user_id"),
        ({"agent_id": "bot"}, "user_id"),
        ({"user_id": "ida", "metadata": [1]}, "metadata"),
        ({"user_id": "ida", "name": 1}, "name"),
        ({"user_id": "ida", "name": "x" * 257}, "name"),
    ],
)
def test_what_is_wrong_is_400_and_creates_nobody(client, body, field):
    answer = client.post("/v1/users/", body)
    assert answer.status_code == 400
    assert answer.json()["fields"].keys() == {field}
    assert answer.json()["message"].startswith(f"{field} ")
    assert entities(client) == []


# --- Outsiders --------------------------------------------------------------


def test_another_tenant_has_its_own_of_that_name(client, outsider):
    client.post("/v1/users/", {"user_id": "ida", "metadata": {"a": 1}})
    theirs = outsider.post("/v1/users/", {"user_id": "ida"}).json()
    assert theirs["metadata"] is None
    (ours,) = client.get(entity_path()).json()
    assert ours["metadata"] == {"a": 1}


def test_a_narrowed_key_creates_its_own_only(client, idas):
    assert idas.post("/v1/users/", {"user_id": "ida"}).status_code == 201
    assert idas.post("/v1/users/", {"user_id": "bo"}).status_code == 404
    assert idas.post("/v1/agents/", {"agent_id": "bot"}).status_code == 404
    assert entities(client) == [("user", "ida")]


def test_a_read_only_key_creates_nobody(client, reader):
    assert reader.post("/v1/users/", {"user_id": "ida"}).status_code == 403
    assert entities(client) == []
