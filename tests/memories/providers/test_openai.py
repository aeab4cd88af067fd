from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx2
import numpy as np
import pytest

from memories.pipeline.schemas import SUMMARY
from memories.providers.base import ChatRequest
from memories.providers.openai import (
    ChatConfig,
    EmbedderConfig,
    OpenAIChat,
    OpenAIEmbedder,
)
from memories.providers.retry import (
    LONGEST_PAUSE_S,
    Deadline,
    back_off_s,
    call_with_retries,
)
from memories.providers.tokens import bound_tokens, clip_tokens
from memplatform.lib import clock
from memplatform.lib.errors import (
    InvalidRequest,
    ProviderError,
    ProviderRateLimited,
    ProviderRejected,
    ProviderReplyInvalid,
    ProviderTimeout,
    ProviderUnavailable,
)
from tests.model_server import ModelServer

SAID = "I live in Porto."
SUMMARIZE = ChatRequest(
    "Summarize.", f'# MESSAGES\n1 user "{SAID}"', SUMMARY, "summary"
)


def chat_at(server: ModelServer, **config) -> OpenAIChat:
    return OpenAIChat(ChatConfig(base_url=server.base_url, model="stand-in", **config))


def embedder_at(server: ModelServer, **config) -> OpenAIEmbedder:
    config = {"model": "stand-in", "dimension": 1536} | config
    return OpenAIEmbedder(EmbedderConfig(base_url=server.base_url, **config))


def offline(handler, **config) -> OpenAIChat:
    client = httpx2.Client(transport=httpx2.MockTransport(handler))
    return OpenAIChat(
        ChatConfig(
            base_url="http://model.test/v1", model="m", http_client=client, **config
        )
    )


# --- chat -----------------------------------------------------------------------------


def test_it_answers_with_text_and_cost(model_server):
    reply = chat_at(model_server).complete(SUMMARIZE)
    assert "Porto" in reply.text
    assert reply.prompt_tokens > 0
    assert reply.completion_tokens > 0
    assert reply.attempts == 1
    assert reply.latency_ms > 0


def test_it_sends_the_schema_strictly(model_server):
    model_server.configure(keep_bodies=True)
    chat_at(model_server, api_key="sk-1").complete(SUMMARIZE)
    (body,) = model_server.stats()["bodies"]
    assert body["response_format"]["json_schema"] == {
        "name": "summary",
        "strict": True,
        "schema": SUMMARY,
    }


@pytest.mark.parametrize("fault", ["rate_limit", "error", "drop"])
def test_it_tries_transport_faults_again(model_server, fault):
    model_server.order(fault)
    reply = chat_at(model_server).complete(SUMMARIZE)
    assert reply.attempts == 2
    assert model_server.stats()["chat"] == 2


@pytest.mark.parametrize(
    ("fault", "error", "requests"),
    [
        ("rate_limit", ProviderRateLimited, 2),  # gives up after max_attempts
        ("error", ProviderUnavailable, 2),
        ("drop", ProviderUnavailable, 2),
        ("unauthorized", ProviderRejected, 1),  # a wrong key stays wrong
        ("redirect", ProviderRejected, 1),  # never followed: the key would leak
        ("refusal", ProviderRejected, 1),
        ("truncated", ProviderReplyInvalid, 1),  # asking anew is the engine's business
        ("empty", ProviderReplyInvalid, 1),
        ("not_json", ProviderReplyInvalid, 1),
        ("nested", ProviderReplyInvalid, 1),
    ],
)
def test_it_maps_faults_to_our_errors(model_server, fault, error, requests):
    model_server.order(fault, times=9)
    with pytest.raises(error) as caught:
        chat_at(model_server, max_attempts=2).complete(SUMMARIZE)
    assert type(caught.value) is error
    assert model_server.stats()["chat"] == requests


