"""What bad input gets: a 400 that names the field; nothing stored, no model asked.

A row of a table is one mistake: what is sent, and the words that must be in the answer.
"""

from __future__ import annotations

import json

import pytest

from memories.models import Memory, Operation
from tenants.models import Tenant
from tenants.scopes import tenant_scope
from tests.memories.api.conftest import (
    ADD,
    EVENTS,
    LIST,
    SCOPE,
    SEARCH,
    event_path,
    history_path,
    memory_path,
)

IDA = {"user_id": "ida"}
SAID = {"messages": [{"role": "user", "content": "I keep bees."}], **IDA}
VERBATIM = {**SAID, "infer": False}
ASKED = {"query": "bees", "filters": IDA}
LISTED = {"filters": IDA}
CHANGED = {"text": "I keep goats."}


@pytest.fixture
def untouched(models, acme, client):
    """Asserts afterwards that nothing was stored and no model was asked."""
    models.configure(reset=True)
    yield
    asked = models.stats()
    assert (asked["chat"], asked["embeddings"]) == (0, 0)
    with tenant_scope(acme.id):
        assert not Memory.objects.exists()
        assert not Operation.objects.exists()


@pytest.fixture
def send(client):
    """``send("POST", path, body)``; bytes and text go as they are."""

    def send(method, path, body, content_type="application/json"):
        raw = body if isinstance(body, bytes | str) else json.dumps(body)
        return client.generic(method, path, raw, content_type)

    return send


@pytest.fixture
def each(subtests):
    """``for row, (a, b) in each(TABLE): with row: …``: no failure hides another."""

    def each(table):
        for row in table:
            yield subtests.test(repr(row)[:100]), row

    return each


def refused(answer, told, status=400):
    """An error in JSON, in words that tell what is wrong."""
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    assert answer.status_code == status, body
    assert told in body["detail"]
    assert body["error"]
    return True


# --- The body as such -------------------------------------------------------

WITH_BODY = [
    ("POST", ADD, SAID),
    ("POST", ADD, VERBATIM),
    ("POST", SEARCH, ASKED),
    ("POST", LIST, LISTED),
    ("PUT", memory_path(), CHANGED),
]


def nested(depth):
    return b'{"metadata": ' + b"[" * depth + b"]" * depth + b"}"


NO_JSON = [
    (b"{", "JSON parse error"),
    (b"{'a': 1}", "JSON parse error"),
    (b'{"a": 1} x', "JSON parse error"),
    (b"\xff\xfe", "not UTF-8"),
    (b"[]", "must be a JSON object"),
    (b"[{}]", "must be a JSON object"),
    (b'"text"', "must be a JSON object"),
    (b"7", "must be a JSON object"),
    (b"null", "must be a JSON object"),
    (b'{"metadata": NaN}', "NaN is not a JSON number"),
    (b'{"metadata": {"k": -Infinity}}', "is not a JSON number"),
    (b'{"metadata": {"k": 1e999}}', "1e999 is not a JSON number"),
    (b'{"metadata": {"k": ' + b"9" * 5000 + b"}}", "a number is too long"),
    (b'{"metadata": {"k": "a\\u0000b"}}', "NUL"),
    (b'{"metadata": {"a\\u0000b": 1}}', "NUL"),
    (b'{"metadata": {"k": "\\ud800"}}', "surrogate"),
    (b'{"metadata": {"\\udfff": 1}}', "surrogate"),
    (nested(65), "nested deeper than 64"),
    (nested(100_000), "nested deeper than 64"),
]


def test_json_that_is_none(untouched, send, each):
    for row, (raw, told) in each(NO_JSON):
        for method, path, _ in WITH_BODY:
            with row:
                assert refused(send(method, path, raw), told)


def test_a_nul_in_any_text(untouched, send, each):
    for row, (method, path, good) in each(WITH_BODY):
        for word in ("bees", "goats", "ida"):
            raw = json.dumps(good).replace(word, "a\\u0000b")
            with row:
                assert "u0000" not in raw or refused(send(method, path, raw), "NUL")


