"""PUT and DELETE /v1/batch/"""

from __future__ import annotations

import pytest

from memories.models import Operation
from memories.services import edit_many
from tenants.scopes import tenant_scope
from tests.memories.agents import at_once
from tests.memories.api.conftest import (
    BATCH,
    EVENTS,
    NOBODYS_ID,
    history_path,
    memory_path,
)


def item(memory_id, text=None, **more):
    return {"memory_id": memory_id, **({} if text is None else {"text": text}), **more}


def outcomes(answer):
    assert answer.status_code == 200, answer.json()
    return [result["outcome"] for result in answer.json()["results"]]


@pytest.fixture
def change(client):
    return lambda *items: client.put(BATCH, {"memories": list(items)})


@pytest.fixture
def remove(client):
    return lambda *ids: client.delete(BATCH, {"memories": [item(i) for i in ids]})


# --- Change -----------------------------------------------------------------


def test_it_changes_each_and_writes_its_history(client, store, change, texts):
    a, b = store("a"), store("b", user_id="bo")
    store("c")
    answer = change(item(a, "A!"), item(b, "B!", metadata={"seen": True}))
    assert answer.json() == {
        "message": "Successfully updated 2 memories",
        "results": [
            {"memory_id": a, "outcome": "updated", "detail": None},
            {"memory_id": b, "outcome": "updated", "detail": None},
        ],
    }
    assert texts() == ["A!", "B!", "c"]
    assert client.get(memory_path(b)).json()["metadata"] == {"seen": True}
    told = [entry["event"] for entry in client.get(history_path(a)).json()]
    assert told == ["ADD", "UPDATE"]


def test_each_change_is_an_event_of_the_project(client, store, change):
    a, b = store("a"), store("b")
    change(item(a, "A!"), item(b, "B!"))
    events = client.get(EVENTS + "?event_type=UPDATE").json()["results"]
    effects = [result for event in events for result in event["results"]]
    assert sorted(effect["memory"] for effect in effects) == ["A!", "B!"]
    assert {effect["id"] for effect in effects} == {a, b}


def test_the_new_words_are_found(client, store, change):
    a = store("I keep bees.")
    change(item(a, "I play the cello."))
    asked = {"query": "Which instrument?", "filters": {"user_id": "ida"}}
    (hit,) = client.post("/v3/memories/search/", {**asked, "threshold": 0}).json()[
        "results"
    ]
    assert hit["memory"] == "I play the cello."


def test_an_item_without_text_keeps_it(client, store, change):
    a, b = store("a"), store("b")
    assert outcomes(change(item(a, metadata={"k": 1}), item(b))) == [
        "updated",
        "unchanged",
    ]
    memory = client.get(memory_path(a)).json()
    assert (memory["memory"], memory["metadata"]) == ("a", {"k": 1})


def test_one_refusal_leaves_the_others_alone(client, store, change, texts):
    fixed, a, b = store("fixed", immutable=True), store("a"), store("b")
    answer = change(
        item(NOBODYS_ID, "x"), item(fixed, "broken"), item(a, "b"), item(b, "B!")
    )
    assert outcomes(answer) == ["not_found", "refused", "refused", "updated"]
    assert answer.json()["message"] == "Successfully updated 1 memory"
    details = [result["detail"] for result in answer.json()["results"]]
    assert details[0] == "Memory not found!"
    assert "immutable" in details[1]
    assert b in details[2]
    assert details[3] is None
    assert texts() == ["B!", "a", "fixed"]


def test_items_are_changed_in_their_order(client, store, change, texts):
    a, b = store("a"), store("b")
    assert outcomes(change(item(b, "c"), item(a, "b"), item(a, "d"))) == ["updated"] * 3
    assert texts() == ["c", "d"]
    words = [entry["new_memory"] for entry in client.get(history_path(a)).json()]
    assert words == ["a", "b", "d"]


def test_a_text_is_taken_only_once(store, change, texts):
    a, b = store("a"), store("b")
    assert outcomes(change(item(a, "same"), item(b, "same"))) == ["updated", "refused"]
    assert texts() == ["b", "same"]


def test_a_text_may_be_said_again_in_another_run(store, change, texts):
    a, b = store("a", user_id="ida"), store("b", user_id="ida", run_id="r")
    assert outcomes(change(item(a, "same"), item(b, "same"))) == ["updated"] * 2


def test_more_than_one_transaction_does_it_too(store, change, texts, monkeypatch):
    monkeypatch.setattr(edit_many, "ITEMS_PER_TRANSACTION", 2)
    monkeypatch.setattr(edit_many, "TEXTS_PER_CALL", 2)
    ids = [store(f"text {n}") for n in range(5)]
    assert outcomes(change(*(item(i, f"new {i}") for i in ids))) == ["updated"] * 5
    assert texts() == sorted(f"new {i}" for i in ids)


