"""The events of the project, newest first."""

from __future__ import annotations

from uuid import UUID

import pytest

from memories.services.run import run_operation
from tests.memories.api.conftest import (
    BATCH,
    EVENTS,
    SCOPE,
    SEARCH,
    entity_path,
    event_path,
    memory_path,
)


@pytest.fixture
def three(store, client, frozen):
    """Two adds and a search, a minute apart."""
    for text in ("I keep bees.", "I keep goats."):
        store(text)
        frozen.advance(minutes=1)
    client.post(SEARCH, {"query": "bees", "filters": {"user_id": "ida"}})


def kinds(answer):
    assert answer.status_code == 200, answer.json()
    return [event["event_type"] for event in answer.json()["results"]]


def test_newest_first_in_an_envelope(three, client):
    answer = client.get(EVENTS)
    assert kinds(answer) == ["SEARCH", "ADD", "ADD"]
    body = answer.json()
    assert (body["count"], body["next"], body["previous"]) == (3, None, None)
    for event in body["results"]:
        assert event == client.get(event_path(event["id"])).json()


def test_every_page_is_seen_once_by_following_the_links(three, client):
    seen, path = [], f"{EVENTS}?page_size=2"
    while path:
        body = client.get(path).json()
        seen += [event["id"] for event in body["results"]]
        path = body["next"]
    assert len(set(seen)) == len(seen) == 3


def test_links_keep_what_was_asked(three, client):
    body = client.get(EVENTS, {"event_type": "ADD", "page_size": 1}).json()
    assert body["count"] == 2
    assert "event_type=ADD" in body["next"]
    assert kinds(client.get(body["next"])) == ["ADD"]


def test_it_narrows_by_kind_and_status(three, client):
    assert kinds(client.get(EVENTS, {"event_type": "SEARCH"})) == ["SEARCH"]
    assert kinds(client.get(EVENTS, {"status": "SUCCEEDED"})) == [
        "SEARCH",
        "ADD",
        "ADD",
    ]
    assert kinds(client.get(EVENTS, {"status": "FAILED"})) == []


def test_it_narrows_by_subject(three, store, client):
    store("Hello.", user_id="bo", agent_id="bot")
    assert kinds(client.get(EVENTS, {"user_id": "ida"})) == ["SEARCH", "ADD", "ADD"]
    assert kinds(client.get(EVENTS, {"user_id": "bo", "agent_id": "bot"})) == ["ADD"]
    assert kinds(client.get(EVENTS, {"user_id": "bo", "agent_id": "x"})) == []
    assert client.get(EVENTS, {"user_id": "ida"}).json()["count"] == 3


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        # The adds are of 09:30 and 09:31 on 1 March, the search of 09:32.
        ({"start_date": "2026-03-01"}, 3),
        ({"end_date": "2026-03-01"}, 3),
        ({"end_date": "2026-02-28"}, 0),
        ({"start_date": "2026-03-02"}, 0),
        ({"start_date": "2026-03-01T09:31:00Z"}, 2),
        ({"end_date": "2026-03-01T09:31:00Z"}, 2),
        ({"start_date": "2026-03-01T10:31:00+01:00", "event_type": "ADD"}, 1),
    ],
)
def test_it_narrows_by_time(three, client, asked, found):
    answer = client.get(EVENTS, asked)
    assert len(kinds(answer)) == answer.json()["count"] == found


@pytest.mark.parametrize("field", ["start_date", "end_date"])
def test_a_time_that_is_none_is_refused_by_name(three, client, field):
    answer = client.get(EVENTS, {field: "yesterday"})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_what_was_counted_once_is_counted_right(store, client, frozen):
    """Most of the count is remembered, and only what came since is counted."""
    for number in range(4):
        store(f"I keep {number} bees.")
        assert client.get(EVENTS).json()["count"] == number + 1
        assert client.get(EVENTS, {"event_type": "ADD"}).json()["count"] == number + 1
        assert client.get(EVENTS, {"event_type": "SEARCH"}).json()["count"] == 0
        frozen.advance(minutes=9 * number)


def test_every_door_leaves_an_event_that_took_its_time(store, client, acme):
    """By path, by batch, by scope and with its subject; each tells how long it took."""
    bees, goats, _ = (store(f"I keep {pet}.") for pet in ("bees", "goats", "cats"))
    client.post(SEARCH, {"query": "bees", "filters": {"user_id": "ida"}})
    client.put(memory_path(bees), {"text": "I keep wasps."})
    client.put(BATCH, {"memories": [{"memory_id": goats, "text": "I keep sheep."}]})
    client.delete(memory_path(bees))
    client.delete(BATCH, {"memories": [{"memory_id": goats}]})
    for path in (f"{SCOPE}?user_id=ida", entity_path()):
        run_operation(acme.id, UUID(client.delete(path).json()["event_id"]))
    events = client.get(EVENTS).json()["results"]
    assert [event["event_type"] for event in events] == [
        *("DELETE_USER", "DELETE_ALL", "DELETE", "DELETE", "UPDATE", "UPDATE"),
        *("SEARCH", "ADD", "ADD", "ADD"),
    ]
    for event in events:
        assert event["status"] == "SUCCEEDED"
        assert 0 < event["latency"] < 60_000, event["event_type"]
        assert event["created_at"] <= event["started_at"] <= event["completed_at"]


@pytest.mark.parametrize("field", ["status", "event_type"])
def test_a_word_that_is_none_is_refused_by_name(three, client, field):
    answer = client.get(EVENTS, {field: "NOPE"})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]
    assert "ADD" in answer.json()["detail"] or "PENDING" in answer.json()["detail"]


def test_past_the_end_is_an_empty_page(three, client):
    assert kinds(client.get(EVENTS, {"page": 9})) == []


# --- Outsiders --------------------------------------------------------------


def test_a_read_only_key_may(three, reader):
    assert len(kinds(reader.get(EVENTS))) == 3


def test_another_tenant_sees_none(three, outsider):
    assert outsider.get(EVENTS).json()["count"] == 0


def test_a_narrowed_key_sees_its_subjects_and_what_it_asked(three, store, idas):
    store("I keep cats.", user_id="bo")
    assert kinds(idas.get(EVENTS)) == ["SEARCH", "ADD", "ADD"]
    idas.post(SEARCH, {"query": "?", "filters": {"user_id": "*"}})
    assert kinds(idas.get(EVENTS, {"event_type": "SEARCH"})) == ["SEARCH", "SEARCH"]
    assert idas.get(EVENTS).json()["count"] == 4


def test_a_narrowed_key_does_not_find_others(three, store, idas):
    store("I keep cats.", user_id="bo")
    assert idas.get(EVENTS, {"user_id": "bo"}).status_code == 404
