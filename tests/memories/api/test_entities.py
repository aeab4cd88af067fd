"""Entities: who there is, and what deleting one takes with it."""

from __future__ import annotations

from uuid import UUID

import pytest

from memories.models import Memory
from memories.services.configuration import change_settings
from memories.services.run import run_operation
from tenants import services
from tenants.models import ApiKey
from tenants.scopes import tenant_scope
from tests.memories.api.conftest import ADD, ENTITIES, entity_path, event_path

KINDS = ("user", "agent", "app", "run")


@pytest.fixture
def names(client):
    """``(type, name, memories)`` of every entity, sorted."""

    def names(seen_by=client):
        results = seen_by.get(ENTITIES).json()["results"]
        return sorted((e["type"], e["name"], e["total_memories"]) for e in results)

    return names


@pytest.fixture
def erase(client, acme):
    """Delete an entity and play the worker; the event's id."""

    def erase(kind, name, by=client):
        answer = by.delete(entity_path(kind, name))
        assert answer.status_code == 200, answer.json()
        event_id = answer.json()["event_id"]
        run_operation(acme.id, UUID(event_id))
        return event_id

    return erase


@pytest.fixture
def bots(api, acme):
    """A client whose key is narrowed to the user ida with the agent bot."""
    with tenant_scope(acme.id):
        key = services.issue_api_key(
            acme.project,
            acme.owner,
            access=ApiKey.Access.WRITE,
            only_user_id="ida",
            only_agent_id="bot",
        )
    return api(key.text)


@pytest.fixture
def shelf(store):
    store("One.", user_id="ida", run_id="r")
    store("Two.", user_id="ida", agent_id="bot")
    store("Three.", user_id="bo", app_id="shop")


SHELF = [
    ("agent", "bot", 1),
    ("app", "shop", 1),
    ("run", "r", 1),
    ("user", "bo", 1),
    ("user", "ida", 2),
]


# --- List -------------------------------------------------------------------


def test_it_lists_who_memories_belong_to(shelf, client, names):
    assert names() == SHELF
    body = client.get(ENTITIES).json()
    assert (body["count"], body["next"], body["previous"]) == (5, None, None)
    totals = {key: body[key] for key in body if key.startswith("total_")}
    assert totals == {
        "total_users": 2, "total_agents": 1, "total_apps": 1, "total_runs": 1
    }  # fmt: skip


def test_an_entity_has_every_field(frozen, store, client):
    store("One.", user_id="ida")
    frozen.advance(hours=1)
    store("Two.", user_id="ida")
    (entity,) = client.get(ENTITIES).json()["results"]
    assert UUID(entity.pop("id"))
    assert entity == {
        "name": "ida",
        "type": "user",
        "owner": "alice@acme.example",
        "metadata": None,
        "total_memories": 2,
        "created_at": "2026-03-01T09:30:00+00:00",
        "updated_at": "2026-03-01T10:30:00+00:00",
    }


def test_the_last_active_comes_first_page_by_page(frozen, store, client):
    for name in ("ann", "bo", "cy", "ann"):
        store(f"{name}, {frozen.instant}", user_id=name)
        frozen.advance(minutes=1)
    first = client.get(ENTITIES, {"page_size": 2}).json()
    assert [e["name"] for e in first["results"]] == ["ann", "cy"]
    assert (first["count"], first["total_users"]) == (3, 3)
    assert first["next"].endswith("/v1/entities/?page_size=2&page=2")
    second = client.get(first["next"]).json()
    assert [e["name"] for e in second["results"]] == ["bo"]
    assert second["next"] is None


@pytest.mark.parametrize("query", [{"page": 0}, {"page": "x"}, {"page_size": -1}])
def test_a_page_that_is_none_is_400(client, query):
    answer = client.get(ENTITIES, query)
    assert answer.status_code == 400
    assert answer.json()["message"] == answer.json()["detail"]