def test_a_body_over_the_limit_is_413(untouched, send, settings, each):
    settings.MAX_BODY_BYTES = 2000
    for row, (method, path, good) in each(WITH_BODY):
        with row:
            answer = send(method, path, {**good, "source": "x" * 2000})
            assert refused(answer, "2000 bytes", status=413)
            assert answer.json()["code"] == "body_too_large"


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"],
)
def test_another_content_type_is_415(untouched, send, each, content_type):
    for row, (method, path, good) in each(WITH_BODY):
        with row:
            answer = send(method, path, good, content_type)
            assert refused(answer, "media type", status=415)


# --- Add --------------------------------------------------------------------


def saying(content, **message):
    return {"messages": [{"role": "user", "content": content, **message}]}


LONG_ID, STARS = "x" * 257, "***"
BLAMED = ("user_id", "agent_id")  # when it is missing
BAD_ADDS = [
    # whose?
    ({"user_id": None}, "user_id"),
    ({"user_id": " "}, "user_id"),
    ({"user_id": LONG_ID}, "user_id may have 256 characters at most."),
    ({"user_id": STARS}, "user_id must not consist of *."),
    ({"user_id": "*"}, "user_id must not consist of *."),
    ({"agent_id": LONG_ID}, "agent_id may have 256"),
    ({"app_id": STARS}, "app_id must not consist of *."),
    ({"run_id": ["r"]}, "run_id must be text."),
    ({"user_id": {"eq": "ida"}}, "user_id must be text."),
    ({"user_id": True}, "user_id must be text."),
    ({"filters": {"user_id": LONG_ID}}, "filters.user_id"),
    ({"filters": {"user_id": "bo"}}, "user_id differs"),
    ({"filters": {"shoe_size": 39}}, "filters.shoe_size"),
    ({"filters": {"AND": [IDA]}}, "filters.AND"),
    ({"filters": "ida"}, "filters must be a JSON object"),
    ({"filters": 0}, "filters must be a JSON object"),
    ({"filters": []}, "filters must be a JSON object"),
    # what?
    ({"messages": None}, "messages is required."),
    ({"messages": []}, "messages must hold at least one message."),
    ({"messages": ""}, "messages.0.content must not be blank."),
    ({"messages": 7}, "messages must be a list"),
    ({"messages": {}}, "messages.0.role is required."),
    ({"messages": ["text"]}, "messages.0 must be an object"),
    ({"messages": [[]]}, "messages.0 must be an object"),
    ({"messages": [{"role": "user"}]}, "messages.0.content is required."),
    ({"messages": [{"content": "Bees."}]}, "messages.0.role is required."),
    (saying("Bees.", role="queen"), "messages.0.role must be one of"),
    (saying("Bees.", role=["user"]), "messages.0.role must be one of"),
    (saying(""), "messages.0.content must not be blank."),
    (saying(" \n\t"), "messages.0.content must not be blank."),
    (saying(7), "messages.0.content"),
    (saying({}), "messages.0.content"),
    (saying([]), "messages.0.content"),
    (saying("x" * 101), "messages.0.content may have 100 characters at most."),
    (saying("Bees.", name="n" * 257), "messages.0.name may have 256"),
    (saying("Bees.", name=7), "messages.0.name must be text."),
    (saying("Bees.", timestamp="noon"), "messages.0.timestamp"),
    (saying("Bees.", timestamp=-1), "messages.0.timestamp"),
    (saying("Bees.", timestamp="9999-12-31"), "messages.0.timestamp must lie between"),
    ({"messages": SAID["messages"] * 4}, "messages may hold 3 messages at most."),
    # with what?
    ({"metadata": "text"}, "metadata must be a JSON object."),
    ({"metadata": [1]}, "metadata must be a JSON object."),
    ({"infer": "no"}, "infer must be true or false."),
    ({"infer": 0}, "infer must be true or false."),
    ({"immutable": "yes"}, "immutable must be true or false."),
    ({"expiration_date": "tomorrow"}, "expiration_date must be YYYY-MM-DD."),
    ({"expiration_date": "2026-02-30"}, "expiration_date is not a day"),
    ({"expiration_date": "2026-2-3"}, "expiration_date must be YYYY-MM-DD."),
    ({"expiration_date": 20260203}, "expiration_date must be YYYY-MM-DD."),
    ({"timestamp": "yesterday"}, "timestamp"),
    ({"timestamp": -1}, "timestamp must be Unix seconds"),
    ({"timestamp": 10**18}, "timestamp must be Unix seconds"),
    ({"timestamp": 1e300}, "timestamp must be Unix seconds"),
    ({"timestamp": True}, "timestamp"),
    ({"timestamp": "0001-01-01"}, "timestamp must lie between the years 1900 and"),
    ({"timestamp": "1899-12-31T23:59:59Z"}, "timestamp must lie between the years"),
    ({"timestamp": "9001-01-01"}, "timestamp must lie between the years"),
    ({"observation_date": "9999-12-31"}, "observation_date must lie between"),
    ({"observation_datetime": "0001-01-01T00:00:00Z"}, "observation_datetime must lie"),
    ({"memory_type": "gossip"}, "memory_type must be procedural_memory"),
    ({"memory_type": "procedural_memory"}, "agent_id is required"),
    ({"custom_categories": ["hobbies"]}, "custom_categories must be a list of"),
    ({"custom_categories": {"hobbies": "x"}}, "custom_categories must be a list of"),
    ({"custom_categories": [{"hobbies": 1}]}, "custom_categories must be a list of"),
    ({"custom_categories": [{}]}, "custom_categories must be a list of"),
    ({"custom_categories": [{" ": "x"}]}, "custom_categories needs names"),
    ({"custom_instructions": ["Be brief."]}, "custom_instructions must be text."),
    ({"agent_custom_instructions": 7}, "agent_custom_instructions must be text."),
    ({"custom_instructions": "x" * 10_001}, "custom_instructions may have 10000"),
    ({"agent_custom_instructions": "x" * 10_001}, "agent_custom_instructions may have"),
    ({"includes": "x" * 10_001}, "includes may have 10000 characters"),
    ({"excludes": "x" * 10_001}, "excludes may have 10000 characters"),
    ({"custom_categories": [{"a": "x" * 501}]}, "custom_categories may have descript"),
    ({"custom_categories": [{f"c{n}": ""} for n in range(101)]}, "hold 100 categories"),
    ({"includes": {}}, "includes must be text."),
    ({"excludes": 7}, "excludes must be text."),
    ({"timezone": "Mars/Olympus"}, "timezone is not a known timezone."),
    ({"timezone": "../../etc/passwd"}, "timezone is not a known timezone."),
    ({"timezone": "/etc/localtime"}, "timezone is not a known timezone."),
    ({"timezone": "Europe"}, "timezone is not a known timezone."),
    ({"timezone": "é" * 300}, "timezone is not a known timezone."),
    ({"timezone": 2}, "timezone must be text."),
    ({"observation_date": "someday"}, "observation_date must be"),
    ({"observation_datetime": "someday"}, "observation_datetime must be"),
    ({"enable_graph": "yes"}, "enable_graph must be true or false."),
]


