"""GET /v1/usage/"""

from __future__ import annotations

from uuid import UUID

import pytest

from memories.services.run import run_operation
from tenants import usage
from tenants.services import admit_key
from tests.memories.api.conftest import ADD, LIST, SEARCH, entity_path

USAGE = "/v1/usage/"
IDA = {"filters": {"user_id": "ida"}}


@pytest.fixture
def used(client):
    """``used(group_by="key", …)``: the results, after everything is written."""

    def used(**query):
        usage.flush()
        answer = client.get(USAGE, query)
        assert answer.status_code == 200, answer.json()
        return answer.json()["results"]

    return used


def by(rows, name):
    return {row[name]: row["requests"] for row in rows}


def test_nothing_was_used(client):
    assert client.get(USAGE).json() == {
        "count": 0,
        "next": None,
        "previous": None,
        "results": [],
        "total": {
            "requests": 0,
            "prompt_tokens": 0,
            "completion_tokens": 0,
            "embedding_tokens": 0,
            "model_calls": 0,
            "cost": "0.00000000",
        },
    }


def test_by_day_and_operation(client, store, used, frozen):
    store("a")
    client.post(SEARCH, {"query": "a", **IDA})
    frozen.advance(days=1)
    client.post(LIST, IDA)
    rows = [(r["day"], r["operation"], r["requests"]) for r in used()]
    assert rows == [
        ("2026-03-02", "list", 1),
        ("2026-03-01", "add", 1),
        ("2026-03-01", "search", 1),
    ]


def test_only_what_was_served_is_counted(client, used):
    client.post(ADD, {"messages": "I keep bees."})
    client.post(SEARCH, {"query": " ", **IDA})
    client.get("/v1/memories/nothing/")
    assert used() == []


def test_by_key(client, reader, acme, store, used):
    store("a")
    reader.post(LIST, IDA)
    rows = used(group_by="key")
    keys = {admit_key(key).key_id for key in (acme.key, acme.read_key)}
    assert {row["key"]["id"] for row in rows} == {str(key) for key in keys}
    assert {row["key"]["prefix"] for row in rows} == {
        key.split("_")[2] for key in (acme.key, acme.read_key)
    }
    assert [row["requests"] for row in rows] == [1, 1]
    assert rows[0]["operation"] is rows[0]["day"] is rows[0]["subject"] is None


def test_by_subject(client, store, used):
    store("a", user_id="ida", agent_id="bot", run_id="r")
    store("b", user_id="bo")
    client.post(SEARCH, {"query": "a", **IDA})
    rows = used(group_by="subject,operation")
    told = [
        (r["subject"]["type"], r["subject"]["name"], r["operation"], r["requests"])
        for r in rows
    ]
    assert told == [
        ("agent", "bot", "add", 1),
        ("user", "bo", "add", 1),
        ("user", "ida", "add", 1),
        ("user", "ida", "search", 1),
    ]


def test_old_forms_count_as_the_new_ones(client, used):
    client.post("/v1/memories/", {"messages": "I keep bees.", "user_id": "ida"})
    client.post("/v2/memories/search/", {"query": "bees", **IDA})
    client.get("/v1/memories/?user_id=ida")
    assert by(used(), "operation") == {"add": 1, "list": 1, "search": 1}
    assert used(group_by="subject")[0]["requests"] == 3


def test_tokens_of_models_are_counted_for_key_and_subject(
    models_of_acme, client, learn, used
):
    learn("I keep bees behind the barn.")
    (row,) = used(operation="add")
    (of_ida,) = used(group_by="subject", operation="add")
    assert (row["prompt_tokens"], row["completion_tokens"]) == models_of_acme()
    assert row["prompt_tokens"] == of_ida["prompt_tokens"] > 0
    assert row["embedding_tokens"] == of_ida["embedding_tokens"] > 0


def test_one_operation_and_some_days(client, store, used, frozen):
    for text in ("a", "b", "c"):
        store(text)
        client.post(LIST, IDA)
        frozen.advance(days=1)
    days = {"from": "2026-03-01", "to": "2026-03-02"}
    assert by(used(operation="list", **days), "day") == {
        "2026-03-02": 1,
        "2026-03-01": 1,
    }
    assert by(used(group_by="operation", **days), "operation") == {"add": 2, "list": 2}


def test_the_default_is_this_month(client, store, used, frozen):
    store("a")
    frozen.advance(days=31)
    assert used() == []


def test_pages_and_the_sum_of_all(client, store, frozen):
    for _ in range(3):
        client.post(LIST, IDA)
        frozen.advance(days=1)
    usage.flush()
    page = client.get(USAGE, {"page_size": 2}).json()
    assert (page["count"], len(page["results"])) == (3, 2)
    assert page["total"]["requests"] == 3
    last = client.get(page["next"]).json()
    assert [row["day"] for row in last["results"]] == ["2026-03-01"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-02-30"}, "to"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "from"),
        ({"from": "2024-01-01", "to": "2026-03-01"}, "from"),
        ({"group_by": "month"}, "group_by"),
        ({"group_by": "day,day"}, "group_by"),
        ({"group_by": "subject,key"}, "group_by"),
        ({"operation": "x" * 33}, "operation"),
        ({"page": "0"}, "page"),
    ],
)
def test_what_nobody_can_answer_is_400(client, query, field):
    answer = client.get(USAGE, query)
    assert answer.status_code == 400
    assert field in answer.json()["fields"]


def test_an_erased_subject_is_a_pseudonym(client, acme, store, used, frozen):
    store("a", user_id="ida")
    client.post(SEARCH, {"query": "a", **IDA})
    frozen.advance(seconds=1)
    event_id = client.delete(entity_path("user", "ida")).json()["event_id"]
    run_operation(acme.id, UUID(event_id))
    (row,) = used(group_by="subject")
    assert row["subject"]["name"].startswith("erased-")
    assert row["requests"] == 2
    assert "ida" not in client.get(USAGE, {"group_by": "subject"}).content.decode()


def test_another_tenants_usage_is_not_there(client, outsider, store):
    store("a")
    usage.flush()
    assert outsider.get(USAGE).json()["count"] == 0
    assert outsider.get(USAGE, {"group_by": "subject"}).json()["count"] == 0


def test_a_narrowed_key_does_not_see_the_project(idas):
    assert idas.get(USAGE).status_code == 403


def test_a_read_only_key_sees_it(reader):
    assert reader.get(USAGE).status_code == 200
