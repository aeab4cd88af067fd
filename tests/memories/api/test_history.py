from __future__ import annotations

import pytest

from tests.memories.api.conftest import (
    LIST,
    MISSING,
    event_path,
    history_path,
    memory_path,
)

BEES = "I keep bees."


@pytest.fixture
def tell(client):
    """``tell(memory_id)``: what happened to it, oldest first."""

    def tell(memory_id):
        answer = client.get(history_path(memory_id))
        assert answer.status_code == 200, answer.json()
        return answer.json()

    return tell


def test_it_begins_with_the_words_that_were_said(store, tell, frozen):
    memory_id = store(BEES, user_id="ida", run_id="r-7", metadata={"k": 1})
    (entry,) = tell(memory_id)
    cause = entry["cause"]
    assert entry == {
        "id": entry["id"],
        "memory_id": memory_id,
        "event": "ADD",
        "input": [{"role": "user", "content": BEES}],
        "old_memory": None,
        "new_memory": BEES,
        "user_id": "ida",
        "agent_id": None,
        "app_id": None,
        "run_id": "r-7",
        "session_id": "r-7",
        "categories": entry["categories"],
        "metadata": {"k": 1},
        "created_at": "2026-03-01T09:30:00+00:00",
        "updated_at": "2026-03-01T09:30:00+00:00",
        "cause": cause,
    }
    assert cause.keys() == {
        "kind",
        "reason",
        "actor",
        "event_id",
        "message_ids",
        "related_memory_id",
        "prompt_version_id",
        "engine",
        "model",
    }
    assert cause["kind"] == "ADD"
    assert len(cause["message_ids"]) == 1


def test_each_change_has_the_old_and_the_new_words(store, client, tell):
    memory_id = store(BEES)
    client.put(memory_path(memory_id), {"text": "I keep goats."})
    client.put(memory_path(memory_id), {"text": "I keep geese."})
    client.delete(memory_path(memory_id))
    told = [(e["event"], e["old_memory"], e["new_memory"]) for e in tell(memory_id)]
    assert told == [
        ("ADD", None, BEES),
        ("UPDATE", BEES, "I keep goats."),
        ("UPDATE", "I keep goats.", "I keep geese."),
        ("DELETE", "I keep geese.", None),
    ]


def test_a_change_of_nothing_is_no_entry(store, client, tell):
    memory_id = store(BEES)
    client.put(memory_path(memory_id), {"text": BEES})
    assert len(tell(memory_id)) == 1


def test_a_cause_leads_to_its_event(learn, client, tell):
    event_id = learn("I keep bees behind the barn.")
    (effect,) = client.get(event_path(event_id)).json()["results"]
    (entry,) = tell(effect["id"])
    assert entry["cause"]["event_id"] == event_id
    assert entry["cause"]["engine"] == "local"
    assert entry["cause"]["reason"]
    assert entry["input"] == [
        {"role": "user", "content": "I keep bees behind the barn."}
    ]


def test_a_contradiction_names_its_successor(learn, client, tell):
    learn("I live in Lisbon.")
    learn("I moved to Berlin.")
    new, old = client.post(LIST, {"filters": {"user_id": "ida"}}).json()["results"]
    last = tell(old["id"])[-1]
    assert last["event"] == "UPDATE"
    assert last["cause"]["kind"] == "SUPERSEDE"
    assert last["cause"]["related_memory_id"] == new["id"]


def test_an_edit_says_which_key_did_it(store, client, tell):
    memory_id = store(BEES)
    client.put(memory_path(memory_id), {"text": "I keep goats."})
    assert tell(memory_id)[-1]["cause"]["actor"] == "api_key"


@pytest.mark.parametrize("wrong", ["bees", "1", "%00"])
def test_an_id_that_is_no_uuid_is_told(client, wrong):
    answer = client.get(history_path(wrong))
    assert answer.status_code == 400
    assert answer.json()["detail"] == "memory_id should be a valid UUID"


def test_an_unknown_memory_is_not_found(client):
    answer = client.get(history_path())
    assert (answer.status_code, answer.json()) == (404, MISSING)


# --- Outsiders --------------------------------------------------------------


def test_a_read_only_key_may(store, reader):
    assert reader.get(history_path(store(BEES))).status_code == 200


def test_another_tenant_does_not_find_it(store, outsider):
    answer = outsider.get(history_path(store(BEES)))
    assert (answer.status_code, answer.json()) == (404, MISSING)


def test_a_narrowed_key_reads_its_own_only(store, idas):
    assert idas.get(history_path(store(BEES))).status_code == 200
    bos = idas.get(history_path(store(BEES, user_id="bo")))
    assert (bos.status_code, bos.json()) == (404, MISSING)
