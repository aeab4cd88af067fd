"""Whatever JSON arrives, at whatever door: never a 5xx, and an error says why."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memories.api.components import (
    AddBody,
    ListBody,
    Message,
    SearchBody,
    UpdateBody,
)
from memories.selectors.conditions import FIELDS as FILTER_FIELDS
from memories.types import SCOPE_KEYS
from tests.memories.api.conftest import (
    ADD,
    EVENTS,
    LIST,
    PING,
    SCOPE,
    SEARCH,
    event_path,
    history_path,
    memory_path,
)

EXAMPLES = 320

texts = (
    st.sampled_from(
        ("", " ", "*", "**", "ida", "%", "\\", "'", "a\0b", "\ud800", "🐝", "x" * 300)
    )
    | st.sampled_from(("2026-03-01", "2026-02-30", "UTC", "Mars", "true", "1", "1e999"))
    | st.sampled_from(("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"))
    | st.text(max_size=20)
)
numbers = (
    st.sampled_from((0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**70), 10**30, 10**400))
    | st.sampled_from((0.5, -0.0, 5e-324, 1e308, float("nan"), float("inf")))
    | st.sampled_from((1700000000.5, 253402300799, 253402300800))
)
leaves = st.none() | st.booleans() | numbers | texts
OPERATORS = (
    *("eq", "ne", "gt", "gte", "lt", "lte", "in", "contains", "icontains"),
    *("nin", "$ne", ">="),
)
FILTER_KEYS = ("AND", "OR", "NOT", "k", *FILTER_FIELDS)
FIELDS = sorted(
    {
        *AddBody().fields,
        *Message().fields,
        *SearchBody().fields,
        *ListBody().fields,
        *UpdateBody().fields,
    }
)
names = st.sampled_from((*FILTER_KEYS, *OPERATORS, *FIELDS)) | texts
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4)
    ),
    max_leaves=12,
)
bodies = st.dictionaries(st.sampled_from(FIELDS), anything, max_size=5)
filters = st.dictionaries(
    st.sampled_from(FILTER_KEYS),
    st.dictionaries(st.sampled_from(OPERATORS), anything, max_size=2) | anything,
    max_size=3,
)
IDA = {"user_id": "ida"}
messages = st.just([{"role": "user", "content": "I keep bees."}]) | anything


def mostly_good(**good):
    """Good but for some fields, so that the fault is met deep inside."""
    return st.builds(lambda extra: {**good, **extra}, bodies)


REQUESTS = {
    "add": ("POST", ADD, mostly_good(messages="I keep bees.", **IDA)),
    "add verbatim": (
        "POST",
        ADD,
        st.builds(
            lambda extra, said: {"infer": False, **IDA, **extra, "messages": said},
            bodies,
            messages,
        ),
    ),
    "search": ("POST", SEARCH, mostly_good(query="bees", filters=IDA)),
    "search filters": (
        "POST",
        SEARCH,
        st.builds(lambda f: {"query": "bees", "filters": {**IDA, **f}}, filters),
    ),
    "list": ("POST", LIST, mostly_good(filters=IDA)),
    "list filters": (
        "POST",
        LIST,
        st.builds(lambda f: {"filters": {"AND": [IDA, f]}}, filters),
    ),
    "update": ("PUT", None, mostly_good(text="I keep goats.")),
    "anything": ("POST", ADD, anything),
}
QUERIES = {
    "ping": ("GET", PING),
    "delete by scope": ("DELETE", SCOPE),
    "get": ("GET", memory_path()),
    "history": ("GET", history_path()),
    "event": ("GET", event_path()),
    "events": ("GET", EVENTS),
    "list page": ("POST", LIST),
    "delete": ("DELETE", memory_path()),
}
PARAMETERS = (
    *("page", "page_size", "as_of", "delete_linked", "filters", "event_type", "status"),
    *SCOPE_KEYS,
)
quickly = settings(
    max_examples=EXAMPLES // (len(REQUESTS) + len(QUERIES)),
    database=None,
    # What one example stores does the next no harm.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def knock(client):
    """Send, and look at the answer; a bug is a 500 and not an exception."""
    client.raise_request_exception = False

    def knock(method, path, body=b""):
        check(client.generic(method, path, body, "application/json"))

    return knock


def check(answer):
    assert answer.status_code < 500, answer.content
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    if answer.status_code >= 400:
        assert isinstance(body["detail"], str)
        assert body["detail"]
        assert isinstance(body["code"], str)


@pytest.mark.parametrize("name", REQUESTS)
def test_any_body_gets_a_proper_answer(knock, store, name):
    method, path, strategy = REQUESTS[name]
    path = path or memory_path(store("I keep bees."))

    @quickly
    @given(strategy)
    def send(body):
        knock(method, path, json.dumps(body))

    send()


@pytest.mark.parametrize("name", QUERIES)
def test_any_query_gets_a_proper_answer(knock, store, name):
    method, path = QUERIES[name]
    store("I keep bees.")

    @quickly
    @given(st.dictionaries(st.sampled_from(PARAMETERS), texts, max_size=3))
    def send(query):
        asked = "&".join(f"{k}={quote(v, errors='replace')}" for k, v in query.items())
        body = json.dumps({"filters": IDA}) if method == "POST" else b""
        knock(method, f"{path}?{asked}", body)

    send()


@quickly
@given(raw=st.binary(max_size=60))
@pytest.mark.parametrize("path", [ADD, SEARCH, LIST])
def test_any_bytes_get_a_proper_answer(knock, path, raw):
    knock("POST", path, raw)


@quickly
@given(segment=texts.filter(bool))
@pytest.mark.parametrize("path", ["/v1/memories/{}/", "/v1/event/{}/"])
def test_any_id_gets_a_proper_answer(knock, path, segment):
    knock("GET", path.format(quote(segment, safe="", errors="replace")))