def test_who_has_no_living_memory_is_not_listed(store, client, names):
    memory_id = store("One.", user_id="ida")
    store("Two.", user_id="bo")
    client.delete(f"/v1/memories/{memory_id}/")
    assert names() == [("user", "bo", 1)]
    assert client.get(ENTITIES).json()["count"] == 1
    assert client.get(entity_path("user", "ida")).json() == []


# --- One --------------------------------------------------------------------


def test_one_is_an_array_of_one(shelf, client):
    (entity,) = client.get(entity_path("user", "ida")).json()
    assert (entity["type"], entity["name"], entity["total_memories"]) == (
        "user", "ida", 2
    )  # fmt: skip


def test_an_unknown_one_is_an_empty_array(shelf, client):
    assert client.get(entity_path("agent", "ida")).json() == []


@pytest.mark.parametrize("method", ["get", "delete"])
def test_a_type_that_is_none_is_400(client, method):
    answer = getattr(client, method)("/v2/entities/planet/mars/")
    assert answer.status_code == 400
    body = answer.json()
    assert body["message"] == body["detail"] == "Invalid entity type"


@pytest.mark.parametrize("name", ["*", " ", "x" * 257, "a\0b"])
def test_a_name_that_can_be_nobodys_is_400(client, name):
    answer = client.delete(entity_path("user", name))
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("entity_id ")


# --- Delete -----------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_deleting_one_takes_what_belongs_to_it(store, client, erase, names, kind):
    doomed = store("Doomed.", **{f"{kind}_id": "one"})
    store("Kept.", **{f"{kind}_id": "other"})
    erase(kind, "one")
    assert client.get(f"/v1/memories/{doomed}/").status_code == 404
    assert names() == [(kind, "other", 1)]


def test_it_is_accepted_and_done_in_the_background(shelf, client, acme, names):
    body = client.delete(entity_path("user", "ida")).json()
    assert body.keys() == {"message", "event_id"}
    assert body["message"].startswith("Delete in progress.")
    event = client.get(event_path(body["event_id"])).json()
    assert (event["event_type"], event["status"]) == ("DELETE_USER", "PENDING")
    run_operation(acme.id, UUID(body["event_id"]))
    assert names() == [("app", "shop", 1), ("user", "bo", 1)]


def test_the_event_says_how_much_went_and_no_longer_of_whom(shelf, client, erase):
    event = client.get(event_path(erase("user", "ida"))).json()
    assert event["status"] == "SUCCEEDED"
    assert event["payload"] == {
        "mode": "erase",
        "erased": {"memories": 2, "messages": 2},
    }
    assert "ida" not in str(event)


def test_what_has_expired_goes_too(store, acme, erase):
    store("Old.", user_id="ida", expiration_date="2020-01-01")
    erase("user", "ida")
    with tenant_scope(acme.id):
        assert Memory.objects.get().text is None


def test_a_name_that_nobody_knows_is_no_error(client, erase):
    event = client.get(event_path(erase("user", "nobody"))).json()
    assert event["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    "name",
    ["a/b", "a/", "/", "%2F", "%41", "a b", ".", "..", "a.b", "ä@ö:+?#&=", "x\ny"],
)
def test_any_name_can_be_read_and_deleted(store, client, erase, names, name):
    store("Theirs.", user_id=name)
    store("A neighbour's.", user_id="A")
    (entity,) = client.get(entity_path("user", name)).json()
    assert entity["name"] == name
    erase("user", name)
    assert names() == [("user", "A", 1)]


def test_what_is_added_for_the_name_afterwards_stays(
    frozen, store, client, acme, texts, names
):
    store("Before.", user_id="ida", agent_id="bot")
    event_id = client.delete(entity_path("user", "ida")).json()["event_id"]
    frozen.advance(seconds=1)
    store("After.", user_id="ida", agent_id="bot")
    waiting = client.post(ADD, {"messages": "I keep bees.", "user_id": "ida"}).json()
    run_operation(acme.id, UUID(event_id))
    run_operation(acme.id, UUID(waiting["event_id"]))
    assert texts(user_id="ida")[0] == "After."
    assert len(texts(user_id="ida")) == 2
    assert names() == [("agent", "bot", 1), ("user", "ida", 2)]


