"""What is sent to a platform, as it would get it."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from memories.evaluation.client import Client
from memories.evaluation.ingest import MOST_TURNS, VERBATIM, ingest, user_of
from memories.evaluation.runs import Run
from memories.evaluation.types import Conversation, Dataset, Session, Turn

TWO_ADDS = MOST_TURNS + 1


@pytest.fixture
def wire():
    """Takes adds, each key's once, as the platform does; and the keys it was given."""
    keys: list[str] = []
    bodies: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            bodies.append(json.loads(self.rfile.read(length)))
            key = self.headers["Idempotency-Key"]
            if key not in keys:
                keys.append(key)
            self.answer({"event_id": str(keys.index(key))})

        def do_GET(self):
            messages = bodies[int(self.path.split("/")[-2])]["messages"]
            ledger = {"messages": [{"id": m["content"]} for m in messages], "facts": []}
            self.answer({"status": "SUCCEEDED", "ledger": ledger})

        def answer(self, said):
            body = json.dumps(said).encode()
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
        yield client, keys, bodies
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "run")
    run.open(data="abc", url=None)
    return run


def told(name):
    """A conversation that takes two adds."""
    turns = tuple(Turn(f"1:{n}", f"Message {n}.") for n in range(TWO_ADDS))
    return Conversation(name, (Session("1", turns),), ())


NAMES = [
    "Zoë",
    "花子 🙂",
    "a line\nand another",
    "n" * 229,  # its user id is as long as one may be: the number was cut off
    "n" * 4_000,
]


@pytest.mark.parametrize("name", NAMES, ids=["ë", "花", "line", "long", "longer"])
def test_a_conversation_may_have_any_name(wire, run, name):
    client, keys, bodies = wire
    conversation = told(name)
    ingest(client, run, Dataset("custom", (conversation,)), VERBATIM, lambda turns: 0)
    assert len(keys) == 2
    sent = [m["content"] for body in bodies for m in body["messages"]]
    assert sent == [turn.text for turn in conversation.turns]
    assert all(len(body["user_id"]) <= 256 for body in bodies)


def test_what_was_sent_already_is_sent_again_with_its_key(wire, run):
    """Killed before it noted that: the platform takes it once."""
    client, keys, _ = wire
    data = Dataset("custom", (told("Zoë"),))
    ingest(client, run, data, VERBATIM, lambda turns: 0)
    run.adds.clear()
    run.links.clear()
    before = list(keys)
    ingest(client, run, data, VERBATIM, lambda turns: 0)
    assert keys == before


def test_long_names_that_end_alike_are_of_two_users(run):
    one, other = ("n" * 4_000 + end for end in ("one", "other"))
    users = {user_of(run, VERBATIM, told(name)) for name in (one, other)}
    assert len(users) == 2
