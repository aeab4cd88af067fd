"""An event: how an accepted request went."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.memories.api.conftest import ADD, event_path, memory_path

BEES = "I keep bees behind the barn."
SAID = {"messages": [{"role": "user", "content": BEES}], "user_id": "ida"}


def test_a_queued_add_is_pending(client, frozen):
    event_id = client.post(ADD, {**SAID, "metadata": {"k": 1}}).json()["event_id"]
    answer = client.get(event_path(event_id))
    assert answer.status_code == 200
    body = answer.json()
    assert body == {
        "id": event_id,
        "event_type": "ADD",
        "status": "PENDING",
        "payload": body["payload"],
        "metadata": {"k": 1},
        "results": [],
        "created_at": "2026-03-01T09:30:00+00:00",
        "updated_at": "2026-03-01T09:30:00+00:00",
        "started_at": None,
        "completed_at": None,
        "latency": None,
        "graph_status": None,
        "error": None,
        "ledger": body["ledger"],
    }
    assert body["payload"]["messages"] == SAID["messages"]


def test_a_finished_one_names_its_effects_and_its_times(learn, client):
    body = client.get(event_path(learn(BEES))).json()
    assert body["status"] == "SUCCEEDED"
    (effect,) = body["results"]
    assert effect == {
        "id": effect["id"],
        "event": "ADD",
        "data": {"memory": effect["memory"]},
        "memory": effect["memory"],
        "user_id": "ida",
    }
    assert client.get(memory_path(effect["id"])).json()["memory"] == effect["memory"]
    times = [body[f"{name}_at"] for name in ("created", "started", "completed")]
    assert sorted(times, key=datetime.fromisoformat) == times
    assert body["latency"] >= 0


def test_a_failed_one_says_why(learn, client, models):
    models.order("unauthorized", path="chat", times=10)
    body = client.get(event_path(learn(BEES))).json()
    assert (body["status"], body["results"]) == ("FAILED", [])
    assert body["error"] == "The endpoint answered HTTP 401 (error)."


def test_its_ledger_balances(learn, client):
    """Each message and each fact has exactly one recorded outcome."""
    ledger = client.get(event_path(learn(f"{BEES} How are you?"))).json()["ledger"]
    assert len(ledger["messages"]) == 1
    assert [fate["outcome"] for fate in ledger["facts"]] == ["stored", "dropped"]


def test_a_verbatim_add_is_an_event_too(client):
    added = client.post(ADD, {**SAID, "infer": False}).json()
    body = client.get(event_path(added["event_id"])).json()
    assert (body["status"], body["results"]) == ("SUCCEEDED", added["results"])


def test_an_edit_and_a_delete_are_events(store, client):
    path = memory_path(store(BEES))
    client.put(path, {"text": "I keep goats."})
    client.delete(path)
    listed = client.get("/v1/events/").json()["results"]
    assert [event["event_type"] for event in listed] == ["DELETE", "UPDATE", "ADD"]
    effects = [event["results"][0] for event in listed]
    assert [effect["event"] for effect in effects] == ["DELETE", "UPDATE", "ADD"]
    assert effects[1]["data"] == {"memory": "I keep goats."}


@pytest.mark.parametrize("wrong", ["bees", "1", "%00"])
def test_an_id_that_is_no_uuid_is_told(client, wrong):
    answer = client.get(event_path(wrong))
    assert answer.status_code == 400
    assert answer.json()["error"] == "event_id should be a valid UUID"


def test_an_unknown_one_is_not_found(client):
    answer = client.get(event_path())
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "Event not found!",
        "detail": "Event not found!",
        "code": "not_found",
    }


# --- Outsiders --------------------------------------------------------------


def test_a_read_only_key_may(learn, reader):
    assert reader.get(event_path(learn(BEES))).status_code == 200


def test_another_tenant_does_not_find_it(learn, outsider):
    ours, nobodys = outsider.get(event_path(learn(BEES))), outsider.get(event_path())
    assert ours.status_code == 404
    assert ours.json() == nobodys.json()


def test_a_narrowed_key_reads_its_own_only(learn, idas):
    assert idas.get(event_path(learn(BEES))).status_code == 200
    bos = idas.get(event_path(learn(BEES, user_id="bo")))
    assert bos.status_code == 404
    assert bos.json() == idas.get(event_path()).json()
