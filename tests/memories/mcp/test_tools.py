"""What each tool does, said by a client of the protocol."""

from __future__ import annotations

import json
import tracemalloc
from datetime import date
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from memories.mcp.tools import TOOLS
from memories.models import Memory, Operation
from memories.services.run import run_operation
from tenants import usage
from tenants.models import Usage
from tenants.scopes import tenant_scope
from tests.memories.api.conftest import NOBODYS_ID, event_path

NAMES = {
    "add_memory",
    "search_memories",
    "get_memories",
    "get_memory",
    "get_memory_history",
    "update_memory",
    "delete_memory",
    "delete_all_memories",
    "delete_entities",
    "list_entities",
    "list_events",
    "get_event_status",
}


def test_these_are_the_tools(mcp):
    assert set(mcp.tools()) == NAMES


def test_each_tool_tells_a_model_what_it_is_for(mcp, subtests):
    for name, tool in mcp.tools().items():
        with subtests.test(name):
            assert len(tool["description"]) > 80
            assert tool["inputSchema"]["additionalProperties"] is False
            Draft202012Validator.check_schema(tool["inputSchema"])
            Draft202012Validator.check_schema(tool["outputSchema"])
            # A model's own interface refuses more than this at the top.
            known = {"type", "properties", "required", "additionalProperties"}
            assert tool["inputSchema"].keys() <= known
            for argument in tool["inputSchema"]["properties"].values():
                assert argument["description"]


def test_each_tool_says_what_it_may_break(mcp):
    hints = {name: tool["annotations"] for name, tool in mcp.tools().items()}
    reads = {name for name, hint in hints.items() if hint["readOnlyHint"]}
    destroys = {name for name, hint in hints.items() if hint["destructiveHint"]}
    assert reads == {n for n in NAMES if n.startswith(("get", "list", "search"))}
    assert destroys == {n for n in NAMES if n.startswith(("delete", "update"))}


def test_what_is_added_is_queued_and_then_known(mcp, acme):
    answer = mcp.call("add_memory", text="I keep bees.", user_id="ida")
    assert mcp.call("get_event_status", event_id=answer["event_id"])["status"] == (
        "PENDING"
    )
    run_operation(acme.id, UUID(answer["event_id"]))
    event = mcp.call("get_event_status", event_id=answer["event_id"])
    assert event["status"] == "SUCCEEDED"
    assert [result["event"] for result in event["results"]] == ["ADD"]


def test_a_conversation_is_added_with_what_it_carries(mcp, client):
    messages = [{"role": "user", "content": "I keep bees.", "name": "Ida"}]
    answer = mcp.call(
        "add_memory",
        messages=messages,
        user_id="ida",
        run_id="r",
        infer=False,
        metadata={"source": "chat"},
        expiration_date="2099-01-01",
    )
    (added,) = answer["results"]
    memory = mcp.call("get_memory", memory_id=added["id"])
    assert (memory["memory"], memory["run_id"]) == ("I keep bees.", "r")
    assert memory["metadata"] == {"source": "chat"}
    assert date.fromisoformat(memory["expiration_date"]).year == 2099


def test_an_add_with_the_same_idempotency_key_is_one(mcp):
    fields = {"text": "I keep bees.", "user_id": "ida", "idempotency_key": "once"}
    first, second = mcp.call("add_memory", **fields), mcp.call("add_memory", **fields)
    assert first["event_id"] == second["event_id"]


def test_a_search_finds_within_the_scope(mcp, store):
    store("I keep bees.")
    store("I keep bees too.", user_id="ben")
    found = mcp.call("search_memories", query="bees", user_id="ida")["results"]
    assert [hit["memory"] for hit in found] == ["I keep bees."]
    assert 0 < found[0]["score"] <= 1
    assert "hash" not in found[0]


