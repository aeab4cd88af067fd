"""POST and GET /v1/memories/, POST /v1/memories/search/, /v2/memories/ and its search"""

from __future__ import annotations

from uuid import UUID

import pytest

from memories.services.run import run_operation
from tests.memories.api.conftest import SCOPE, event_path

SEARCH_V1 = "/v1/memories/search/"
LIST_V2 = "/v2/memories/"
SEARCH_V2 = "/v2/memories/search/"
BEES = [{"role": "user", "content": "I keep bees."}]
# What the Python client before 2.0 sends along with every add.
OLD_ADD = {
    "messages": BEES,
    "user_id": "ida",
    "async_mode": True,
    "output_format": "v1.1",
    "org_id": "org_7h",
    "project_id": "proj_2k",
}
IDA = {"user_id": "ida"}


def texts_of(memories):
    return [memory["memory"] for memory in memories]


# --- Add --------------------------------------------------------------------


def test_an_add_is_queued_and_answers_an_array(client, acme, texts):
    answer = client.post(SCOPE, OLD_ADD)
    assert answer.status_code == 200
    (queued,) = answer.json()
    assert queued.keys() == {"message", "status", "event_id"}
    assert queued["status"] == "PENDING"
    run_operation(acme.id, UUID(queued["event_id"]))
    assert client.get(event_path(queued["event_id"])).json()["status"] == "SUCCEEDED"
    assert texts() != []


def test_an_add_answers_an_envelope_when_asked(client):
    answer = client.post(SCOPE, {**OLD_ADD, "version": "v2"}).json()
    assert answer.keys() == {"results", "relations"}
    assert [queued["status"] for queued in answer["results"]] == ["PENDING"]


def test_a_verbatim_add_tells_what_it_stored(client, texts):
    body = {**OLD_ADD, "infer": False}
    (stored,) = client.post(SCOPE, body).json()
    assert stored["status"] == "SUCCEEDED"
    assert texts_of(stored["results"]) == ["I keep bees."]
    other = {**body, "version": "v2", "messages": "I keep goats."}
    results = client.post(SCOPE, other).json()["results"]
    assert texts_of(results) == ["I keep goats."]
    assert texts() == ["I keep bees.", "I keep goats."]


@pytest.mark.parametrize("wrong", [{"messages": []}, {"user_id": ""}])
def test_a_bad_add_is_400_in_the_words_of_adds(client, wrong):
    answer = client.post(SCOPE, {**OLD_ADD, **wrong})
    assert answer.status_code == 400
    body = answer.json()
    assert body["error"] == "400 Bad Request"
    assert body["details"] == {"message": body["detail"]}


# --- List -------------------------------------------------------------------


@pytest.fixture
def shelf(store, frozen):
    """Oldest first: a, b and c of ida (c in run r), d of bo."""
    for text, scope in (
        ("a", IDA),
        ("b", IDA),
        ("c", {"user_id": "ida", "run_id": "r"}),
        ("d", {"user_id": "bo"}),
    ):
        store(text, **scope)
        frozen.advance(minutes=1)


@pytest.fixture(params=["GET v1", "POST v2", "POST v2 filters"])
def listed(request, client, shelf):
    """``listed(query, **ids)``: the three ways to ask for a list."""

    def by_query(query="", by=client, **ids):
        asked = "&".join([*(f"{k}={v}" for k, v in ids.items()), query])
        return by.get(f"{SCOPE}?{asked}")

    def by_body(query="", by=client, **ids):
        return by.post(f"{LIST_V2}?{query}", ids)

    def by_filters(query="", by=client, **ids):
        return by.post(f"{LIST_V2}?{query}", {"filters": ids} if ids else {})

    ways = {"GET v1": by_query, "POST v2": by_body, "POST v2 filters": by_filters}
    return ways[request.param]


def test_a_list_is_a_bare_array_newest_first(listed):
    answer = listed(user_id="ida")
    assert answer.status_code == 200
    assert texts_of(answer.json()) == ["c", "b", "a"]


def test_all_ids_must_match(listed):
    assert texts_of(listed(user_id="ida", run_id="r").json()) == ["c"]
    assert texts_of(listed(user_id="*").json()) == ["d", "c", "b", "a"]


def test_a_page_is_an_envelope(listed):
    answer = listed("page=2&page_size=2", user_id="ida").json()
    assert answer["count"] == 3
    assert texts_of(answer["results"]) == ["a"]
    assert answer["next"] is None
    assert "page=1" in answer["previous"]


