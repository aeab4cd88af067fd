"""What means nothing is ignored, and a body or a GET is told so."""

from __future__ import annotations

import pytest

from tests.memories.api.conftest import ADD, BATCH, FEEDBACK, LIST, SEARCH, memory_path

WARNING = "X-Memplatform-Warning"
IDA = {"user_id": "ida"}
SAID = {"messages": [{"role": "user", "content": "I keep bees."}], **IDA}
HABIT = {
    "async_mode": True,
    "enable_graph": False,
    "org_id": "org",
    "output_format": "v1.1",
    "project_id": "project",
    "source": "CLI",
    "version": "v2",
}
KNOWN_TO_ADD = {
    **SAID,
    "agent_id": "bot",
    "app_id": "shop",
    "run_id": "r",
    "infer": False,
    "metadata": {"colour": "any"},
    "expiration_date": "2030-01-01",
    "timestamp": 1772452800,
    "immutable": True,
    "custom_categories": [{"food": "what is eaten"}],
    "custom_instructions": "All of it.",
    "agent_custom_instructions": "All of it.",
    "includes": "bees",
    "excludes": "wasps",
    "timezone": "Europe/Lisbon",
    "observation_date": "2026-03-01",
}
KNOWN_TO_SEARCH = {
    "query": "bees",
    "filters": IDA,
    "top_k": 5,
    "threshold": 0.1,
    "rerank": False,
    "keyword_search": False,
    "fields": ["id"],
    "metadata": {"colour": "any"},
    "categories": ["food"],
    "reference_date": "2026-03-01",
    "show_expired": False,
    "latest_only": False,
    "include_merged": False,
    "as_of": "2030-01-01",
}
KNOWN_TO_LIST = {
    "filters": IDA,
    "page": 1,
    "page_size": 5,
    "fields": ["id"],
    "categories": ["food"],
    "keywords": "bees",
    "start_date": "2026-03-01",
    "end_date": "2026-03-02",
    "show_expired": False,
    "latest_only": False,
    "include_merged": False,
}
BODIES = [
    # path, a body of which every field means something
    (ADD, KNOWN_TO_ADD),
    (ADD, {"messages": SAID["messages"], "filters": IDA, "infer": False}),
    (SEARCH, KNOWN_TO_SEARCH),
    (LIST, KNOWN_TO_LIST),
    ("/v1/memories/", {**SAID, "infer": False}),
    ("/v1/memories/search/", {"query": "bees", **IDA, "limit": 5}),
    ("/v2/memories/search/", {"query": "bees", "filters": IDA, "top_k": 5}),
    ("/v2/memories/", IDA),
    ("/v1/summary/", {"filters": IDA}),
    ("/v1/summary/", IDA),
    ("/v1/users/", {**IDA, "name": "Ida", "metadata": {}}),
]


def warned(answer):
    assert answer.status_code in (200, 201), answer.json()
    return answer.headers.get(WARNING)


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_what_is_known_is_not_named(client, path, body):
    assert warned(client.post(path, body)) is None


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_what_clients_send_by_habit_is_not_named(client, path, body):
    assert warned(client.post(path, body | HABIT)) is None


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_what_is_unknown_is_named_and_ignored(client, path, body):
    answer = client.post(path, {**body, "colour": "red", "topK": 3})
    assert warned(answer) == "unknown body fields: colour, topK"


def test_null_is_absent(client):
    assert warned(client.post(LIST, {"filters": IDA, "colour": None})) is None


def test_a_change_and_an_opinion_name_theirs(client, store):
    memory_id = store("I keep bees.")
    change = {"text": "I keep goats.", "hash": "x"}
    changed = client.put(memory_path(memory_id), change)
    assert warned(changed) == "unknown body fields: hash"
    opinion = {"memory_id": memory_id, "feedback": "POSITIVE", "stars": 5}
    assert warned(client.post(FEEDBACK, opinion)) == "unknown body fields: stars"


def test_an_item_of_a_batch_names_its_place(client, store):
    items = [{"memory_id": store(text), "text": text * 2} for text in ("a", "b")]
    items[1]["colour"] = "red"
    answer = client.put(BATCH, {"memories": items})
    assert warned(answer) == "unknown body fields: memories.1.colour"


def test_a_project_names_them_too(client, acme):
    path = f"/api/v1/orgs/organizations/{acme.id}/projects/{acme.project.id}/"
    change = {"decay": True, "org_id": "x", "project_id": "y", "colour": "red"}
    assert warned(client.patch(path, change)) == "unknown body fields: colour"


def test_an_error_speaks_for_itself(client):
    answer = client.post(ADD, {"messages": "I keep bees.", "user": "ida"})
    assert answer.status_code == 400
    assert WARNING not in answer


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a\r\nSet-Cookie: b=c", "a??Set-Cookie: b=c"),
        ("größe", "gr??e"),
        ("\u2028\U0001f600", "??"),
        ("", ""),
    ],
)
def test_a_name_cannot_break_out_of_the_header(client, name, told):
    answer = client.post(LIST, {"filters": IDA, name: 1})
    assert warned(answer) == f"unknown body fields: {told}"
    assert "Set-Cookie" not in answer.headers


def test_many_names_make_no_endless_header(client):
    body = {f"field{n}": n for n in range(1000)}
    told = warned(client.post(LIST, {"filters": IDA, **body}))
    assert len(told) == 500
    assert told.endswith("...")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "/v1/ping/", None),
        ("get", "/v1/events/", None),
        ("get", "/v1/entities/", None),
        ("get", "/v1/stats/", None),
        ("get", "/v1/usage/", None),
        ("post", LIST, {"filters": IDA}),
        ("post", ADD, SAID),
    ],
)
def test_unknown_query_parameters_are_ignored(client, method, path, body):
    answer = getattr(client, method)(f"{path}?org_id=x&colour=", body)
    assert warned(answer) is None


@pytest.mark.parametrize("path", ["/v1/profile/", "/v1/graph/relations/"])
def test_a_misspelt_parameter_of_a_read_is_named(client, path):
    answer = client.get(f"{path}?user_id=ida&valid_form=2020-01-01")
    assert answer.status_code == 200
    assert warned(answer) == "unknown query parameters: valid_form"
    assert warned(client.get(f"{path}?user_id=ida&valid_at=2020-01-01")) is None
