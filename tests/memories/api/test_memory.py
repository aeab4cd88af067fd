"""One memory: get it, change it, delete it."""

from __future__ import annotations

import pytest

from memories.models import Memory
from tenants.scopes import tenant_scope
from tests.memories.api.conftest import (
    MISSING,
    NOBODYS_ID,
    SEARCH,
    history_path,
    memories,
    memory_path,
)

BEES = "I keep bees behind the barn."


@pytest.fixture
def memory_id(store):
    return store(BEES, metadata={"kind": "hobby"}, expiration_date="2099-12-31")


@pytest.fixture
def path(memory_id):
    return memory_path(memory_id)


def refused(answer, field):
    """400, in words that name the field."""
    assert answer.status_code == 400
    body = answer.json()
    assert field in body["detail"]
    assert body["error"] == body["detail"]
    return True


# --- GET --------------------------------------------------------------------


def test_it_is_there_as_it_was_stored(client, frozen, store, acme):
    memory_id = store(BEES, user_id="ida", run_id="r-7", metadata={"kind": "hobby"})
    answer = client.get(memory_path(memory_id), {"source": "CLI"})
    assert answer.status_code == 200
    with tenant_scope(acme.id):
        text_hash = Memory.objects.get().text_hash
    assert answer.json() == {
        "id": memory_id,
        "memory": BEES,
        "user_id": "ida",
        "agent_id": None,
        "app_id": None,
        "run_id": "r-7",
        "session_id": "r-7",
        "metadata": {"kind": "hobby"},
        "categories": answer.json()["categories"],
        "expiration_date": None,
        "created_at": "2026-03-01T09:30:00+00:00",
        "updated_at": "2026-03-01T09:30:00+00:00",
        "structured_attributes": {
            "year": 2026,
            "month": 3,
            "day": 1,
            "hour": 9,
            "minute": 30,
            "day_of_week": "sunday",
            "week_of_year": 9,
            "day_of_year": 60,
            "quarter": 1,
            "is_weekend": True,
        },
        "replaced_by": None,
        "synthesized": False,
        "lifecycle_state": "active",
        "hash": text_hash,
        "immutable": False,
        "version": 1,
        "valid_from": None,
        "valid_to": None,
        "valid_precision": None,
        "recurs": None,
        "aspect": None,
        "attributed_to": "user",
        "stale_suspect": False,
    }


def test_an_expired_one_can_still_be_read(store, client):
    path = memory_path(store(BEES, expiration_date="2020-01-01"))
    assert client.get(path).json()["expiration_date"] == "2020-01-01"


def test_it_is_read_as_it_was_then(store, client, frozen):
    before = frozen.instant.isoformat()
    frozen.advance(hours=1)
    path = memory_path(store(BEES))
    then = frozen.instant.isoformat()
    frozen.advance(hours=1)
    client.put(path, {"text": "I keep goats."})
    frozen.advance(hours=1)
    client.delete(path)
    assert client.get(path).status_code == 404
    assert client.get(path, {"as_of": then}).json()["memory"] == BEES
    assert client.get(path, {"as_of": before}).json() == MISSING


@pytest.mark.parametrize(
    "wrong", ["bees", "1", "%00", "%F0%9F%90%9D", f"{NOBODYS_ID}0"]
)
def test_an_id_that_is_no_uuid_is_told(client, wrong):
    path = memory_path(wrong)
    for answer in (
        client.get(path),
        client.put(path, {"text": "x"}),
        client.delete(path),
    ):
        assert answer.status_code == 400
        assert answer.json() == {
            "error": "memory_id should be a valid UUID",
            "detail": "memory_id should be a valid UUID",
            "code": "invalid_request",
            "fields": {"memory_id": ["memory_id should be a valid UUID"]},
        }


def test_an_unknown_one_is_not_found(client):
    path = memory_path()
    for answer in (
        client.get(path),
        client.put(path, {"text": "x"}),
        client.delete(path),
    ):
        assert answer.status_code == 404
        assert answer.json() == MISSING


# --- PUT --------------------------------------------------------------------


def test_other_words_leave_everything_else(client, path, frozen):
    old = client.get(path).json()
    frozen.advance(minutes=5)
    answer = client.put(path, {"text": "I keep goats."})
    assert answer.status_code == 200
    new = answer.json()
    assert new == client.get(path).json()
    changed = {key for key in new if new[key] != old[key]}
    assert changed == {"memory", "hash", "updated_at", "version"}
    assert new["memory"] == "I keep goats."


def test_a_search_sees_the_new_words(client, path):
    client.put(path, {"text": "My favourite composer is Bach."})
    body = {"query": "composer", "filters": {"user_id": "ida"}, "threshold": 0}
    assert memories(client.post(SEARCH, body)) == ["My favourite composer is Bach."]


def test_metadata_replaces_the_old_object(client, path):
    new = client.put(path, {"metadata": {"a": {"b": [1]}}}).json()
    assert (new["metadata"], new["memory"]) == ({"a": {"b": [1]}}, BEES)
    assert client.put(path, {"metadata": {}}).json()["metadata"] == {}


