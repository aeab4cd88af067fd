"""A client of the protocol without a process: one JSON-RPC message a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.memories.api.conftest import (  # noqa: F401 - fixtures
    client,
    expired,
    idas,
    learn,
    outsider,
    reader,
    revoked,
    store,
    texts,
)

MCP = "/mcp"
ACCEPT = {"HTTP_ACCEPT": "application/json, text/event-stream"}


@dataclass
class Session:
    """What one client says and hears."""

    http: APIClient

    def post(self, message: Any, **headers: str):
        return self.http.post(MCP, message, format="json", **{**ACCEPT, **headers})

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a request, as JSON-RPC has it."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self.post(message)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def tools(self) -> dict[str, dict[str, Any]]:
        return {t["name"]: t for t in self.ask("tools/list")["result"]["tools"]}

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured answer of a tool that did what it was asked."""
        result = self._result(tool, arguments)
        assert not result["isError"], result
        return result["structuredContent"]

    def refused(self, tool: str, **arguments: Any) -> str:
        """What a tool says that did not."""
        result = self._result(tool, arguments)
        assert result["isError"], result
        assert "Traceback" not in result["content"][0]["text"]
        return result["content"][0]["text"]

    def _result(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return self.ask("tools/call", name=tool, arguments=arguments)["result"]


@pytest.fixture
def mcp(client) -> Session:  # noqa: F811
    """With acme's key."""
    return Session(client)


@pytest.fixture
def stranger(outsider) -> Session:  # noqa: F811
    """With globex's key."""
    return Session(outsider)


@pytest.fixture
def mcp_reader(reader) -> Session:  # noqa: F811
    """With acme's read-only key."""
    return Session(reader)


@pytest.fixture
def mcp_of_ida(idas) -> Session:  # noqa: F811
    """With a key narrowed to the user ida."""
    return Session(idas)
