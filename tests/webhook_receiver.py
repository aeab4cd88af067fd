"""A little HTTP server that receives webhooks, and answers as it is told to.

with Receiver() as receiver:
    receiver.answer(500, 200)    # the next two; then 200 for ever
    ...
    assert receiver.events() == ["ADD"]
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

HANG, DRIP, DROP = "hang", "drip", "drop"
DRIP_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as it came; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """As the standard tells a receiver to look."""
        sent = self.headers
        signed = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode()
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.new(key, signed + self.body, hashlib.sha256).digest()
        expected = f"v1,{base64.b64encode(digest).decode()}"
        return expected in sent["webhook-signature"].split(" ")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, or one of HANG, DRIP and DROP; what else goes with it."""

    status: int | str = 200
    body: bytes = b"thanks"
    headers: tuple[tuple[str, str], ...] = ()


class Receiver:
    """Listens on loopback, at ``url``; ``received`` grows."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self._answers: deque[Answer] = deque()
        self._released = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer._handle(self)

            def log_message(self, *args: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if context:
            listener = self._server.socket
            self._server.socket = context.wrap_socket(listener, server_side=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/in"

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def answer(self, *answers: int | str | Answer) -> None:
        """To the next requests, in order; afterwards it is 200 again."""
        self._answers += [a if isinstance(a, Answer) else Answer(a) for a in answers]

    def events(self) -> list[str]:
        return [request.json["event_details"]["event"] for request in self.received]

    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.received]

    def release(self) -> None:
        """Let go who hangs."""
        self._released.set()

    def __enter__(self) -> Self:
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(request.path, headers, body))
        answer = self._answers.popleft() if self._answers else Answer()
        if answer.status == HANG:
            self._released.wait(60)
        elif answer.status == DRIP:
            self._drip(request)
        elif answer.status != DROP:
            request.send_response(int(answer.status))
            for name, value in answer.headers:
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(answer.body)

    def _drip(self, request: BaseHTTPRequestHandler) -> None:
        """A header that never ends, a byte at a time."""
        request.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
        while not self._released.wait(DRIP_EVERY_S):
            try:
                request.wfile.write(b"x")
            except OSError:
                return
