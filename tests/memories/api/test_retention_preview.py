"""POST /v1/retention/preview/: what would go, and nothing goes."""

from __future__ import annotations

import pytest

from memories.services.background import archive_what_is_unused, empty_what_is_over
from memories.services.configuration import change_settings
from tenants.scopes import tenant_scope
from tests.memories.api.conftest import SEARCH

PREVIEW = "/v1/retention/preview/"


def policies(answer) -> dict[str, dict]:
    assert answer.status_code == 200, answer.json()
    return {policy["policy"]: policy for policy in answer.json()["policies"]}


def texts_of(policy: dict) -> list[str]:
    return [item["text"] for item in policy["items"]]


@pytest.fixture
def settings_of_acme(acme):
    def change(**changes: int) -> None:
        with tenant_scope(acme.id):
            change_settings(acme.project, changes)

    return change


def test_it_tells_what_each_policy_would_take(client, store, frozen, settings_of_acme):
    settings_of_acme(message_days=30, archive_unused_days=30)
    store("I keep bees.")
    frozen.advance(days=20)
    store("I keep goats.")
    frozen.advance(days=15)
    told = policies(client.post(PREVIEW, {}))
    messages, unused = told["message_days"], told["archive_unused_days"]
    assert texts_of(messages) == texts_of(unused) == ["I keep bees."]
    assert (messages["effect"], unused["effect"]) == ("emptied", "archived")
    assert (unused["count"], unused["count_is_capped"]) == (1, False)
    assert unused["starts_at"] is None
    assert unused["items"][0]["user_id"] == "ida"


def test_what_it_tells_is_what_goes(client, store, texts, frozen, settings_of_acme):
    settings_of_acme(message_days=30, archive_unused_days=30)
    store("I keep bees.")
    frozen.advance(days=31)
    assert texts() == ["I keep bees."]
    told = policies(client.post(PREVIEW, {}))
    assert (empty_what_is_over(), archive_what_is_unused()) == (1, 1)
    assert [told[n]["count"] for n in ("message_days", "archive_unused_days")] == [1, 1]
    after = policies(client.post(PREVIEW, {}))
    assert [p["count"] for p in after.values()] == [0, 0, 0, 0, 0]


def test_edges_that_are_over_are_told_before_they_are_archived(
    client, learn, frozen, settings_of_acme
):
    settings_of_acme(graph_days=30)
    learn("I live in Lisbon.")
    frozen.advance(days=2)
    learn("I live in Berlin now.")
    assert policies(client.post(PREVIEW, {}))["graph_days"]["items"] == []
    frozen.advance(days=40)
    edges = policies(client.post(PREVIEW, {}))["graph_days"]
    assert "User lives_in Lisbon" in texts_of(edges)
    assert not any("Berlin" in text for text in texts_of(edges))
    assert (edges["effect"], edges["items"][0]["user_id"]) == ("archived", "ida")
    assert empty_what_is_over() == edges["count"]
    assert policies(client.post(PREVIEW, {}))["graph_days"]["count"] == 0


def test_other_days_may_be_tried(client, store, texts, frozen):
    store("I keep bees.")
    client.post(SEARCH, {"query": "Bees?", "filters": {"user_id": "ida"}})
    frozen.advance(days=10)
    assert policies(client.post(PREVIEW, {}))["archive_unused_days"]["before"] is None
    tried = policies(client.post(PREVIEW, {"archive_unused_days": 5}))
    assert texts_of(tried["archive_unused_days"]) == ["I keep bees."]
    assert texts() == ["I keep bees."]


def test_it_says_until_when_nothing_goes_yet(client, store, frozen, settings_of_acme):
    store("I keep bees.")
    frozen.advance(days=100)
    settings_of_acme(archive_unused_days=30)
    unused = policies(client.post(PREVIEW, {}))["archive_unused_days"]
    assert unused["count"] == 1
    assert unused["starts_at"].startswith("2026-07-09")


def test_it_lists_the_oldest_first_and_no_more_than_asked(client, store, frozen):
    for n in range(3):
        store(f"I have {n} goats.")
        frozen.advance(minutes=1)
    frozen.advance(days=2)
    body = {"archive_unused_days": 1, "limit": 2}
    unused = policies(client.post(PREVIEW, body))["archive_unused_days"]
    assert (unused["count"], texts_of(unused)) == (
        3,
        ["I have 0 goats.", "I have 1 goats."],
    )


@pytest.mark.parametrize(
    "body", [{"message_days": -1}, {"archive_unused_days": "soon"}, {"limit": -1}]
)
def test_what_is_wrong_is_named(client, body):
    answer = client.post(PREVIEW, body)
    assert answer.status_code == 400
    assert set(answer.json()["fields"]) == set(body)


def test_a_narrowed_key_does_not_see_the_project(idas):
    assert idas.post(PREVIEW, {}).status_code == 403


def test_a_reader_may_look(reader):
    assert reader.post(PREVIEW, {}).status_code == 200


def test_tenants_do_not_meet(outsider, store, frozen):
    store("I keep bees.")
    frozen.advance(days=10)
    told = policies(outsider.post(PREVIEW, {"archive_unused_days": 1}))
    assert told["archive_unused_days"]["count"] == 0
