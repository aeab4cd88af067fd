"""The events of the project, newest first."""

from __future__ import annotations

import pytest

from tests.memories.api.conftest import EVENTS, SEARCH, event_path


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


def test_a_narrowed_key_may_not_list_a_whole_project(three, idas):
    answer = idas.get(EVENTS)
    assert answer.status_code == 403
    assert "user_id=ida" in answer.json()["detail"]