@pytest.mark.parametrize("base", [SAID, VERBATIM], ids=["inferred", "verbatim"])
def test_a_bad_add(untouched, client, settings, each, base):
    settings.MAX_MESSAGES, settings.MAX_MESSAGE_CHARS = 3, 100
    for row, (wrong, told) in each(BAD_ADDS):
        with row:
            answer = client.post(ADD, {**base, **wrong})
            assert refused(answer, told)
            fields = answer.json()["fields"]
            assert {name.partition(".")[0] for name in fields} <= {*wrong, *BLAMED}


def test_everything_that_is_wrong_is_told_at_once(untouched, client):
    wrong = {"messages": [], "metadata": 7, "infer": "no", "user_id": STARS}
    body = client.post(ADD, wrong).json()
    assert body["fields"].keys() == wrong.keys()


def test_verbatim_text_must_be_text(untouched, client):
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    answer = client.post(ADD, {**VERBATIM, **saying(image)})
    assert refused(answer, "messages.0.content must be text when infer is false.")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("k" * 256, "Idempotency-Key may have 255 characters at most."),
        ("a\0b", "Idempotency-Key must not hold a NUL character."),
    ],
)
def test_a_bad_idempotency_key(untouched, client, key, told):
    answer = client.post(ADD, SAID, headers={"Idempotency-Key": key})
    assert refused(answer, told)


