"""One request to an ASGI application, from a thread that serves WSGI.

The SDK's transport is ASGI only, and serving everything over ASGI costs sync views
seven times as much. So each request drives it in an event loop of its own, while the
thread of the request stays free for the sync code that the application calls back
(``sync_to_async``): it keeps its database connection and its transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import anyio
from asgiref.sync import async_to_sync
from django.http import HttpRequest

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


@dataclass(slots=True)
class Answer:
    """What an application sent."""

    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def exchange(
    application: Application,
    request: HttpRequest,
    body: bytes,
    *,
    headers: Mapping[str, str],
    state: Mapping[str, Any],
) -> Answer:
    """The application's answer to this request with these headers and this body."""
    scope = _scope(request, headers, state)
    return async_to_sync(_exchange)(application, scope, body)


async def _exchange(application: Application, scope: Message, body: bytes) -> Answer:
    answer = Answer()
    parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if parts:
            return parts.pop()
        await anyio.sleep_forever()  # until cancelled: the client is still there
        raise AssertionError

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            pairs = message.get("headers", ())
            answer.headers = {k.decode(): v.decode("latin-1") for k, v in pairs}
        else:
            answer.body += message.get("body", b"")

    await application(scope, receive, send)
    return answer


def _scope(
    request: HttpRequest, headers: Mapping[str, str], state: Mapping[str, Any]
) -> Message:
    lines = [(k.lower().encode(), v.encode("latin-1")) for k, v in headers.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": lines,
        "client": None,
        "server": None,
        "state": dict(state),
    }
