"""Nothing is asked before everything that adds and upgrades began has ended."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from memories.evaluation.client import Client, PlatformRefused
from memories.evaluation.evaluate import settle


@pytest.fixture
def platform():
    """Answers lists of events with these counts, one after the other, then none."""
    counts, asked = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = json.dumps({"count": counts.pop(0) if counts else 0}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    with Client(f"http://127.0.0.1:{server.server_port}", "key") as client:
        yield client, counts, asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_waits_for_what_waits_and_for_what_runs(platform):
    client, counts, asked = platform
    counts += [1, 0, 0, 1]  # pending, running; pending, running
    settle(client)
    assert len(asked) == 6
    assert {path.partition("status=")[2][:7] for path in asked} == {
        "PENDING",
        "RUNNING",
    }


def test_it_does_not_wait_for_ever(platform):
    client, counts, _ = platform
    counts += [1] * 10
    with pytest.raises(PlatformRefused, match="not ended in time"):
        settle(client, within_s=0)