def test_an_idempotency_key_with_another_body_is_409(client, acme):
    headers = {"Idempotency-Key": "k-1"}
    client.post(ADD, SAID, headers=headers)
    answer = client.post(ADD, {**SAID, "metadata": {"k": 1}}, headers=headers)
    assert refused(answer, "idempotency key", status=409)
    with tenant_scope(acme.id):
        assert Operation.objects.count() == 1


# --- Search and list --------------------------------------------------------

BAD_FILTERS = [
    (None, "filters are required."),
    ({}, "filters"),
    ([], "filters"),
    ("user_id=ida", "filters"),
    ({"userId": "ida"}, "userId"),
    ({**IDA, "shoe_size": 39}, "shoe_size"),
    ({**IDA, "org_id": "o"}, "org_id"),
    ({"user_id": {"nin": ["ida"]}}, "unknown operator nin for user_id"),
    ({"user_id": {"$ne": "ida"}}, "unknown operator $ne for user_id"),
    ({"user_id": {}}, "user_id must not be an empty object."),
    ({"user_id": {"in": []}}, "user_id must be a list with at least one value."),
    ({"user_id": None}, "user_id must be text."),
    ({"user_id": ""}, "user_id must not be blank."),
    ({"user_id": ["ida"]}, "user_id must be text."),
    ({"user_id": True}, "user_id must be text."),
    ({"user_id": LONG_ID}, "user_id may have 256 characters at most."),
    ({"user_id": "**"}, "user_id must not consist of *."),
    ({"user_id": {"in": ["ida", STARS]}}, "user_id must not consist of *."),
    # nobody is named other than by negation
    ({"NOT": IDA}, "at least one of user_id"),
    ({"user_id": {"ne": "ida"}}, "at least one of user_id"),
    ({"metadata": {"k": 1}}, "at least one of user_id"),
    ({"memory_ids": ["00000000-0000-7000-8000-000000000000"]}, "at least one of"),
    ({"AND": []}, "AND"),
    ({"OR": {}}, "OR"),
    ({"OR": [IDA, {}]}, "filters"),
    ({"AND": IDA}, "AND"),
    ({**IDA, "NOT": []}, "NOT"),
    ({**IDA, "NOT": 7}, "filters"),
    ({**IDA, "and": [IDA]}, "and"),
    ({**IDA, "created_at": {">=": "2026-01-01"}}, "unknown operator >="),
    ({**IDA, "created_at": {"gte": "yesterday"}}, "created_at"),
    ({**IDA, "created_at": {"gte": 1700000000}}, "created_at"),
    ({**IDA, "created_at": {"gte": "2026-02-30"}}, "created_at"),
    ({**IDA, "updated_at": {"between": []}}, "unknown operator between"),
    ({**IDA, "expiration_date": "soon"}, "expiration_date"),
    ({**IDA, "categories": ["food"]}, "categories needs an operator"),
    ({**IDA, "categories": {"in": "food"}}, "categories must be a list"),
    ({**IDA, "categories": {"in": [7]}}, "categories must be a text"),
    ({**IDA, "metadata": {}}, "metadata must be an object"),
    ({**IDA, "metadata": "k"}, "metadata must be an object"),
    ({**IDA, "metadata": {"k": {"gt": 1}}}, "unknown operator gt for metadata.k"),
    ({**IDA, "metadata": {"k": {"in": [1]}}}, "unknown operator in for metadata.k"),
    ({**IDA, "metadata": {"k": 2**63}}, "metadata.k: the number is out of range."),
    ({**IDA, "metadata": {"k": {"ne": -(2**70)}}}, "metadata.k: the number"),
    ({**IDA, "keywords": "bees"}, "keywords needs an operator"),
    ({**IDA, "keywords": {"contains": ""}}, "keywords must be a text"),
    ({**IDA, "memory_ids": ["bees"]}, "memory_ids must hold UUIDs."),
    ({**IDA, "memory_ids": "bees"}, "memory_ids must be a list"),
]