def test_it_says_what_a_refused_redirect_was(model_server):
    model_server.order("redirect")
    with pytest.raises(ProviderRejected, match="redirects are not followed"):
        chat_at(model_server).complete(SUMMARIZE)


def test_it_waits_as_long_as_retry_after_says(model_server):
    model_server.order("rate_limit", retry_after_s=0.6)
    started = time.monotonic()
    chat_at(model_server).complete(SUMMARIZE)
    assert 0.6 <= time.monotonic() - started < 2


def test_it_does_not_wait_for_a_retry_beyond_the_deadline(model_server):
    model_server.order("rate_limit", retry_after_s=60)
    started = time.monotonic()
    with pytest.raises(ProviderRateLimited) as caught:
        chat_at(model_server, deadline_s=1).complete(SUMMARIZE)
    assert caught.value.retry_after_s == 60
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_hanging_server_holds_no_longer_than_the_deadline(model_server, fault):
    model_server.order(fault, times=99)
    started = time.monotonic()
    with pytest.raises(ProviderTimeout):
        chat_at(model_server, timeout_s=0.4, deadline_s=1, max_attempts=50).complete(
            SUMMARIZE
        )
    assert time.monotonic() - started < 5  # on a busy machine; not 50 attempts


def test_a_server_that_is_not_there_is_unavailable():
    chat = OpenAIChat(
        ChatConfig(base_url="http://127.0.0.1:9/v1", model="m", max_attempts=1)
    )
    with pytest.raises(ProviderUnavailable):
        chat.complete(SUMMARIZE)


@pytest.mark.parametrize(
    ("formats", "requests"),
    [(["json_schema"], 1), (["json_object", "text"], 2), (["text"], 3)],
)
def test_it_steps_down_to_the_format_the_endpoint_takes(
    model_server, formats, requests
):
    model_server.configure(formats=formats)
    assert "Porto" in chat_at(model_server).complete(SUMMARIZE).text
    assert model_server.stats()["chat"] == requests


def test_it_remembers_the_format_for_the_endpoint(model_server):
    model_server.configure(formats=["json_object"])
    chat_at(model_server).complete(SUMMARIZE)
    chat_at(model_server).complete(SUMMARIZE)
    assert model_server.stats()["chat"] == 3


def test_it_keeps_to_the_concurrency_limit_of_the_endpoint(model_server):
    model_server.configure(latency_s=0.1)
    chats = [chat_at(model_server, concurrency=2) for _ in range(6)]
    started = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda chat: chat.complete(SUMMARIZE), chats))
    assert 0.3 <= time.monotonic() - started < 1


def test_waiting_for_a_slot_ends_at_the_deadline(model_server):
    model_server.order("hang")
    holder = chat_at(model_server, concurrency=1, deadline_s=2, timeout_s=2)
    thread = threading.Thread(target=_swallow, args=(holder,))
    thread.start()
    while not model_server.stats()["chat"]:
        time.sleep(0.01)
    with pytest.raises(ProviderTimeout, match="slot"):
        chat_at(model_server, concurrency=1, deadline_s=0.3).complete(SUMMARIZE)
    thread.join()


def _swallow(chat: OpenAIChat) -> None:
    with pytest.raises(ProviderError):
        chat.complete(SUMMARIZE)


@pytest.mark.parametrize("base_url", ["ftp://x/v1", "file:///etc/passwd", "x/v1", ""])
def test_only_http_addresses_are_taken(base_url):
    with pytest.raises(InvalidRequest) as caught:
        ChatConfig(base_url=base_url, model="m")
    assert "base_url" in caught.value.fields


def test_a_config_does_not_show_its_key():
    config = ChatConfig(base_url="http://x/v1", model="m", api_key="sk-secret")
    assert "secret" not in repr(config)


