"""A platform as an evaluation meets it over HTTP: takes adds, finds nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Wire:
    """What was sent; ``engine`` decides adds, ``waiting`` operations never end."""

    url: str = ""
    project: str = "p-acme"
    engine: str = "local"
    waiting: int = 0
    keys: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    """Of adds, one for each key, as the platform takes each once."""

    def posted(self, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        if path == "/v3/memories/search/":
            return {"results": []}
        if path == "/v1/context/":
            return {"confidence": 0.5}
        if key not in self.keys:
            self.keys.append(key)
            self.bodies.append(body)
        return {"event_id": str(self.keys.index(key))}

    def got(self, path: str) -> dict[str, Any]:
        if path == "/v1/ping/":
            return {"status": "ok", "project_id": self.project}
        if path.startswith("/v1/events/"):
            return {"count": self.waiting}
        body = self.bodies[int(path.split("/")[-2])]
        engine = self.engine if body["infer"] else "verbatim"
        messages = [{"id": m["content"]} for m in body["messages"]]
        ledger = {"engine": engine, "messages": messages, "facts": []}
        return {"status": "SUCCEEDED", "ledger": ledger}


class Answering(BaseHTTPRequestHandler):
    """Answers with JSON, and says nothing of it."""

    def answer(self, said: object) -> None:
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def serving(handler: type[Answering]) -> Iterator[str]:
    """The address at which requests are handled so."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def listening() -> Iterator[Wire]:
    wire = Wire()

    class Handler(Answering):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(wire.posted(self.path, self.headers["Idempotency-Key"], body))

        def do_GET(self):
            self.answer(wire.got(self.path))

    with serving(Handler) as wire.url:
        yield wire