@pytest.mark.parametrize(
    ("path", "base"), [(SEARCH, ASKED), (LIST, LISTED)], ids=["search", "list"]
)
def test_bad_filters(untouched, client, each, path, base):
    for row, (filters, told) in each(BAD_FILTERS):
        with row:
            answer = client.post(path, {**base, "filters": filters})
            assert refused(answer, told)
            assert answer.json()["fields"].keys() == {"filters"}


BAD_ON_BOTH = [
    # ids belong inside filters
    ({"user_id": "ida"}, "user_id belongs inside filters"),
    ({"run_id": "r"}, "run_id belongs inside filters"),
    ({"fields": "memory"}, "fields must be a list of texts."),
    ({"fields": [7]}, "fields must be a list of texts."),
    ({"categories": "food"}, "categories must be a list of texts."),
    ({"show_expired": "yes"}, "show_expired must be true or false."),
    ({"latest_only": 1}, "latest_only must be true or false."),
    ({"include_merged": []}, "include_merged must be true or false."),
    ({"as_of": "back then"}, "as_of must be"),
    ({"as_of": 1700000000}, "as_of must be"),
]
BAD_SEARCHES = [
    *BAD_ON_BOTH,
    ({"query": None}, "query is required."),
    ({"query": ""}, "query must not be blank."),
    ({"query": " \t"}, "query must not be blank."),
    ({"query": 7}, "query must be text."),
    ({"query": ["bees"]}, "query must be text."),
    ({"query": "x" * 101}, "query may have 100 characters at most."),
    ({"top_k": 0}, "top_k must be a whole number from 1."),
    ({"top_k": -3}, "top_k must be a whole number from 1."),
    ({"top_k": "many"}, "top_k must be a whole number."),
    ({"top_k": "5"}, "top_k must be a whole number."),
    ({"top_k": 1.5}, "top_k must be a whole number."),
    ({"top_k": True}, "top_k must be a whole number."),
    ({"threshold": -0.1}, "threshold must be a number from 0 to 1."),
    ({"threshold": 1.1}, "threshold must be a number from 0 to 1."),
    ({"threshold": "0.5"}, "threshold must be a number from 0 to 1."),
    ({"threshold": 10**400}, "threshold must be a number from 0 to 1."),
    ({"metadata": "k"}, "metadata must be a JSON object."),
    ({"metadata": {"k": 2**63}}, "metadata.k: the number is out of range."),
    ({"rerank": "please"}, "rerank must be true or false."),
    ({"keyword_search": 1}, "keyword_search must be true or false."),
    ({"reference_date": "now"}, "reference_date must be"),
    ({"reference_date": -5}, "reference_date must be Unix seconds"),
]
BAD_LISTS = [
    *BAD_ON_BOTH,
    ({"page": 0}, "page must be a whole number from 1."),
    ({"page": "two"}, "page must be a whole number."),
    ({"page_size": -1}, "page_size must be a whole number from 1."),
    ({"page_size": 2.5}, "page_size must be a whole number."),
    ({"keywords": ["bees"]}, "keywords must be text."),
    ({"start_date": "spring"}, "start_date must be"),
    ({"end_date": "2026-02-30"}, "end_date"),
]


def test_a_bad_search(untouched, client, settings, each):
    settings.MAX_MESSAGE_CHARS = 100
    for row, (wrong, told) in each(BAD_SEARCHES):
        with row:
            assert refused(client.post(SEARCH, {**ASKED, **wrong}), told)


def test_a_bad_list(untouched, client, each):
    for row, (wrong, told) in each(BAD_LISTS):
        with row:
            assert refused(client.post(LIST, {**LISTED, **wrong}), told)