def test_without_an_embedder_nothing_is_changed(store, change, texts, models):
    a, b = store("a"), store("b")
    models.order("error", path="embeddings", times=10)
    answer = change(item(a, metadata={"k": 1}), item(b, "B!"))
    assert answer.status_code in (502, 503)
    models.configure(reset=True)
    assert texts(metadata={"k": 1}, user_id="ida") == []
    assert texts() == ["a", "b"]


def test_two_batches_at_once_change_everything(committed_db, client, store, change):
    ids = [store(f"text {n}") for n in range(4)]
    forth, back = (
        [item(i, f"forth {i}") for i in ids],
        [item(i, f"back {i}") for i in reversed(ids)],
    )
    for answer in at_once(lambda: change(*forth), lambda: change(*back)):
        assert outcomes(answer) == ["updated"] * 4
    for memory_id in ids:
        assert client.get(memory_path(memory_id)).json()["version"] == 3


# --- Delete -----------------------------------------------------------------


def test_it_deletes_each(client, store, remove, texts):
    a, b, c = store("a"), store("b", user_id="bo"), store("c", immutable=True)
    kept = store("kept")
    answer = remove(a, b, NOBODYS_ID, c, a)
    assert outcomes(answer) == [
        "deleted",
        "deleted",
        "not_found",
        "deleted",
        "not_found",
    ]
    assert answer.json()["message"] == "Successfully deleted 3 memories"
    assert texts() == ["kept"]
    assert client.get(memory_path(a)).status_code == 404
    assert client.get(memory_path(kept)).status_code == 200
    told = [entry["event"] for entry in client.get(history_path(a)).json()]
    assert told == ["ADD", "DELETE"]


def test_a_second_delete_finds_nothing(store, remove):
    a = store("a")
    assert outcomes(remove(a)) == ["deleted"]
    assert outcomes(remove(a)) == ["not_found"]


# --- Refused as a whole -----------------------------------------------------


@pytest.mark.parametrize("method", ["put", "delete"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "memories"),
        ({"memories": []}, "memories"),
        ({"memories": {}}, "memories"),
        ({"memories": [{"memory_id": NOBODYS_ID}] * 1001}, "memories"),
        ({"memories": ["x"]}, "memories.0"),
        ({"memories": [{}]}, "memories.0.memory_id"),
        (
            {"memories": [{"memory_id": NOBODYS_ID}, {"memory_id": "bees"}]},
            "memories.1.memory_id",
        ),
    ],
)
def test_bad_input_is_400_and_says_where(client, method, body, field):
    answer = getattr(client, method)(BATCH, body)
    assert answer.status_code == 400
    assert answer.json()["error"] == answer.json()["detail"]
    assert list(answer.json()["fields"]) == [field]


def test_a_wrong_item_stops_them_all(store, change, texts):
    a, b = store("a"), store("b")
    answer = change(item(a, "A!"), item(b, " "))
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["memories.1.text"]
    assert texts() == ["a", "b"]


def test_the_limit_is_told(client):
    many = [item(NOBODYS_ID, "x")] * 1001
    answer = client.put(BATCH, {"memories": many})
    assert answer.json()["error"].startswith("Maximum of 1000 memories")


def test_a_thousand_are_taken(client):
    many = [item(NOBODYS_ID)] * 1000
    assert outcomes(client.delete(BATCH, {"memories": many})) == ["not_found"] * 1000


# --- Outsiders --------------------------------------------------------------


@pytest.mark.parametrize("method", ["put", "delete"])
def test_foreign_memories_are_not_there(outsider, acme, store, texts, method):
    a = store("a")
    answer = getattr(outsider, method)(BATCH, {"memories": [item(a, "mine now")]})
    assert outcomes(answer) == ["not_found"]
    assert texts() == ["a"]
    with tenant_scope(acme.id):
        kinds = set(Operation.objects.values_list("kind", flat=True))
    assert kinds == {"ADD"}


@pytest.mark.parametrize("method", ["put", "delete"])
def test_a_narrowed_key_reaches_its_own_only(idas, store, texts, method):
    hers, bos = store("hers"), store("bo's", user_id="bo")
    body = {"memories": [item(hers, "new"), item(bos, "new too")]}
    done = {"put": "updated", "delete": "deleted"}[method]
    assert outcomes(getattr(idas, method)(BATCH, body)) == [done, "not_found"]
    assert "bo's" in texts()
