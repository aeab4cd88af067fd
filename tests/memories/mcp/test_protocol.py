"""The transport: one message a request, in the versions there are, from where it may."""

from __future__ import annotations

import pytest

from tests.memories.mcp.conftest import MCP

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


def initialize(version: str) -> dict:
    return {
        **INITIALIZE,
        "params": {**INITIALIZE["params"], "protocolVersion": version},
    }


@pytest.mark.parametrize("version", ["2024-11-05", "2025-06-18", "2025-11-25"])
def test_a_client_keeps_its_version(mcp, version):
    result = mcp.post(initialize(version)).json()["result"]
    assert result["protocolVersion"] == version
    assert result["serverInfo"]["name"] == "memplatform"
    assert "Search it before you answer" in result["instructions"]


def test_an_unknown_version_is_answered_with_one_we_speak(mcp):
    result = mcp.post(initialize("1999-01-01")).json()["result"]
    assert result["protocolVersion"] == "2025-11-25"


def test_the_latest_version_needs_no_handshake(mcp):
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    headers = {
        "HTTP_MCP_PROTOCOL_VERSION": "2026-07-28",
        "HTTP_MCP_METHOD": "tools/list",
    }
    answer = mcp.post({**LIST, "params": {"_meta": meta}}, **headers)
    assert answer.status_code == 200, answer.content
    assert len(answer.json()["result"]["tools"]) > 10


def test_a_version_in_the_header_that_we_do_not_speak_is_400(mcp):
    answer = mcp.post(LIST, HTTP_MCP_PROTOCOL_VERSION="1999-01-01")
    assert answer.status_code == 400


def test_a_notification_is_taken_without_an_answer(mcp):
    answer = mcp.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (answer.status_code, answer.content) == (202, b"")


def test_there_is_no_session(mcp):
    answer = mcp.post(INITIALIZE)
    assert answer["Content-Type"] == "application/json"
    assert "Mcp-Session-Id" not in answer


@pytest.mark.parametrize("method", ["get", "delete", "put", "patch"])
@pytest.mark.parametrize("path", [MCP, f"{MCP}/"])
def test_there_is_no_stream_either(client, method, path):
    answer = getattr(client, method)(path)
    assert answer.status_code == 405
    assert "POST" in answer["Allow"]


def test_both_spellings_of_the_address_answer(client):
    for path in (MCP, f"{MCP}/"):
        assert client.post(path, LIST, format="json").status_code == 200


def test_an_unknown_method_is_told(mcp):
    error = mcp.ask("tools/eat")["error"]
    assert error["code"] == -32601


def test_an_unknown_tool_is_told(mcp):
    error = mcp.ask("tools/call", name="eat_memories", arguments={})["error"]
    assert error["code"] == -32602
    assert "eat_memories" in error["message"]


@pytest.mark.parametrize("params", [{}, {"name": 7}, {"name": "x", "arguments": []}])
def test_a_call_that_is_none_is_told_without_a_trace(mcp, params):
    answer = mcp.post(
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    )
    error = answer.json()["error"]
    assert error["code"] == -32602
    assert "Traceback" not in answer.content.decode()
    assert "pydantic" not in answer.content.decode()


# Bodies, and what JSON-RPC calls them.
MALFORMED = [
    (b"{", -32700),
    (b'{"a": "\\u0000"}', -32700),
    (b'{"a": NaN}', -32700),
    (b"[" * 100 + b"]" * 100, -32700),
    (b"", -32600),
    (b"[]", -32600),
    (b'"hello"', -32600),
    (b'[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]', -32600),
    (b'{"id": 1, "method": "ping"}', -32600),
    (b'{"jsonrpc": "2.0", "id": {}, "method": "ping"}', -32600),
    (b'{"jsonrpc": "2.0", "id": 1, "result": {}}', -32600),
]


@pytest.mark.parametrize(("body", "code"), MALFORMED)
def test_a_malformed_body_is_400(client, body, code):
    answer = client.post(MCP, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert "pydantic" not in answer.json()["error"]["message"]


def test_a_body_beyond_the_limit_is_413(mcp, settings):
    settings.MAX_BODY_BYTES = 1024
    answer = mcp.post({**LIST, "params": {"cursor": "x" * 2000}})
    assert answer.status_code == 413


def test_a_page_of_another_site_may_not_ask(mcp):
    answer = mcp.post(LIST, HTTP_ORIGIN="https://evil.example")
    assert answer.status_code == 403
    assert "CORS_ALLOWED_ORIGINS" in answer.json()["detail"]


def test_a_page_of_a_listed_site_may(mcp, settings):
    settings.CORS_ALLOWED_ORIGINS = ["https://chat.example"]
    answer = mcp.post(LIST, HTTP_ORIGIN="https://chat.example")
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == "https://chat.example"


def test_a_browser_may_ask_beforehand(mcp, settings):
    """A preflight names the protocol's own headers."""
    settings.CORS_ALLOWED_ORIGINS = ["https://chat.example"]
    asked = {"HTTP_ORIGIN": "https://chat.example"}
    asked["HTTP_ACCESS_CONTROL_REQUEST_METHOD"] = "POST"
    answer = mcp.http.options(MCP, **asked)
    allowed = answer["Access-Control-Allow-Headers"].split(", ")
    for name in ("authorization", "mcp-protocol-version", "mcp-method", "mcp-name"):
        assert name in allowed


def test_a_body_in_chunks_is_411(mcp):
    """Django would read it as an empty one."""
    headers = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    assert mcp.post(LIST, **headers).status_code == 411


def test_our_own_pages_may(mcp, settings):
    settings.PUBLIC_URL = "https://memories.example/"
    for origin in ("http://testserver", "https://memories.example"):
        assert mcp.post(LIST, HTTP_ORIGIN=origin).status_code == 200


def test_a_name_that_is_not_ours_is_refused(mcp, settings):
    """A name of the attacker that was rebound to our address."""
    settings.ALLOWED_HOSTS = ["testserver"]
    assert mcp.post(LIST, HTTP_HOST="evil.example").status_code == 400
