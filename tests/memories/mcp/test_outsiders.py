"""Who may not come in, and what the others may reach, tool by tool."""

from __future__ import annotations

import pytest

from memories.mcp.tools import TOOLS
from memories.models import Memory, Operation
from tenants.scopes import tenant_scope
from tests.memories.mcp.conftest import MCP, Session

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
BEN = {"user_id": "ben"}


def of_memory(memory_id: str) -> dict[str, dict]:
    """What each tool is asked about a memory of ben's."""
    return {
        "get_memory": {"memory_id": memory_id},
        "get_memory_history": {"memory_id": memory_id},
        "update_memory": {"memory_id": memory_id, "text": "Mine."},
        "delete_memory": {"memory_id": memory_id},
        "search_memories": {"query": "bees", **BEN},
        "get_memories": BEN,
        "add_memory": {"text": "Mine.", **BEN},
        "delete_all_memories": BEN,
        "delete_entities": BEN,
        "list_entities": {},
        "list_events": {},
    }


BY_ID = ("get_memory", "get_memory_history", "update_memory", "delete_memory")


@pytest.fixture
def bens(store) -> str:
    """The id of a memory of ben's, in acme."""
    return store("I keep bees.", user_id="ben")


@pytest.mark.parametrize("who", ["nobody", "expired", "revoked"])
def test_a_key_that_is_not_good_is_401(api, request, acme, who):
    http = api() if who == "nobody" else request.getfixturevalue(who)
    answer = Session(http).post(LIST)
    assert answer.status_code == 401
    assert "Bearer" in answer["WWW-Authenticate"]
    assert answer.json()["code"] == "not_authenticated"


def test_a_key_comes_in_the_header_only(api, acme):
    answer = api().post(f"{MCP}?api_key={acme.key}", LIST, format="json")
    assert answer.status_code == 401


@pytest.mark.parametrize("keyword", ["Token", "Bearer", "bearer"])
def test_a_key_may_be_a_bearers(api, acme, keyword):
    http = api(HTTP_AUTHORIZATION=f"{keyword} {acme.key}")
    assert Session(http).post(LIST).status_code == 200


def test_another_tenant_sees_nothing(stranger, bens):
    arguments = of_memory(bens)
    for tool in BY_ID:
        assert "not found" in stranger.refused(tool, **arguments[tool]).lower()
    for tool in ("search_memories", "get_memories", "list_entities"):
        assert stranger.call(tool, **arguments[tool])["results"] == []


def test_another_tenant_reaches_nothing(stranger, acme, bens, texts):
    stranger.call("add_memory", text="Mine.", infer=False, **BEN)
    stranger.call("delete_all_memories", **BEN)
    assert texts() == ["I keep bees."]


def test_another_tenant_does_not_see_an_event(mcp, stranger):
    event_id = mcp.call("add_memory", text="I keep bees.", **BEN)["event_id"]
    assert stranger.refused("get_event_status", event_id=event_id)


def test_a_narrowed_key_reaches_its_own_only(mcp_of_ida, bens, texts, subtests):
    for tool, arguments in of_memory(bens).items():
        with subtests.test(tool):
            if tool in ("list_entities", "list_events"):
                assert mcp_of_ida.call(tool)["results"] == []
            else:
                assert mcp_of_ida.refused(tool, **arguments)
    assert texts() == ["I keep bees."]


def test_a_narrowed_key_need_not_name_its_user(mcp_of_ida, bens):
    mcp_of_ida.call("add_memory", text="I keep goats.", infer=False)
    listed = mcp_of_ida.call("get_memories")["results"]
    found = mcp_of_ida.call("search_memories", query="animals", threshold=0)["results"]
    assert [m["memory"] for m in listed] == ["I keep goats."]
    assert [m["memory"] for m in found] == ["I keep goats."]
    assert listed[0]["user_id"] == "ida"


def test_a_read_only_key_is_shown_what_it_may(mcp_reader):
    assert set(mcp_reader.tools()) == {n for n, t in TOOLS.items() if t.is_read}


def test_a_read_only_key_never_writes(mcp_reader, acme, bens, texts, subtests):
    with tenant_scope(acme.id):
        before = Operation.objects.count(), Memory.objects.count()
    for tool, arguments in of_memory(bens).items():
        if not TOOLS[tool].is_read:
            with subtests.test(tool):
                assert "read-only" in mcp_reader.refused(tool, **arguments)
    with tenant_scope(acme.id):
        assert (Operation.objects.count(), Memory.objects.count()) == before


def test_a_read_only_key_reads(mcp_reader, bens):
    (found,) = mcp_reader.call("search_memories", query="bees", **BEN)["results"]
    assert found["id"] == bens