def test_ids_and_filters_both_hold(mcp, store):
    store("I keep bees.", metadata={"kind": "fact"})
    store("I keep goats.", metadata={"kind": "draft"})
    filters = {"metadata": {"kind": "fact"}}
    listed = mcp.call("get_memories", user_id="ida", filters=filters)
    assert [memory["memory"] for memory in listed["results"]] == ["I keep bees."]


def test_a_list_comes_in_pages(mcp, store):
    for number in range(3):
        store(f"Fact {number}.")
    first = mcp.call("get_memories", user_id="ida", page_size=2)
    second = mcp.call("get_memories", user_id="ida", page_size=2, page=2)
    assert (first["count"], first["has_more"], second["has_more"]) == (3, True, False)
    assert len(second["results"]) == 1


def test_a_correction_keeps_the_old_text_in_the_history(mcp, store):
    memory_id = store("I keep bees.")
    mcp.call("update_memory", memory_id=memory_id, text="I keep two hives.")
    history = mcp.call("get_memory_history", memory_id=memory_id)["history"]
    assert [entry["event"] for entry in history] == ["ADD", "UPDATE"]
    assert history[1]["old_memory"] == "I keep bees."


def test_null_takes_an_expiry_away_and_is_absent_elsewhere(mcp, store):
    memory_id = store("I keep bees.", expiration_date="2099-01-01")
    changes = {"expiration_date": None, "text": None}
    memory = mcp.call("update_memory", memory_id=memory_id, **changes)
    assert (memory["expiration_date"], memory["memory"]) == (None, "I keep bees.")


def test_what_is_deleted_is_gone(mcp, store):
    memory_id = store("I keep bees.")
    mcp.call("delete_memory", memory_id=memory_id)
    refusal = mcp.refused("get_memory", memory_id=memory_id)
    assert refusal.startswith("Memory not found!")
    assert "search_memories" in refusal


def test_a_scope_is_forgotten(mcp, acme, store, texts):
    store("I keep bees.")
    store("I keep goats.", user_id="ben")
    answer = mcp.call("delete_all_memories", user_id="ida")
    run_operation(acme.id, UUID(answer["event_id"]))
    assert texts() == ["I keep goats."]


def test_a_user_is_erased(mcp, acme, store):
    store("I keep bees.", user_id="i/da")
    (entity,) = mcp.call("list_entities")["results"]
    assert (entity["name"], entity["total_memories"]) == ("i/da", 1)
    answer = mcp.call("delete_entities", user_id="i/da")
    run_operation(acme.id, UUID(answer["event_id"]))
    assert mcp.call("list_entities")["count"] == 0


def test_events_are_listed_by_kind(mcp, store):
    store("I keep bees.")
    mcp.call("search_memories", query="bees", user_id="ida")
    events = mcp.call("list_events", event_type="ADD")["results"]
    assert [event["event_type"] for event in events] == ["ADD"]


def test_the_text_of_an_answer_is_its_structure(mcp, store):
    store("Ich züchte Bienen.")
    result = mcp.ask("tools/call", name="get_memories", arguments={"user_id": "ida"})
    (content,) = result["result"]["content"]
    assert json.loads(content["text"]) == result["result"]["structuredContent"]
    assert "züchte" in content["text"]


def test_every_answer_is_as_its_schema_says(mcp, store, subtests):
    memory_id = store("I keep bees.")
    event_id = mcp.call("add_memory", text="I keep goats.", user_id="ida")["event_id"]
    calls = {
        "add_memory": {"text": "I read.", "user_id": "ida"},
        "search_memories": {"query": "bees", "user_id": "ida"},
        "get_memories": {"user_id": "ida"},
        "get_memory": {"memory_id": memory_id},
        "update_memory": {"memory_id": memory_id, "text": "I keep two hives."},
        "get_memory_history": {"memory_id": memory_id},
        "list_entities": {},
        "list_events": {},
        "get_event_status": {"event_id": event_id},
        "delete_memory": {"memory_id": memory_id},
        "delete_all_memories": {"user_id": "ida"},
        "delete_entities": {"user_id": "ida"},
    }
    assert calls.keys() == NAMES
    for name, arguments in calls.items():
        with subtests.test(name):
            answer = mcp.call(name, **arguments)
            Draft202012Validator(TOOLS[name].answers).validate(answer)


