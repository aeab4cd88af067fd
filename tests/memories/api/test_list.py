from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.memories.api.conftest import ADD, LIST, memories
from tests.memories.api.test_search import MEMORY_KEYS

IDA = {"user_id": "ida"}


@pytest.fixture
def listed(client):
    """``listed(page=2)``: ida's memories; paging goes into the query."""

    def listed(filters=IDA, *, query=None, **fields):
        path = LIST if query is None else f"{LIST}?{query}"
        return client.post(path, {"filters": filters, **fields})

    return listed


@pytest.fixture
def five(store, frozen):
    """ "Fact 0." to "Fact 4.", a minute apart."""
    for number in range(5):
        store(f"Fact {number}.")
        frozen.advance(minutes=1)


def test_a_page_of_whole_memories(store, listed, frozen):
    memory_id = store("I keep bees.", metadata={"k": [1, None]}, run_id="r", **IDA)
    answer = listed()
    assert answer.status_code == 200
    body = answer.json()
    assert {k: body[k] for k in ("count", "next", "previous")} == {
        "count": 1,
        "next": None,
        "previous": None,
    }
    (memory,) = body["results"]
    assert memory.keys() == MEMORY_KEYS
    assert memory["id"] == memory_id
    assert memory["metadata"] == {"k": [1, None]}
    assert memory["run_id"] == memory["session_id"] == "r"
    assert memory["created_at"] == "2026-03-01T09:30:00+00:00"
    assert memory["structured_attributes"]["day_of_week"] == "sunday"


def test_newest_first(five, listed):
    assert memories(listed()) == [f"Fact {n}." for n in (4, 3, 2, 1, 0)]


def test_every_page_is_seen_once_by_following_the_links(five, client):
    seen, path = [], f"{LIST}?page_size=2"
    while path:
        answer = client.post(path, {"filters": IDA})
        seen += memories(answer)
        assert answer.json()["count"] == 5
        path = answer.json()["next"]
    assert seen == [f"Fact {n}." for n in (4, 3, 2, 1, 0)]


def test_links_are_absolute_and_keep_the_size(five, listed):
    body = listed(query="page=2&page_size=2&source=CLI").json()
    before, after = urlsplit(body["previous"]), urlsplit(body["next"])
    assert f"{after.scheme}://{after.netloc}{after.path}" == f"http://testserver{LIST}"
    assert parse_qs(after.query) == {
        "page": ["3"],
        "page_size": ["2"],
        "source": ["CLI"],
    }
    assert parse_qs(before.query)["page"] == ["1"]


def test_links_stand_under_the_public_address(five, listed, settings):
    settings.PUBLIC_URL = "https://memory.example/base/"
    link = listed(query="page_size=2").json()["next"]
    assert link == f"https://memory.example/base{LIST}?page_size=2&page=2"


def test_the_query_wins_over_the_body(five, listed):
    assert memories(listed(page=2, page_size=2)) == ["Fact 2.", "Fact 1."]
    assert memories(listed(query="page=3", page=2, page_size=2)) == ["Fact 0."]


def test_a_page_has_a_hundred_and_never_more_than_two_hundred(client, listed):
    turns = [{"role": "user", "content": f"Fact {n}."} for n in range(201)]
    for start in range(0, 201, 50):
        said = {"messages": turns[start : start + 50], "infer": False, **IDA}
        assert client.post(ADD, said).json()["status"] == "SUCCEEDED"
    assert len(memories(listed())) == 100
    assert parse_qs(urlsplit(listed().json()["next"]).query)["page_size"] == ["100"]
    assert len(memories(listed(query="page_size=5000"))) == 200
    assert memories(listed(query="page_size=5000&page=2")) == ["Fact 0."]


def test_past_the_end_is_an_empty_page(five, listed):
    body = listed(query="page=9").json()
    assert body["results"] == []
    assert body["next"] is None
    assert body["count"] == 5


def test_days_are_inclusive(listed, store):
    store("Then.", timestamp="2026-02-10T23:59:59.999999Z")
    assert memories(listed(start_date="2026-02-10", end_date="2026-02-10")) == ["Then."]
    assert memories(listed(end_date="2026-02-09")) == []
    assert memories(listed(start_date="2026-02-11")) == []


def test_keywords_are_a_part_of_the_text_in_any_case(store, listed):
    store("100% Bees")
    store("1000 wasps")
    assert memories(listed(keywords="100% bees")) == ["100% Bees"]


def test_fields_restrict_what_is_shown(five, listed):
    results = listed(fields=["id", "memory"]).json()["results"]
    assert all(memory.keys() == {"id", "memory"} for memory in results)


def test_what_has_expired_is_neither_shown_nor_counted(store, listed, frozen):
    store("Gone.", expiration_date="2026-02-28")
    store("Today.", expiration_date="2026-03-01")
    body = listed().json()
    assert (body["count"], memories(listed())) == (1, ["Today."])
    assert listed(show_expired=True).json()["count"] == 2


def test_it_answers_as_it_would_have_then(five, listed, client, frozen):
    then = frozen.instant.isoformat()
    frozen.advance(days=1)
    for memory in listed().json()["results"][:2]:
        client.delete(f"/v1/memories/{memory['id']}/")
    assert listed().json()["count"] == 3
    assert listed(as_of=then).json()["count"] == 5
    assert memories(listed(as_of="2026-03-01T09:31:30Z")) == ["Fact 1.", "Fact 0."]
    assert memories(listed(as_of="2020-01-01")) == []


def test_the_superseded_stays_with_a_link_to_its_successor(learn, listed):
    learn("I live in Lisbon.")
    learn("I moved to Berlin.")
    new, old = listed().json()["results"]
    assert old["replaced_by"] == new["id"]
    assert (old["lifecycle_state"], new["lifecycle_state"]) == ("superseded", "active")
    assert memories(listed(latest_only=True)) == [new["memory"]]


# --- Outsiders --------------------------------------------------------------


def test_a_read_only_key_may(five, reader):
    assert reader.post(LIST, {"filters": IDA}).json()["count"] == 5


def test_another_tenant_sees_an_empty_list(five, outsider):
    for filters in (IDA, {"user_id": "*"}):
        body = outsider.post(LIST, {"filters": filters}).json()
        assert body == {"count": 0, "next": None, "previous": None, "results": []}


def test_a_narrowed_key_lists_its_own_only(store, idas):
    store("Mine.")
    store("Bo's.", user_id="bo")
    body = idas.post(LIST, {"filters": {"user_id": "*"}})
    assert memories(body) == ["Mine."]
    assert body.json()["count"] == 1
    either = {"OR": [{"user_id": "bo"}, {"user_id": "ida"}]}
    assert memories(idas.post(LIST, {"filters": either})) == ["Mine."]
    assert idas.post(LIST, {"filters": {"user_id": "bo"}}).status_code == 404