def test_what_was_accepted_before_never_arrives(frozen, client, acme, erase, texts):
    said = {"messages": "I keep bees behind the barn.", "user_id": "ida"}
    event_id = client.post(ADD, said).json()["event_id"]
    frozen.advance(seconds=1)
    erase("user", "ida")
    run_operation(acme.id, UUID(event_id))
    assert texts() == []
    event = client.get(event_path(event_id)).json()
    assert event["status"] == "FAILED"


def test_a_project_may_keep_histories(store, client, acme, erase, names):
    with tenant_scope(acme.id):
        change_settings(acme.project, {"subject_deletion": "soft"})
    memory_id = store("One.", user_id="ida")
    client.post("/v1/users/", {"user_id": "ida", "metadata": {"a": 1}})
    event = client.get(event_path(erase("user", "ida"))).json()
    assert [effect["event"] for effect in event["results"]] == ["DELETE"]
    assert names() == []
    history = client.get(f"/v1/memories/{memory_id}/history/").json()
    assert [(e["event"], e["old_memory"]) for e in history] == [
        ("ADD", None),
        ("DELETE", "One."),
    ]


def test_a_number_is_told_where_to_go(shelf, client, names):
    answer = client.delete("/v1/entities/user/41/")
    assert answer.status_code == 410
    assert "DELETE /v2/entities/{type}/{name}/" in answer.json()["message"]
    assert names() == SHELF


# --- Outsiders --------------------------------------------------------------


def test_another_tenant_meets_nobody(shelf, outsider, globex, names):
    assert outsider.get(ENTITIES).json()["count"] == 0
    assert outsider.get(entity_path("user", "ida")).json() == []
    event_id = outsider.delete(entity_path("user", "ida")).json()["event_id"]
    run_operation(globex.id, UUID(event_id))
    assert names() == SHELF


def test_a_narrowed_key_sees_its_own_only(shelf, idas, names):
    assert names(idas) == [("user", "ida", 2)]
    body = idas.get(ENTITIES).json()
    assert (body["count"], body["total_users"], body["total_runs"]) == (1, 1, 0)
    assert idas.get(entity_path("user", "bo")).json() == []
    assert idas.get(entity_path("run", "r")).json() == []


def test_a_key_of_two_ids_counts_what_has_both(shelf, bots, names):
    assert names(bots) == [("agent", "bot", 1), ("user", "ida", 1)]


@pytest.mark.parametrize(
    ("kind", "name"), [("user", "bo"), ("run", "r"), ("agent", "bot")]
)
def test_a_narrowed_key_deletes_nobody_else(shelf, idas, names, kind, name):
    assert idas.delete(entity_path(kind, name)).status_code == 404
    assert names() == SHELF


def test_a_narrowed_key_deletes_its_own(shelf, idas, erase, names):
    event_id = erase("user", "ida", by=idas)
    assert names() == [("app", "shop", 1), ("user", "bo", 1)]
    event = idas.get(event_path(event_id)).json()
    assert (event["event_type"], event["status"]) == ("DELETE_USER", "SUCCEEDED")


def test_a_key_of_two_ids_deletes_neither(shelf, bots, names):
    """The user has memories with other agents, and the agent with other users."""
    assert bots.delete(entity_path("user", "ida")).status_code == 404
    assert bots.delete(entity_path("agent", "bot")).status_code == 404
    assert names() == SHELF


def test_a_read_only_key_deletes_nobody(shelf, reader, names):
    assert reader.delete(entity_path("user", "ida")).status_code == 403
    assert names(reader) == SHELF
