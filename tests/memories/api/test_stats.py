"""GET /v1/stats/ and GET /v1/memories/events/"""

from __future__ import annotations

from tenants import usage
from tenants.models import Tenant
from tenants.scopes import tenant_scope
from tests.memories.api.conftest import BATCH, LIST, memory_path

STATS = "/v1/stats/"
CHANGES = "/v1/memories/events/"


def test_a_new_project_has_none(client):
    assert client.get(STATS).json() == {
        "total_memories": 0,
        "total_add_events": 0,
        "total_retrieval_events": 0,
        "total_api_retrieval_events": 0,
        "total_retrieval_events_limit": 0,
        "total_users_with_memories": 0,
        "memories_per_user": 0,
        "total_agents_with_memories": 0,
        "memories_per_agent": 0,
        "total_runs_with_memories": 0,
        "memories_per_run": 0,
    }


def test_it_counts_what_is_there_and_what_was_asked(client, store, outsider):
    store("a", user_id="ida", run_id="r")
    store("b", user_id="ida")
    store("c", user_id="bo", agent_id="bot")
    gone = store("d", user_id="cy")
    client.delete(memory_path(gone))
    client.post(LIST, {"filters": {"user_id": "ida"}})
    usage.flush()
    stats = client.get(STATS).json()
    assert stats["total_memories"] == 3
    assert stats["total_add_events"] == 4
    assert stats["total_retrieval_events"] == stats["total_api_retrieval_events"] == 1
    assert stats["total_users_with_memories"] == 2
    assert stats["memories_per_user"] == 2  # 1.5, rounded
    assert stats["total_agents_with_memories"] == stats["memories_per_agent"] == 1
    assert stats["total_runs_with_memories"] == stats["memories_per_run"] == 1
    assert outsider.get(STATS).json()["total_memories"] == 0


def test_it_tells_the_quota_of_searches(client, acme):
    with tenant_scope(acme.id):
        Tenant.objects.filter(id=acme.id).update(limits={"per_month": {"search": 50}})
    assert client.get(STATS).json()["total_retrieval_events_limit"] == 50


def test_a_narrowed_key_does_not_see_the_project(idas):
    assert idas.get(STATS).status_code == 403


def told(answer):
    assert answer.status_code == 200, answer.json()
    return [(e["event"], e["new_memory"]) for e in answer.json()["results"]]


def test_changes_are_newest_first_and_in_pages(client, store, frozen):
    a = store("a")
    frozen.advance(minutes=1)
    b = store("b", user_id="bo")
    frozen.advance(minutes=1)
    client.put(BATCH, {"memories": [{"memory_id": a, "text": "A!"}]})
    frozen.advance(minutes=1)
    client.delete(memory_path(b))
    first = client.get(f"{CHANGES}?limit=2")
    assert told(first) == [("DELETE", None), ("UPDATE", "A!")]
    assert first.json()["count"] == 4
    second = client.get(first.json()["next"])
    assert told(second) == [("ADD", "b"), ("ADD", "a")]
    assert second.json()["next"] is None
    update = first.json()["results"][1]
    assert (update["memory_id"], update["old_memory"]) == (a, "a")


def test_changes_are_as_the_memorys_own_history_tells_them(client, store):
    memory_id = store("a", metadata={"k": 1})
    (entry,) = client.get(CHANGES).json()["results"]
    assert [entry] == client.get(f"{memory_path(memory_id)}history/").json()


def test_changes_of_others_are_not_there(client, outsider, idas, store):
    store("hers")
    store("bo's", user_id="bo")
    assert told(outsider.get(CHANGES)) == []
    assert told(idas.get(CHANGES)) == [("ADD", "hers")]
    assert idas.get(CHANGES).json()["count"] == 1
