"""An agent's whole journey through the Model Context Protocol, with its own client.

In both eras of the protocol: with a handshake, and with every request for itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import anyio
import httpx2
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client

from tests.acceptance.installation import wait_for
from tests.acceptance.platform import MARKS, Platform

pytestmark = MARKS
Journey = Callable[["Agent"], Awaitable[None]]


class Agent:
    """Calls tools, and hears their structured answers."""

    def __init__(self, client: mcp.Client) -> None:
        self.client = client

    async def call(self, tool: str, **arguments: Any) -> Any:
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        return result.structured_content

    async def settled(self, event_id: str) -> dict[str, Any]:
        with anyio.fail_after(30):
            while True:
                event = await self.call("get_event_status", event_id=event_id)
                if event["status"] in ("SUCCEEDED", "FAILED"):
                    return event
                await anyio.sleep(0.1)


async def _travel(url: str, key: str, mode: Any, journey: Journey) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers))
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        client = await stack.enter_async_context(mcp.Client(transport, mode=mode))
        await journey(Agent(client))


def travel(platform: Platform, mode: str, journey: Journey, key: str = "") -> None:
    anyio.run(_travel, platform.url, key or platform.demo["api_key"], mode, journey)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_memory_from_its_add_to_its_end(platform, client, user, mode):
    async def journey(agent: Agent) -> None:
        tools = {tool.name for tool in (await agent.client.list_tools()).tools}
        assert {"add_memory", "search_memories"} <= tools

        queued = await agent.call("add_memory", text="I live in Lisbon.", user_id=user)
        event = await agent.settled(queued["event_id"])
        (added,) = event["results"]
        asked = {"query": "I live in Lisbon.", "user_id": user}
        found = await agent.call("search_memories", **asked)
        assert [hit["id"] for hit in found["results"]] == [added["id"]]

        changes = {"memory_id": added["id"], "text": "Lives in Porto."}
        await agent.call("update_memory", **changes)
        history = await agent.call("get_memory_history", memory_id=added["id"])
        assert [e["event"] for e in history["history"]] == ["ADD", "UPDATE"]

        listed = await agent.call("get_memories", user_id=user)
        assert [m["memory"] for m in listed["results"]] == ["Lives in Porto."]
        gone = await agent.call("delete_all_memories", user_id=user)
        assert (await agent.settled(gone["event_id"]))["status"] == "SUCCEEDED"

    travel(platform, mode, journey)
    wait_for(lambda: client.texts(user) == [], "the scope's end")


def test_what_a_tool_refuses_is_an_answer(platform, user):
    async def journey(agent: Agent) -> None:
        result = await agent.client.call_tool("get_memory", {"memory_id": "bees"})
        assert result.is_error
        assert "memory_id" in result.content[0].text

    travel(platform, "auto", journey)


def test_without_a_good_key_there_is_no_session(platform):
    async def journey(agent: Agent) -> None:
        await agent.client.list_tools()

    with pytest.raises(BaseExceptionGroup) as refused:
        travel(platform, "legacy", journey, key="mp_wrong")
    assert refused.group_contains(mcp.MCPError, match="Invalid API key")