@pytest.mark.parametrize("query", ["page=1", "page_size=2"])
def test_half_a_page_is_an_array(listed, query):
    assert isinstance(listed(query, user_id="ida").json(), list)


def test_no_scope_is_400(listed):
    answer = listed()
    assert answer.status_code == 400
    assert "user_id" in answer.json()["error"]


def test_others_lists_are_empty(listed, outsider):
    assert listed(user_id="ida", by=outsider).json() == []


def test_a_narrowed_key_lists_its_own(listed, idas):
    assert texts_of(listed(user_id="*", by=idas).json()) == ["c", "b", "a"]
    assert listed(user_id="bo", by=idas).status_code == 404


def test_a_limit_holds_up_to_200(client, shelf):
    assert texts_of(client.get(f"{SCOPE}?user_id=ida&limit=2").json()) == ["c", "b"]
    assert client.get(f"{SCOPE}?user_id=ida&limit=200").status_code == 200
    for limit in ("201", "0", "x"):
        answer = client.get(f"{SCOPE}?user_id=ida&limit={limit}")
        assert answer.status_code == 400
        assert list(answer.json()["fields"]) == ["limit"]


def test_ids_and_filters_both_hold(client, shelf):
    body = {"user_id": "ida", "filters": {"OR": [{"run_id": "r"}, {"user_id": "bo"}]}}
    assert texts_of(client.post(LIST_V2, body).json()) == ["c"]


# --- Search -----------------------------------------------------------------


@pytest.mark.parametrize("path", [SEARCH_V1, SEARCH_V2])
@pytest.mark.parametrize("scope", [IDA, {"filters": IDA}])
def test_a_search_is_a_bare_array_best_first(client, store, path, scope):
    store("I keep bees behind the barn.")
    store("The train leaves at noon.", user_id="bo")
    body = {"query": "Who keeps bees?", "threshold": 0, **scope}
    (hit,) = client.post(path, body).json()
    assert hit["memory"] == "I keep bees behind the barn."
    assert 0 <= hit["score"] <= 1


def test_v1_1_wraps_a_search_of_v1(client, store):
    store("I keep bees.")
    body = {"query": "bees", "output_format": "v1.1", **IDA}
    assert texts_of(client.post(SEARCH_V1, body).json()["results"]) == ["I keep bees."]
    assert isinstance(client.post(SEARCH_V2, body).json(), list)


def test_v2_asks_for_more_relevance(client, store):
    for text in ("I keep bees.", "The train leaves at noon.", "My car is red."):
        store(text)
    body = {"query": "Who keeps bees?", "filters": IDA}
    everything = client.post(SEARCH_V2, {**body, "threshold": 0}).json()
    assert len(everything) == 3
    near = [hit for hit in everything if hit["score"] >= 0.3]
    assert 0 < len(near) < 3
    assert client.post(SEARCH_V2, body).json() == near


@pytest.mark.parametrize("path", [SEARCH_V1, SEARCH_V2])
def test_a_limit_is_a_top_k(client, store, path):
    store("I keep bees.")
    store("I keep goats.")
    body = {"query": "animals", "threshold": 0, **IDA}
    assert len(client.post(path, {**body, "limit": 1}).json()) == 1
    assert len(client.post(path, {**body, "limit": 1, "top_k": 2}).json()) == 2


@pytest.mark.parametrize("path", [SEARCH_V1, SEARCH_V2])
@pytest.mark.parametrize("wrong", [{"query": " "}, {"user_id": None}, {"top_k": 0}])
def test_a_bad_search_is_400(client, path, wrong):
    assert client.post(path, {"query": "bees", **IDA, **wrong}).status_code == 400


@pytest.mark.parametrize("path", [SEARCH_V1, SEARCH_V2])
def test_others_find_nothing(client, outsider, idas, store, path):
    store("I keep bees.", user_id="bo")
    body = {"query": "bees", "threshold": 0}
    assert outsider.post(path, {**body, "user_id": "bo"}).json() == []
    assert idas.post(path, {**body, "user_id": "*"}).json() == []
    assert idas.post(path, {**body, "user_id": "bo"}).status_code == 404
    assert len(client.post(path, {**body, "user_id": "bo"}).json()) == 1


def test_a_read_only_key_searches_and_lists(reader):
    assert reader.post(SEARCH_V2, {"query": "bees", **IDA}).json() == []
    assert reader.post(LIST_V2, IDA).json() == []
    assert reader.post(SCOPE, OLD_ADD).status_code == 403
