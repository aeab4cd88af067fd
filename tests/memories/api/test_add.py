from __future__ import annotations

import json
import random
from uuid import UUID

import pytest

from memories.models import Anchor, Ingestion, Message, Operation
from memories.services.run import run_operation
from memories.types import SCOPE_KEYS
from tenants.scopes import tenant_scope
from tests.memories.api.conftest import ADD, SEARCH, event_path, memories, memory_path

SAID = {"messages": [{"role": "user", "content": "I keep bees."}], "user_id": "ida"}
VERBATIM = {**SAID, "infer": False}


def test_it_queues_an_inferred_add(client, acme):
    answer = client.post(ADD, SAID)
    assert answer.status_code == 200
    body = answer.json()
    assert body.keys() == {"message", "status", "event_id"}
    assert body["status"] == "PENDING"
    with tenant_scope(acme.id):
        assert str(Operation.objects.get().id) == body["event_id"]
        assert Message.objects.get().content == "I keep bees."


def test_it_stores_verbatim_at_once(client, texts):
    body = client.post(ADD, VERBATIM).json()
    assert body["status"] == "SUCCEEDED"
    (effect,) = body["results"]
    assert effect["event"] == "ADD"
    assert effect["data"] == {"memory": "I keep bees."}
    assert texts(user_id="ida") == ["I keep bees."]


def test_it_keeps_what_people_and_agents_say_and_nothing_else(client, texts):
    turns = [
        ("system", "Be terse."),
        ("user", " Mine\n"),
        ("tool", "12 hives found"),
        ("assistant", "Zoë's 🌵"),
    ]
    messages = [{"role": role, "content": content} for role, content in turns]
    client.post(ADD, {**VERBATIM, "messages": messages})
    assert texts() == [" Mine\n", "Zoë's 🌵"]


@pytest.mark.parametrize(
    "messages",
    [
        "I keep bees.",
        SAID["messages"][0],
        [{"role": "agent", "content": "I keep bees."}],
    ],
)
def test_it_takes_every_form_of_messages(client, texts, messages):
    client.post(ADD, {**VERBATIM, "messages": messages})
    assert texts() == ["I keep bees."]


def test_the_scope_may_stand_inside_filters(client, texts):
    filters = {"user_id": "ida", "run_id": 7}
    assert client.post(
        ADD, {"messages": "Bees.", "filters": filters, "infer": False}
    ).json()["results"]
    assert texts(user_id="ida", run_id="7") == ["Bees."]


def test_a_name_in_a_message_is_nobodys_scope(client, texts):
    said = [{**SAID["messages"][0], "name": "bo"}]
    client.post(ADD, {**VERBATIM, "messages": said})
    assert texts(user_id="ida") == ["I keep bees."]
    assert texts(user_id="bo") == []


def test_metadata_comes_back_as_it_was_and_moves_no_scope(client, texts):
    numbers = [0, 1, 1.0, -1.5, 1e-7, 2**53 + 1, 2**70, 0.1]
    given = {"user_id": "bo", "camelCase": {"snake_case": ["1", None, True, *numbers]}}
    body = client.post(ADD, {**VERBATIM, "metadata": given}).json()
    kept = client.get(memory_path(body["results"][0]["id"])).json()
    assert as_text(kept["metadata"]) == as_text(given)
    assert (kept["user_id"], texts(user_id="bo")) == ("ida", [])


def as_text(value):
    """Types and digits included; the order of keys means nothing."""
    return json.dumps(value, sort_keys=True)


def test_a_text_of_ten_thousand_characters_is_ordinary(client, texts):
    long = "I keep bees behind the barn. " * 400
    assert client.post(ADD, {**VERBATIM, "messages": long}).status_code == 200
    assert client.post(ADD, {**SAID, "messages": long}).status_code == 200
    assert texts() == [long]


def test_the_same_words_are_stored_anew_once_they_were_deleted(client, texts):
    first, again = (client.post(ADD, VERBATIM).json()["results"] for _ in range(2))
    assert (len(first), again) == (1, [])
    client.delete(memory_path(first[0]["id"]))
    (anew,) = client.post(ADD, VERBATIM).json()["results"]
    assert anew["id"] != first[0]["id"]
    assert texts() == ["I keep bees."]


def test_it_ignores_what_it_does_not_know(client):
    extra = {"source": "CLI", "output_format": "v1.1", "async_mode": 7, "org_id": "x"}
    assert client.post(ADD, {**VERBATIM, **extra}).status_code == 200