# What is wrong, and the word that tells the model what.
WRONG = [
    ("search_memories", {"user_id": "ida"}, "'query' is a required"),
    ("search_memories", {"query": "bees", "limit": 3}, "'limit'"),
    ("search_memories", {"query": "bees", "user_id": 7}, "user_id:"),
    ("search_memories", {"query": "bees"}, "filters"),
    ("search_memories", {"query": "bees", "filters": {"shoe": 39}}, "shoe"),
    ("add_memory", {"user_id": "ida"}, "text"),
    ("add_memory", {"text": "I keep bees."}, "user_id"),
    ("add_memory", {"text": "x", "messages": [], "user_id": "ida"}, "messages"),
    (
        "add_memory",
        {"text": "x", "messages": [{"role": "user", "content": "x"}]},
        "one of the two",
    ),
    ("get_memory", {"memory_id": "bees"}, "memory_id:"),
    ("update_memory", {"memory_id": NOBODYS_ID}, "at least one of text"),
    ("update_memory", {"memory_id": NOBODYS_ID, "text": "x"}, "not found"),
    ("delete_all_memories", {}, "user_id"),
    ("delete_entities", {}, "exactly one"),
    ("delete_entities", {"user_id": "a", "agent_id": "b"}, "exactly one"),
    ("get_event_status", {"event_id": NOBODYS_ID}, "event_id"),
]


@pytest.mark.parametrize(("tool", "arguments", "word"), WRONG)
def test_a_refusal_says_what_to_do(mcp, acme, tool, arguments, word):
    assert word in mcp.refused(tool, **arguments)
    with tenant_scope(acme.id):
        assert not Memory.objects.exists()
        assert not Operation.objects.exists()


def test_of_many_mistakes_the_first_are_told_and_the_rest_not_looked_for(mcp):
    tracemalloc.start()
    problem = mcp.refused("get_memories", user_id="ida", categories=[7] * 20_000)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert problem.count("is not of type") == 3
    assert peak_bytes < 5_000_000


def test_what_breaks_on_our_side_tells_nothing(mcp, caplog, monkeypatch):
    class Secret(Exception):
        pass

    def broken(self, arguments, access):
        raise Secret("I keep bees.")

    monkeypatch.setattr("memories.mcp.tools.Tool.read", broken)
    assert "bees" not in mcp.refused("get_memories", user_id="ida")
    assert "Secret" in caplog.text
    assert "bees" not in caplog.text


def test_usage_is_counted_as_for_the_api(mcp, acme, client, store):
    store("I keep bees.")
    mcp.call("search_memories", query="bees", user_id="ida")
    usage.flush()
    with tenant_scope(acme.id):
        counted = dict(Usage.objects.values_list("operation", "requests"))
    assert counted == {"add": 1, "search": 1}


def test_a_used_up_quota_is_told(mcp, acme, client):
    with tenant_scope(acme.id):
        type(acme.tenant).objects.filter(id=acme.id).update(
            limits={"per_month": {"add": 0}}
        )
    told = mcp.refused("add_memory", text="I keep bees.", user_id="ida")
    assert "used up" in told


def test_each_call_is_one_request_of_the_rate(mcp, client, valkey, settings, frozen):
    settings.RATE_LIMIT_PER_MINUTE = 2
    mcp.call("list_entities")
    mcp.call("list_entities")
    answer = mcp.post({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


def test_the_api_sees_what_tools_did(mcp, client):
    event_id = mcp.call("add_memory", text="I keep bees.", user_id="ida")["event_id"]
    assert client.get(event_path(event_id)).json()["event_type"] == "ADD"
