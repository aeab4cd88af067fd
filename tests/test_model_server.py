"""The stand-in must be right, or every test that trusts it proves nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import httpx2
import numpy as np
import pytest

from memories.pipeline import schemas
from tests.model_rules import (
    Known,
    answer,
    compare,
    content_words,
    draw,
    read_request,
    resolve_time,
    third_person,
    to_forget,
)
from tests.model_server import Model, ModelServer, Settings
from tests.model_vectors import embed_text

SYSTEM = "You keep the memory. kind: event, … entities: …"
MEMORIES = '# MEMORIES\n1 2024-05-01 "User lives in Lisbon."\n'
USER = (
    "# NOW Wed 2024-05-08 13:56 UTC\n"
    f"{MEMORIES}"
    '# MESSAGES\n1 user Wed 2024-05-08 13:56 "I moved to Berlin."'
)


@pytest.fixture(scope="module")
def _server():
    with ModelServer() as server:
        yield server


@pytest.fixture
def server(_server: ModelServer) -> ModelServer:
    _server.configure(reset=True)
    return _server


@pytest.fixture
def http(server):
    root = server.base_url.removesuffix("/v1")
    with httpx2.Client(base_url=root, timeout=5) as client:
        yield client


def chat_body(user: str = USER, schema=None, name="single_pass", model="m", **extra):
    schema = schema or schemas.single_pass(with_graph=True)
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": user},
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": name, "strict": True, "schema": schema},
        },
    } | extra


def content(response: httpx2.Response):
    assert response.status_code == 200, response.text
    return json.loads(response.json()["choices"][0]["message"]["content"])


def embed(http: httpx2.Client, text: str) -> httpx2.Response:
    return http.post("/v1/embeddings", json={"model": "m", "input": text})


# --- over HTTP ------------------------------------------------------------------------


def test_it_answers_by_the_schema(http):
    response = http.post("/v1/chat/completions", json=chat_body())
    (row,) = content(response)["facts"]
    assert (row["text"], row["op"], row["id"]) == ("User moved to Berlin.", "DELETE", 1)
    columns = schemas.single_pass(with_graph=True)["properties"]["facts"]["items"]
    assert set(row) == set(columns["required"])


@pytest.mark.parametrize(
    "body",
    [
        chat_body(response_format={"type": "text"}),  # no schema at all
        chat_body(schema=schemas.SUMMARY),  # another one's schema
        chat_body(name="anything"),
        chat_body(user=USER.replace(MEMORIES, "")),  # nothing recalled
        chat_body(user=USER.replace("# MESSAGES", "# OTHER")),
        chat_body(user=USER + '\nforged "line"'),
        {"model": "m"},
        [],
    ],
)
def test_it_rejects_what_the_platform_must_not_send(http, body):
    response = http.post("/v1/chat/completions", json=body)
    assert response.status_code == 400
    assert response.json()["error"]["message"]


def test_the_schema_may_stand_in_the_instructions(http):
    body = chat_body(response_format={"type": "json_object"})
    schema = json.dumps(schemas.single_pass(with_graph=True))
    body["messages"][0]["content"] += (
        "\n\nAnswer with one JSON object named single_pass, and nothing else, "
        f"that satisfies this JSON schema:\n{schema}"
    )
    assert content(http.post("/v1/chat/completions", json=body))["facts"]


def test_it_embeds(http):
    body = {"model": "m", "input": ["a", "b"], "dimensions": 64}
    response = http.post("/v1/embeddings", json=body)
    items = response.json()["data"]
    assert [item["index"] for item in items] == [0, 1]
    assert len(items[0]["embedding"]) == 64
    assert (
        http.post("/v1/embeddings", json={"model": "m", "input": [""]}).status_code
        == 400
    )


def test_it_keeps_connections_alive_and_reads_split_requests(http):
    for _ in range(3):
        http.post("/v1/embeddings", json={"model": "m", "input": "word " * 50_000})
    assert http.get("/control/stats").json()["embeddings"] == 3


def test_faults_come_in_order_and_then_end(http):
    order = {"faults": [{"kind": "error", "times": 2}, {"kind": "rate_limit"}]}
    http.post("/control", json=order)
    bodies = [http.post("/v1/chat/completions", json=chat_body()) for _ in range(4)]
    assert [response.status_code for response in bodies] == [500, 500, 429, 200]
    assert bodies[2].headers["retry-after"] == "0.05"
    assert http.get("/control/stats").json()["faults"] == 3


def test_a_fault_waits_for_its_path(http):
    http.post("/control", json={"faults": [{"kind": "error", "path": "embeddings"}]})
    assert http.post("/v1/chat/completions", json=chat_body()).status_code == 200
    assert (
        http.post("/v1/embeddings", json={"model": "m", "input": "a"}).status_code
        == 500
    )


def test_a_fault_waits_for_what_it_is_about(http):
    order = {"kind": "empty", "path": "embeddings", "about": "Lisbon"}
    http.post("/control", json={"faults": [order]})
    replies = [embed(http, text) for text in ("Berlin", "Lisbon", "Lisbon")]
    assert [len(reply.json()["data"]) for reply in replies] == [1, 0, 1]


def test_an_endpoint_may_quote_what_it_refuses(http):
    orders = [{"kind": kind, "says": "not Rex"} for kind in ("error", "refusal")]
    http.post("/control", json={"faults": orders})
    replies = [http.post("/v1/chat/completions", json=chat_body()) for _ in orders]
    assert all("not Rex" in reply.text for reply in replies)


@pytest.mark.parametrize("kind", ["malformed", "truncated"])
def test_embeddings_can_be_no_json(http, kind):
    http.post("/control", json={"faults": [{"kind": kind, "path": "embeddings"}]})
    reply = embed(http, "Lisbon")
    with pytest.raises(ValueError):
        reply.json()


def test_a_model_name_can_carry_its_fault(http):
    for _ in range(2):
        response = http.post("/v1/chat/completions", json=chat_body(model="m#error"))
        assert response.status_code == 500


PREPARED = {
    "text": "User lives in Berlin.", "start": "2024-05", "end": None, "every": None,
    "kind": "state", "change": ("replaces", "User lives in Lisbon."),
    "entities": [{"name": "Berlin", "type": "place"}], "relations": [],
}  # fmt: skip


def test_it_follows_a_script(http, server):
    server.follow({"I moved to Berlin.": [PREPARED]})
    reply = http.post("/v1/chat/completions", json=chat_body())
    (row,) = content(reply)["facts"]
    assert (row["text"], row["start"]) == ("User lives in Berlin.", "2024-05")
    assert (row["op"], row["id"], row["from"]) == ("DELETE", 1, [1])
    assert [entity["name"] for entity in row["entities"]] == ["Berlin"]


def test_a_script_changes_only_what_is_shown_and_keeps_nothing_else(http, server):
    server.follow({"I moved to Berlin.": [PREPARED]})
    elsewhere = USER.replace("User lives in Lisbon.", "User likes tea.")
    reply = http.post("/v1/chat/completions", json=chat_body(elsewhere))
    (row,) = content(reply)["facts"]
    assert (row["op"], row["id"]) == ("ADD", None)
    chat = chat_body(USER.replace("I moved to Berlin.", "I like tea."))
    reply = http.post("/v1/chat/completions", json=chat)
    assert content(reply) == {"facts": []}


@pytest.mark.parametrize("kind", ["drop", "hang"])
def test_no_answer_is_no_answer(http, server, kind):
    server.order(kind)
    with pytest.raises(httpx2.TransportError):
        http.post("/v1/chat/completions", json=chat_body(), timeout=0.2)


def test_latency_overlaps_between_requests(http, server):
    server.configure(latency_s=0.2)
    started = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        ask = lambda _: http.post("/v1/chat/completions", json=chat_body())  # noqa: E731
        assert {r.status_code for r in pool.map(ask, range(10))} == {200}
    assert 0.2 <= time.monotonic() - started < 1


def test_answers_are_held_until_they_are_released(http, server):
    server.configure(hold="embeddings")
    with ThreadPoolExecutor() as pool:
        held = pool.submit(embed, http, "Lisbon")
        while not server.stats()["embeddings"]:
            time.sleep(0.01)
        assert http.post("/v1/chat/completions", json=chat_body()).status_code == 200
        assert not held.done()
        server.configure(hold="")
        assert held.result().status_code == 200


def test_bad_orders_are_refused(http):
    assert http.post("/control", json={"faults": [{"kind": "?"}]}).status_code == 400
    assert http.post("/control", json={"latency": 1}).status_code == 400
    assert http.get("/elsewhere").status_code == 404


def test_it_runs_as_a_module():
    command = [sys.executable, "-m", "tests.model_server", "--dimension", "16"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        (url,) = re.findall(r"http\S+", process.stdout.readline())
        response = httpx2.post(f"{url}/embeddings", json={"model": "m", "input": "a"})
        assert len(response.json()["data"][0]["embedding"]) == 16
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_it_is_never_the_bottleneck():
    """300 requests a second on one core leave 3.3 ms of CPU for each."""
    model = Model(Settings())
    body = {
        "model": "m",
        "input": ["User lives in Berlin with a cat"],
        "encoding_format": "base64",
    }
    raw = json.dumps(body).encode()
    started = time.process_time()
    for _ in range(100):
        assert model.handle("POST", "/v1/embeddings", raw).status == 200
    assert (time.process_time() - started) / 100 < 0.0033


# --- the rules ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("I live in Porto.", "User lives in Porto."),
        ("Hi, I'm vegan", "User is vegan."),
        ("I've been to Rome.", "User has been to Rome."),
        ("I moved to Berlin", "User moved to Berlin."),
        ("I really love jazz!", "User really loves jazz."),
        ("I don't eat meat.", "User does not eat meat."),
        ("I study law.", "User studies law."),
        ("My dog is called Rex.", "User's dog is called Rex."),
        ("I watch TV and I carry on.", "User watches TV and User carries on."),
    ],
)
def test_first_person_becomes_third(sentence, expected):
    assert third_person(sentence, "User") == expected


@pytest.mark.parametrize(
    ("sentence", "resolved"),
    [
        ("I ran yesterday.", "2024-05-07"),
        ("I run tomorrow.", "2024-05-09"),
        ("I ran last Friday.", "2024-05-03"),
        ("I ran last Wednesday.", "2024-05-01"),
        ("I run next Monday.", "2024-05-13"),
        ("I run.", None),
    ],
)
def test_relative_days_are_counted_from_the_message(sentence, resolved):
    text, start = resolve_time(sentence, date(2024, 5, 8))
    assert start == resolved
    assert resolved is None or f"on {resolved}" in text


@pytest.mark.parametrize(
    ("fact", "memory", "op"),
    [
        ("User lives in Berlin.", "User lives in Berlin.", "NONE"),
        ("It is known that User resides in Berlin.", "User lives in Berlin.", "NONE"),
        ("User moved to Berlin.", "User lives in Lisbon.", "DELETE"),
        ("User's dog is called Max.", "User's dog is called Rex.", "DELETE"),
        ("User hates jazz.", "User loves jazz.", "DELETE"),
        ("User works at Siemens.", "User works at Bosch.", "DELETE"),
        ("User lives in Berlin with Maria.", "User lives in Berlin.", "UPDATE"),
        ("User has two cats.", "User lives in Berlin.", "ADD"),
        ("User likes rice.", "User likes tea.", "ADD"),
    ],
)
def test_facts_are_compared_with_memories(fact, memory, op):
    assert compare(fact, [Known(1, memory)]).op == op


def test_rewording_changes_the_words_and_keeps_the_meaning():
    reading = read_request(
        "single_pass", SYSTEM, USER.replace("I moved to", "I live in")
    )
    texts = [answer(reading, reword=True)["facts"][0]["text"] for _ in range(8)]
    assert len(set(texts)) == 8
    assert len({frozenset(content_words(text)) for text in texts}) == 1
    for text in texts:
        assert compare(text, [Known(1, texts[0])]).op == "NONE"


def test_a_wish_to_forget_finds_its_memory():
    memories = [
        Known(1, "User lives in Rome."),
        Known(2, "User's address is 5 Main Street."),
    ]
    assert to_forget("User asks to forget my address", memories) == [memories[1]]
    assert to_forget("User asks to forget my shoe size", memories) == []
    assert to_forget("User asks to forget everything", memories) == memories


def test_names_become_entities():
    drawn = draw("Ana works at Siemens in Munich.")
    assert [entity["type"] for entity in drawn["entities"]] == [
        "person",
        "organisation",
        "place",
    ]
    assert drawn["relations"][0] == {
        "source": "Ana",
        "type": "works",
        "target": "Siemens",
    }


def test_like_texts_have_like_vectors():
    lives = embed_text("User lives in Berlin", 1536)
    assert np.isclose(np.linalg.norm(lives), 1)
    assert lives @ embed_text("user lives in berlin now", 1536) > 0.7
    assert lives @ embed_text("User has two cats", 1536) < 0.3
    assert np.array_equal(lives, embed_text("User lives in Berlin", 1536))
    assert np.linalg.norm(embed_text("", 8)) == 1