@pytest.mark.parametrize("name", ["page", "page_size"])
def test_a_bad_page_in_the_query(untouched, client, each, name):
    for row, value in each(["0", "-1", "two", "1.5", "%00", "１", "9" * 400]):
        with row:
            assert refused(client.post(f"{LIST}?{name}={value}", LISTED), name)
            assert refused(client.get(f"{EVENTS}?{name}={value}"), name)


def test_a_filter_has_a_size(untouched, client):
    answer = client.post(LIST, {"filters": {"OR": [IDA] * 5000}})
    assert refused(answer, "conditions")


# --- One memory, and delete by scope ----------------------------------------

BAD_CHANGES = [
    ({}, "text"),
    ({"text": ""}, "text must not be blank."),
    ({"text": "\n"}, "text must not be blank."),
    ({"text": 7}, "text must be text."),
    ({"text": "x" * 101}, "text may have 100 characters at most."),
    ({"metadata": "k"}, "metadata must be a JSON object."),
    ({"metadata": []}, "metadata must be a JSON object."),
    ({"timestamp": "noon"}, "timestamp"),
    ({"timestamp": 10**400}, "timestamp must be Unix seconds"),
    ({"expiration_date": "soon"}, "expiration_date must be YYYY-MM-DD."),
    ({"expiration_date": 0}, "expiration_date must be YYYY-MM-DD."),
    ({"expiration_date": False}, "expiration_date must be YYYY-MM-DD."),
    ({"expiration_date": []}, "expiration_date must be YYYY-MM-DD."),
    # one good field does not save a bad one
    ({"text": "I keep goats.", "metadata": 7}, "metadata must be a JSON object."),
]


def test_a_bad_change(store, client, settings, each):
    path = memory_path(store("I keep bees.", expiration_date="2099-12-31"))
    before = client.get(path).json()
    settings.MAX_MESSAGE_CHARS = 100
    for row, (wrong, told) in each(BAD_CHANGES):
        with row:
            assert refused(client.put(path, wrong), told)
            assert client.get(path).json() == before


BAD_QUERIES = [
    # delete by scope
    ("DELETE", f"{SCOPE}?", "user_id"),
    (
        "DELETE",
        f"{SCOPE}?user_id={LONG_ID}",
        "user_id may have 256 characters at most.",
    ),
    ("DELETE", f"{SCOPE}?user_id=**", "user_id must not consist of *."),
    ("DELETE", f"{SCOPE}?user_id=i&run_id=***", "run_id must not consist of *."),
    ("DELETE", f"{SCOPE}?agent_id=a%00b", "agent_id must not hold a NUL character."),
    # one memory
    ("GET", f"{memory_path()}?as_of=then", "as_of must be"),
    ("GET", f"{memory_path()}?as_of=2026-02-30", "as_of must be"),
    ("GET", f"{memory_path()}?as_of=%00", "as_of must be"),
    ("DELETE", f"{memory_path()}?delete_linked=perhaps", "delete_linked must be"),
    ("GET", memory_path("bees"), "memory_id should be a valid UUID"),
    ("GET", history_path("%00"), "memory_id should be a valid UUID"),
    # events
    ("GET", event_path("%F0%9F%90%9D"), "event_id should be a valid UUID"),
    ("GET", f"{EVENTS}?event_type=%00", "event_type must be one of ADD, "),
    ("GET", f"{EVENTS}?status=a%00b", "status must be one of PENDING, "),
]


def test_a_bad_query_or_path(untouched, send, each):
    for row, (method, path, told) in each(BAD_QUERIES):
        with row:
            assert refused(send(method, path, b""), told)


# --- Limits that are the tenant's -------------------------------------------


@pytest.mark.parametrize(("path", "body"), [(ADD, SAID), (SEARCH, ASKED)])
def test_a_quota_that_is_used_up_is_413(untouched, client, acme, path, body):
    limits = {"per_month": {"add": 0, "search": 0}}
    Tenant.objects.filter(id=acme.id).update(limits=limits)
    answer = client.post(path, body)
    assert refused(answer, "used up", status=413)
    assert answer.json()["code"] == "quota_exceeded"