ECHOES = [
    # an error page, a gateway's error under 200, a refusal: all say what was asked
    (400, {"error": {"message": SAID, "type": "bad_request", "code": SAID}}),
    (503, {"error": {"message": SAID, "type": SAID, "code": 17}}),
    (429, {"error": {"message": SAID, "type": "requests", "code": None}}),
    (422, {"detail": SAID}),
    (500, SAID),
    (200, {"error": {"message": SAID, "code": "upstream"}}),
    (200, {"error": SAID}),
    (200, {"choices": [{"message": {"content": "", "refusal": SAID}}]}),
    (200, SAID),
]


@pytest.mark.parametrize(("status", "body"), ECHOES)
def test_an_error_does_not_repeat_what_was_asked(status, body):
    """Its message is stored with the operation, answered and shown."""

    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, json=body)

    with pytest.raises(ProviderError) as caught:
        offline(handler, max_attempts=1).complete(SUMMARIZE)
    assert "Porto" not in caught.value.message
    assert len(caught.value.message) < 200


def test_an_error_names_its_status_type_and_code():
    def handler(request: httpx2.Request) -> httpx2.Response:
        error = {"message": SAID, "type": "invalid_request_error", "code": "no_model"}
        return httpx2.Response(404, json={"error": error})

    with pytest.raises(ProviderRejected) as caught:
        offline(handler).complete(SUMMARIZE)
    assert caught.value.message == (
        "The endpoint answered HTTP 404 (invalid_request_error, no_model)."
    )


def test_a_line_that_breaks_does_not_repeat_what_was_asked():
    def handler(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.RemoteProtocolError(f"illegal status line: {SAID}")

    with pytest.raises(ProviderUnavailable, match="RemoteProtocolError") as caught:
        offline(handler, max_attempts=1).complete(SUMMARIZE)
    assert "Porto" not in caught.value.message


def test_an_exhausted_quota_is_not_tried_again():
    def handler(request: httpx2.Request) -> httpx2.Response:
        error = {"message": "You exceeded your quota", "code": "insufficient_quota"}
        return httpx2.Response(429, json={"error": error})

    with pytest.raises(ProviderRejected, match="quota"):
        offline(handler).complete(SUMMARIZE)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Wed, 08 May 2024 14:00:00 GMT"}, 240),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(headers, seconds):
    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(429, headers=headers, json={"error": {}})

    chat = offline(handler, max_attempts=1)
    now = datetime(2024, 5, 8, 13, 56, tzinfo=UTC)
    with clock.frozen(now), pytest.raises(ProviderRateLimited) as caught:
        chat.complete(SUMMARIZE)
    assert caught.value.retry_after_s == seconds


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ([], ProviderReplyInvalid),
        ({"choices": []}, ProviderReplyInvalid),
        ({"choices": [None]}, ProviderReplyInvalid),
        ({"choices": [{"message": None}]}, ProviderReplyInvalid),
        ({"error": {"code": 502}}, ProviderUnavailable),  # a gateway's way
        ({"choices": [{"finish_reason": "content_filter"}]}, ProviderRejected),
    ],
)
def test_odd_payloads_become_our_errors(payload, error):
    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=payload)

    with pytest.raises(error):
        offline(handler, max_attempts=1).complete(SUMMARIZE)


def test_it_sends_the_key_and_only_there():
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        message = {"content": [{"type": "text", "text": "in parts"}]}
        return httpx2.Response(200, json={"choices": [{"message": message}]})

    assert offline(handler, api_key="sk-9").complete(SUMMARIZE).text == "in parts"
    assert seen[0].headers["authorization"] == "Bearer sk-9"
    assert b"sk-9" not in seen[0].content


# --- embeddings -----------------------------------------------------------------------


def test_it_embeds_to_unit_rows_in_order(model_server):
    texts = ["User lives in Lisbon.", "User has two cats.", "User resides in Lisbon"]
    vectors = embedder_at(model_server).embed(texts)
    assert vectors.shape == (3, 1536)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[1]


