from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

import pytest

from memories.services.run import run_operation
from tests.memories.api.conftest import ADD, SCOPE, event_path


@pytest.fixture
def wipe(client, acme):
    """``wipe(user_id="ida")``, with the worker's part; the event's id."""

    def wipe(**scope):
        answer = client.delete(f"{SCOPE}?{urlencode(scope)}")
        assert answer.status_code == 200, answer.json()
        event_id = answer.json()["event_id"]
        run_operation(acme.id, UUID(event_id))
        return event_id

    return wipe


@pytest.fixture
def shelf(store):
    store("ida", user_id="ida")
    store("ida, run r", user_id="ida", run_id="r")
    store("ida at the bot", user_id="ida", agent_id="bot")
    store("bo, run r", user_id="bo", run_id="r")
    store("the bot", agent_id="bot")


FOUR_STARS = dict.fromkeys(("user_id", "agent_id", "app_id", "run_id"), "*")
EVERYTHING = ["bo, run r", "ida", "ida at the bot", "ida, run r", "the bot"]


@pytest.fixture
def left(client):
    """The texts that are still there, whoever's they are."""

    def left():
        anybody = {"OR": [{"user_id": "*"}, {"agent_id": "*"}]}
        body = {"filters": anybody, "show_expired": True}
        results = client.post("/v3/memories/", body).json()["results"]
        return sorted(memory["memory"] for memory in results)

    return left


def test_it_is_accepted_and_done_in_the_background(shelf, client, acme, left):
    answer = client.delete(f"{SCOPE}?user_id=ida&source=CLI")
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"message", "event_id"}
    assert body["message"].startswith("Delete in progress.")
    event = client.get(event_path(body["event_id"])).json()
    assert (event["event_type"], event["status"]) == ("DELETE_ALL", "PENDING")
    run_operation(acme.id, UUID(body["event_id"]))
    event = client.get(event_path(body["event_id"])).json()
    assert event["status"] == "SUCCEEDED"
    assert [effect["event"] for effect in event["results"]] == ["DELETE"] * 3
    assert left() == ["bo, run r", "the bot"]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        # all that is named must match
        ({"user_id": "ida", "run_id": "r"}, set(EVERYTHING) - {"ida, run r"}),
        ({"run_id": "r"}, {"ida", "ida at the bot", "the bot"}),
        # a lone * is any value there, never null
        ({"user_id": "*"}, {"the bot"}),
        ({"user_id": "*", "agent_id": "*"}, set(EVERYTHING) - {"ida at the bot"}),
        # only a lone * is a pattern, and case counts
        ({"user_id": "i*"}, set(EVERYTHING)),
        ({"user_id": "IDA"}, set(EVERYTHING)),
        ({"user_id": "i%"}, set(EVERYTHING)),
        # nobody there: accepted all the same
        ({"user_id": "nobody"}, set(EVERYTHING)),
        # a blank one is absent
        ({"user_id": " ", "agent_id": "bot"}, {"ida", "ida, run r", "bo, run r"}),
    ],
)
def test_it_covers_what_matches_and_nothing_else(shelf, wipe, left, scope, expected):
    wipe(**scope)
    assert set(left()) == expected


def test_four_stars_are_the_whole_project(frozen, shelf, wipe, left, client, acme):
    """Also where an id is null, and what is being processed."""
    pending = client.post(ADD, {"messages": "I keep bees.", "user_id": "ida"}).json()
    frozen.advance(seconds=1)
    event_id = wipe(**FOUR_STARS)
    run_operation(acme.id, UUID(pending["event_id"]))
    assert left() == []
    assert len(client.get(event_path(event_id)).json()["results"]) == len(EVERYTHING)


def test_what_has_expired_goes_too(store, wipe, left):
    store("Old.", expiration_date="2020-01-01")
    wipe(user_id="ida")
    assert left() == []


def test_what_is_added_afterwards_stays(store, wipe, client, acme, texts, frozen):
    store("Before.")
    answer = client.delete(f"{SCOPE}?user_id=ida")
    frozen.advance(seconds=1)
    store("After.")
    run_operation(acme.id, UUID(answer.json()["event_id"]))
    assert texts() == ["After."]


def test_what_was_accepted_before_never_arrives(client, acme, wipe, texts, frozen):
    said = {"messages": "I keep bees behind the barn.", "user_id": "ida"}
    event_id = client.post(ADD, said).json()["event_id"]
    frozen.advance(seconds=1)
    wipe(user_id="ida")
    run_operation(acme.id, UUID(event_id))
    assert texts() == []
    assert client.get(event_path(event_id)).json()["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "user_id=",
        "user_id=%20&run_id=",
        # what typed options of the Python SDK become
        "filters=%7B%27user_id%27%3A+%27ida%27%7D",
        "filters=%7B%27user_id%27%3A+%27ida%27%7D&user_id=ida",
        "org_id=o&project_id=p",
        "user=ida",
    ],
)
def test_without_a_scope_it_never_means_everything(shelf, client, left, query):
    answer = client.delete(f"{SCOPE}?{query}")
    assert answer.status_code == 400
    body = answer.json()
    assert "user_id" in body["detail"]
    assert body["error"] == body["detail"]
    assert left() == EVERYTHING
    assert client.get("/v1/events/", {"event_type": "DELETE_ALL"}).json()["count"] == 0


def test_a_body_is_ignored(shelf, client, left):
    answer = client.delete(SCOPE, {"user_id": "ida"})
    assert answer.status_code == 400
    assert left() == EVERYTHING


# --- Outsiders --------------------------------------------------------------


def test_a_read_only_key_may_not(shelf, reader, left):
    assert reader.delete(f"{SCOPE}?user_id=ida").status_code == 403
    assert left() == EVERYTHING


def test_another_tenant_deletes_nothing_of_ours(shelf, outsider, globex, left):
    answer = outsider.delete(f"{SCOPE}?user_id=*")
    run_operation(globex.id, UUID(answer.json()["event_id"]))
    assert left() == EVERYTHING


def test_a_narrowed_key_deletes_its_own_only(shelf, idas, acme, left):
    assert idas.delete(f"{SCOPE}?user_id=bo").status_code == 404
    assert idas.delete(f"{SCOPE}?run_id=r&user_id=bo").status_code == 404
    answer = idas.delete(f"{SCOPE}?run_id=*")
    run_operation(acme.id, UUID(answer.json()["event_id"]))
    assert set(left()) == set(EVERYTHING) - {"ida, run r"}
    answer = idas.delete(f"{SCOPE}?user_id=*")
    run_operation(acme.id, UUID(answer.json()["event_id"]))
    assert left() == ["bo, run r", "the bot"]


def test_a_narrowed_key_means_its_own_by_four_stars(shelf, idas, acme, left):
    answer = idas.delete(f"{SCOPE}?{urlencode(FOUR_STARS)}")
    run_operation(acme.id, UUID(answer.json()["event_id"]))
    assert left() == ["bo, run r", "the bot"]
