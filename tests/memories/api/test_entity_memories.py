"""GET /v1/memories/{type}/{name}/ and GET /v1/entities/filters/."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.memories.api.conftest import memories

FILTERS = "/v1/entities/filters/"
CATALOGUE = {
    *("personal_details", "family", "professional_details", "sports", "travel"),
    *("food", "music", "health", "technology", "hobbies", "fashion"),
    *("entertainment", "milestones", "user_preferences", "misc"),
}


def path_of(kind: str = "user", name: str = "ida") -> str:
    return f"/v1/memories/{kind}/{quote(name, safe='')}/"


def test_it_lists_the_memories_of_one(frozen, store, client):
    store("One.", user_id="ida", run_id="r")
    frozen.advance(seconds=1)
    store("Two.", user_id="ida")
    store("Three.", user_id="bo", run_id="r")
    assert memories(client.get(path_of())) == ["Two.", "One."]
    assert sorted(memories(client.get(path_of("run", "r")))) == ["One.", "Three."]
    assert memories(client.get(path_of("agent", "ida"))) == []


def test_each_says_what_it_was_learned_from_and_whether_it_changed(store, client):
    memory_id = store("I keep bees.", metadata={"a": 1})
    (told,) = client.get(path_of()).json()["results"]
    assert told["input"] == [{"role": "user", "content": "I keep bees."}]
    assert (told["is_updated"], told["metadata"]) == (False, {"a": 1})
    client.put(f"/v1/memories/{memory_id}/", {"text": "Keeps goats."})
    (told,) = client.get(path_of()).json()["results"]
    assert told["input"] == [{"role": "user", "content": "I keep bees."}]
    assert (told["is_updated"], told["memory"]) == (True, "Keeps goats.")


def test_a_page_has_a_hundred(client):
    body = {
        "messages": [{"role": "user", "content": f"Fact {n}."} for n in range(50)],
        "infer": False,
        "user_id": "ida",
    }
    client.post("/v3/memories/add/", body)
    for message in body["messages"]:
        message["content"] += " Again."
    client.post("/v3/memories/add/", body)
    client.post("/v3/memories/add/", {**body, "messages": "One more."})
    first = client.get(path_of(), {"page_size": 5}).json()
    assert (first["count"], len(first["results"])) == (101, 100)
    assert len(client.get(first["next"]).json()["results"]) == 1


@pytest.mark.parametrize("name", ["a/b", "a b", "%41", "a.b", "x/y/history", "history"])
def test_a_name_may_hold_anything(store, client, name):
    store("One.", user_id=name)
    assert memories(client.get(path_of(name=name))) == ["One."]


def test_a_type_that_is_none_is_400(client):
    answer = client.get(path_of("planet", "mars"))
    assert answer.status_code == 400
    assert answer.json()["error"] == answer.json()["detail"] == "Invalid entity type"


def test_it_says_what_there_is_to_filter_by(store, client):
    store("One.", user_id="ida", agent_id="bot")
    body = client.get(FILTERS).json()
    assert body.keys() == {"event_type", "categories", "users", "parameters"}
    assert {"ADD", "SEARCH", "DELETE_USER"} <= set(body["event_type"])
    assert set(body["categories"]) == CATALOGUE
    assert body["users"] == ["ida"]
    assert {"user_id", "metadata", "created_at"} <= set(body["parameters"])


# --- Outsiders --------------------------------------------------------------


def test_another_tenant_sees_nothing_of_ours(store, outsider):
    store("One.", user_id="ida")
    assert memories(outsider.get(path_of())) == []
    assert outsider.get(FILTERS).json()["users"] == []


def test_a_narrowed_key_sees_its_own_only(store, idas):
    store("One.", user_id="ida", run_id="r")
    store("Two.", user_id="bo", run_id="r")
    assert memories(idas.get(path_of())) == ["One."]
    assert memories(idas.get(path_of("run", "r"))) == ["One."]
    assert idas.get(path_of("user", "bo")).status_code == 404
    assert idas.get(FILTERS).json()["users"] == ["ida"]