def test_no_texts_need_no_request(model_server):
    assert embedder_at(model_server).embed([]).shape == (0, 1536)
    assert model_server.stats()["embeddings"] == 0


def test_long_batches_are_split(model_server):
    vectors = embedder_at(model_server, max_batch=2).embed(["a", "b", "c", "d", "e"])
    assert len(vectors) == 5
    assert model_server.stats()["embeddings"] == 3


def test_lists_of_floats_do_as_well_as_base64(model_server):
    from_base64 = embedder_at(model_server).embed(["tea"])
    model_server.configure(encoding="float")
    assert np.allclose(embedder_at(model_server).embed(["tea"]), from_base64, atol=1e-6)


def test_an_input_is_clipped_to_the_limit_and_never_empty(model_server):
    model_server.configure(keep_bodies=True)
    embedder_at(model_server, max_tokens=10).embed(["word " * 100, ""])
    (body,) = model_server.stats()["bodies"]
    long, empty = body["input"]
    assert 0 < bound_tokens(long) <= 10
    assert empty == " "


@pytest.mark.parametrize(
    ("config", "sent"),
    [
        ({"model": "text-embedding-3-small", "dimension": 512}, 512),
        ({"model": "text-embedding-3-small", "dimension": None}, None),
        ({"dimension": 1536}, None),  # unknown models may not know the parameter
        ({"dimension": 256, "request_dimension": True}, 256),
    ],
)
def test_a_dimension_is_asked_for_where_it_is_understood(model_server, config, sent):
    model_server.configure(keep_bodies=True)
    embedder = embedder_at(model_server, **config)
    assert embedder.embed(["tea"]).shape == (1, embedder.space.dimension)
    assert model_server.stats()["bodies"][0].get("dimensions") == sent


@pytest.mark.parametrize("fault", ["short", "dimension"])
def test_vectors_that_do_not_match_the_texts_are_refused(model_server, fault):
    model_server.configure(dimension=8 if fault == "dimension" else 1536)
    if fault == "short":
        model_server.order("short", path="embeddings")
    with pytest.raises(ProviderReplyInvalid):
        embedder_at(model_server).embed(["a", "b"])


def test_embeddings_are_tried_again(model_server):
    model_server.order("error", path="embeddings")
    assert len(embedder_at(model_server).embed(["a"])) == 1


def test_the_dimension_of_an_unknown_model_must_be_stated(model_server):
    config = EmbedderConfig(base_url=model_server.base_url, model="stand-in")
    with pytest.raises(InvalidRequest):
        OpenAIEmbedder(config)


# --- parts ----------------------------------------------------------------------------


def test_back_off_grows_and_honours_retry_after():
    fault = ProviderUnavailable()
    assert all(0.125 <= back_off_s(1, fault) <= 0.25 for _ in range(50))
    assert all(1 <= back_off_s(4, fault) <= 2 for _ in range(50))
    assert back_off_s(60, fault) <= LONGEST_PAUSE_S
    assert back_off_s(1, ProviderRateLimited(retry_after_s=7)) == 7


def test_only_transport_faults_are_tried_again():
    calls: list[float] = []

    def attempt(seconds: float) -> None:
        calls.append(seconds)
        raise ProviderReplyInvalid

    with pytest.raises(ProviderReplyInvalid):
        call_with_retries(attempt, deadline=Deadline(5), timeout_s=3, max_attempts=5)
    assert calls == [3]


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("1234567890", 4),
        ("東京に住んでいます", 9),
        ("😀😀", 4),
        ("", 0),
    ],
)
def test_the_token_bound_errs_on_the_high_side(text, least):
    assert bound_tokens(text) >= least


def test_clipping_keeps_short_texts_and_cuts_between_words():
    assert clip_tokens("short", 100) == "short"
    assert clip_tokens("one two three four five six", 3) == "one two"
    assert len(clip_tokens("a" * 100_000, 50)) <= 200