def test_null_clears_the_expiration_date_and_absence_does_not(client, path):
    kept = client.put(path, {"metadata": {"k": 1}}).json()
    assert kept["expiration_date"] == "2099-12-31"
    moved = client.put(path, {"expiration_date": "2030-01-01"}).json()
    assert moved["expiration_date"] == "2030-01-01"
    cleared = client.put(path, {"expiration_date": None}).json()
    assert cleared["expiration_date"] is None


@pytest.mark.parametrize("timestamp", [1700000000, "2023-11-14T22:13:20Z"])
def test_a_timestamp_moves_created_at(client, path, timestamp):
    new = client.put(path, {"timestamp": timestamp}).json()
    assert new["created_at"] == "2023-11-14T22:13:20+00:00"


def test_nothing_else_can_be_set(client, path, memory_id):
    others = {"id": NOBODYS_ID, "user_id": "bo", "immutable": True, "created_at": "x"}
    new = client.put(path, {"text": "I keep goats.", **others}).json()
    assert (new["id"], new["user_id"], new["immutable"]) == (memory_id, "ida", False)


@pytest.mark.parametrize(
    "body",
    [{}, {"text": None}, {"metadata": None}, {"user_id": "bo"}, {"text": " \n"}],
)
def test_without_anything_usable_it_is_refused(client, path, body):
    assert refused(client.put(path, body), "text")
    assert client.get(path).json()["version"] == 1


def test_an_immutable_one_stays_but_can_be_deleted(store, client):
    path = memory_path(store(BEES, immutable=True))
    before = client.get(path).json()
    for change in ({"text": "Goats."}, {"metadata": {"k": 1}}, {"timestamp": 1}):
        assert refused(client.put(path, change), "immutable")
    assert client.get(path).json() == before
    assert client.delete(path).status_code == 200


def test_two_memories_of_a_scope_never_say_the_same(store, client, path):
    other = memory_path(store("I keep goats."))
    assert refused(client.put(other, {"text": BEES}), "already says")
    assert client.get(other).json()["memory"] == "I keep goats."


# --- DELETE -----------------------------------------------------------------


def test_a_deleted_memory_is_gone_at_once(client, path, texts):
    answer = client.delete(path)
    assert answer.status_code == 200
    assert answer.json() == {"message": "Memory deleted successfully!"}
    assert client.get(path).json() == MISSING
    assert client.delete(path).json() == MISSING
    assert client.put(path, {"text": "Back."}).json() == MISSING
    assert texts() == []


@pytest.mark.parametrize("said", ["true", "True", "1"])
def test_it_takes_what_it_superseded_along(learn, client, texts, said):
    learn("I live in Lisbon.")
    learn("I moved to Berlin.")
    (berlin,) = [
        memory["id"]
        for memory in client.post(
            "/v3/memories/", {"filters": {"user_id": "ida"}}
        ).json()["results"]
        if memory["lifecycle_state"] == "active"
    ]
    answer = client.delete(f"{memory_path(berlin)}?delete_linked={said}")
    assert answer.json() == {
        "message": "Memory deleted successfully!",
        "cascade_count": 1,
    }
    assert texts() == []


def test_npm_says_false_in_words(client, path):
    answer = client.delete(f"{path}?delete_linked=false")
    assert answer.json() == {"message": "Memory deleted successfully!"}


def test_a_word_that_is_neither_is_refused(client, path):
    assert refused(client.delete(f"{path}?delete_linked=perhaps"), "delete_linked")
    assert client.get(path).status_code == 200


# --- Outsiders --------------------------------------------------------------


def test_a_read_only_key_only_reads(reader, path):
    assert reader.get(path).json()["memory"] == BEES
    assert reader.put(path, {"text": "I keep goats."}).status_code == 403
    assert reader.delete(path).status_code == 403
    assert reader.get(path).json()["memory"] == BEES


def test_another_tenant_does_not_find_it(outsider, client, path):
    for answer in (
        outsider.get(path),
        outsider.put(path, {"text": "Mine now."}),
        outsider.delete(path),
    ):
        assert answer.status_code == 404
        assert answer.json() == MISSING
    assert client.get(path).json()["memory"] == BEES


def test_a_narrowed_key_reaches_its_own_only(idas, client, store, path):
    bos = memory_path(store("I keep wasps.", user_id="bo"))
    for answer in (
        idas.get(bos),
        idas.put(bos, {"text": "Mine now."}),
        idas.delete(bos),
        idas.delete(f"{bos}?delete_linked=true"),
    ):
        assert answer.status_code == 404
        assert answer.json() == MISSING
    assert client.get(bos).json()["memory"] == "I keep wasps."
    assert idas.get(path).json()["memory"] == BEES
    assert idas.put(path, {"text": "I keep goats."}).status_code == 200
    assert idas.delete(path).status_code == 200


def test_history_of_what_is_deleted_ends_in_its_deletion(client, memory_id, path):
    client.delete(path)
    told = client.get(history_path(memory_id)).json()
    assert [entry["event"] for entry in told] == ["ADD", "DELETE"]