def test_it_hands_everything_on(client, acme):
    more = {
        "metadata": {"k": 1.0},
        "timestamp": 1700000000,
        "expiration_date": "2099-12-31",
        "immutable": True,
        "custom_categories": [{"hobbies": "for fun"}],
        "custom_instructions": "Only hobbies.",
        "agent_id": "bot",
        "memory_type": "procedural_memory",
        "timezone": "Europe/Lisbon",
        "observation_date": "2024-01-01",
    }
    assert client.post(ADD, {**SAID, **more}).status_code == 200
    with tenant_scope(acme.id):
        ingestion = Ingestion.objects.get()
    assert ingestion.metadata == {"k": 1.0}
    assert ingestion.memory_type == "procedure"
    assert ingestion.options["created_at"] == "2023-11-14T22:13:20+00:00"
    assert ingestion.options["categories"] == {"hobbies": "for fun"}
    assert ingestion.options["timezone"] == "Europe/Lisbon"


def test_what_an_add_carries_reaches_what_it_learns(learn, client):
    event_id = learn(
        "I keep bees behind the barn.",
        run_id="r-7",
        metadata={"k": 1},
        timestamp=1700000000,
        expiration_date="2099-12-31",
        immutable=True,
    )
    (effect,) = client.get(event_path(event_id)).json()["results"]
    memory = client.get(memory_path(effect["id"])).json()
    assert (memory["user_id"], memory["run_id"]) == ("ida", "r-7")
    assert memory["created_at"] == "2023-11-14T22:13:20+00:00"
    assert memory["expiration_date"] == "2099-12-31"
    assert (memory["metadata"], memory["immutable"]) == ({"k": 1}, True)


def test_the_same_key_gives_the_same_event(client, texts):
    def add(body):
        return client.post(ADD, body, headers={"Idempotency-Key": "k-1"})

    first, second = add(VERBATIM), add(dict(reversed(VERBATIM.items())))
    assert first.json() == second.json()
    assert texts() == ["I keep bees."]
    other = add({**VERBATIM, "user_id": "bo"})
    assert other.status_code == 409
    assert other.json()["code"] == "idempotency_key_reused"


@pytest.fixture
def long_ids():
    """The longest there are, of four bytes a character; random, so none is packed."""
    chars = random.Random(8)
    return {
        key: "".join(chr(chars.randint(0x10000, 0x1FFFF)) for _ in range(256))
        for key in SCOPE_KEYS
    }


def test_ids_of_any_characters_are_stored_and_found(client, acme, texts, long_ids):
    assert client.post(ADD, {**VERBATIM, **long_ids}).status_code == 200
    queued = client.post(ADD, {"messages": "I live in Lisbon.", **long_ids}).json()
    run_operation(acme.id, UUID(queued["event_id"]))
    said = ["I keep bees.", "User lives in Lisbon"]
    for key in SCOPE_KEYS:
        assert texts(**{key: long_ids[key]}) == said
    asked = {"query": "bees", "filters": long_ids}
    assert memories(client.post(SEARCH, asked))[0] == "I keep bees."


def test_anchors_are_told_apart_by_every_id(client, acme):
    """Absent is no text, and an id does not run into the next."""
    scopes = [
        {"user_id": "a"}, {"agent_id": "a"}, {"app_id": "a"},
        {"user_id": "a", "agent_id": "b"}, {"user_id": "a", "agent_id": '","b'},
        {"user_id": "null"}, {"user_id": 'a","b'}, {"user_id": "a", "app_id": "b"},
    ]  # fmt: skip
    for scope in scopes * 2:
        body = {"messages": "I keep bees.", **scope}
        assert client.post(ADD, body).status_code == 200
    with tenant_scope(acme.id):
        assert Anchor.objects.count() == len(scopes)


def test_an_error_has_the_shape_of_adds(client):
    answer = client.post(ADD, {"messages": "Whose?"})
    assert answer.status_code == 400
    body = answer.json()
    assert body["error"] == "400 Bad Request"
    assert body["details"] == {"message": body["detail"]}
    assert "user_id" in body["fields"]


# --- Outsiders --------------------------------------------------------------


def test_no_key(api):
    assert api().post(ADD, SAID).status_code == 401


def test_a_read_only_key_may_not(reader):
    assert reader.post(ADD, SAID).status_code == 403


def test_another_tenant_does_not_see_it(client, outsider):
    client.post(ADD, VERBATIM)
    listed = outsider.post("/v3/memories/", {"filters": {"user_id": "ida"}})
    assert listed.json()["count"] == 0


def test_a_narrowed_key_adds_for_its_subject_only(idas, texts):
    assert idas.post(ADD, {"messages": "Mine.", "infer": False}).status_code == 200
    assert idas.post(ADD, {**VERBATIM, "user_id": "bo"}).status_code == 404
    assert texts(user_id="*") == ["Mine."]
