"""Chat models and embedders behind any OpenAI-compatible endpoint.

The only module that imports ``openai``, and the one place where its exceptions become
ours. It does not know prompts or memories.

Requests go through ``OpenAI.post`` and replies are read as plain JSON: building the
SDK's typed models costs more CPU than the rest of the call (0.9 against 0.3 ms), and
compatible servers differ in fields we do not need.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import IntEnum
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

import httpx2
import numpy as np
import openai

from memories.providers.addresses import PublicTransport
from memories.providers.base import ChatReply, ChatRequest
from memories.providers.retry import Deadline, call_with_retries
from memories.providers.tokens import clip_tokens
from memories.types import SpaceKey, Vectors
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
from memplatform.lib.meter import count_embedded

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
MAX_CLIENTS = 1_000
MAX_REPLY_BYTES = 64 * 1024 * 1024
# What OpenAI's own embedding models return when asked for nothing else; only these
# accept the ``dimensions`` parameter everywhere (platform.openai.com/docs/models).
NATIVE_DIMENSIONS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfig:
    """Where a model is served and how patient we are with it.

    ``timeout_s`` bounds one request, ``deadline_s`` all attempts and pauses together.
    ``concurrency`` limits the requests under way in this process to one model with one
    key. ``is_public_only`` refuses addresses that are not on the internet.
    ``http_client`` replaces the pooled one, for tests.
    """

    base_url: str
    model: str
    api_key: str = field(default="", repr=False)
    provider: str = "openai"
    timeout_s: float = 30.0
    deadline_s: float = 90.0
    max_attempts: int = 4
    concurrency: int = 32
    is_public_only: bool = False
    http_client: httpx2.Client | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidRequest(fields={"base_url": ["Must be an http(s) address."]})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatConfig(EndpointConfig):
    """``context_tokens`` is the model's window, the answer included."""

    context_tokens: int = 128_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderConfig(EndpointConfig):
    """``dimension`` None: the native one of a known model.

    ``request_dimension`` sends ``dimensions``; None: where a known model is asked for
    another dimension than its native one.
    """

    dimension: int | None = None
    request_dimension: bool | None = None
    max_tokens: int = 8191
    max_batch: int = 128


class ReplyFormat(IntEnum):
    """How an endpoint can be held to a schema, from strict to a plain request."""

    SCHEMA = 0
    JSON = 1
    TEXT = 2


class RerankFormat(IntEnum):
    """How an endpoint wants what it is to rerank."""

    DOCUMENTS = 0
    TEXTS = 1


class Gate:
    """At most ``limit`` holders at a time; the limit can change while held."""

    def __init__(self) -> None:
        self.limit = 1
        self._held = 0
        self._changed = threading.Condition()

    @contextmanager
    def enter(self, deadline: Deadline) -> Iterator[None]:
        """Hold a place. Raises ProviderTimeout if none is free by the deadline."""
        with self._changed:
            if not self._changed.wait_for(self._has_place, deadline.remaining_s()):
                raise ProviderTimeout("No free request slot before the deadline.")
            self._held += 1
        try:
            yield
        finally:
            with self._changed:
                self._held -= 1
                self._changed.notify()

    def _has_place(self) -> bool:
        return self._held < self.limit


@dataclass(slots=True)
class Endpoint:
    """What this process shares about (base_url, model) of one key's owner."""

    gate: Gate = field(default_factory=Gate)
    reply_format: ReplyFormat = ReplyFormat.SCHEMA
    rerank_format: RerankFormat = RerankFormat.DOCUMENTS


class _Registry:
    """Shared clients and endpoints: a client per call would cost milliseconds."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start anew; sockets and locks stay with their holders (after a fork)."""
        self._lock = threading.Lock()
        # By whether they reach the internet only.
        self._http: dict[bool, httpx2.Client] = {}
        self._clients: dict[tuple[str, str, bool], openai.OpenAI] = {}
        self._endpoints: dict[tuple[str, str, str], Endpoint] = {}

    def close(self) -> None:
        """Close the pooled connections, and forget what was learnt of endpoints."""
        for client in self._http.values():
            client.close()
        self.forget()

    def endpoint(self, config: EndpointConfig) -> Endpoint:
        with self._lock:
            if len(self._endpoints) >= MAX_CLIENTS:
                del self._endpoints[next(iter(self._endpoints))]
            key = (config.base_url, config.model, config.api_key)
            endpoint = self._endpoints.setdefault(key, Endpoint())
            endpoint.gate.limit = config.concurrency
            return endpoint

    def client(self, config: EndpointConfig) -> openai.OpenAI:
        if config.http_client is not None:
            return _new_client(config, config.http_client)
        with self._lock:
            key = (config.base_url, config.api_key, config.is_public_only)
            if key not in self._clients:
                if len(self._clients) >= MAX_CLIENTS:  # keys of projects come and go
                    del self._clients[next(iter(self._clients))]
                self._clients[key] = _new_client(config, self._pooled(config))
            return self._clients[key]

    def _pooled(self, config: EndpointConfig) -> httpx2.Client:
        is_public_only = config.is_public_only
        if is_public_only not in self._http:
            self._http[is_public_only] = _new_http_client(is_public_only=is_public_only)
        return self._http[is_public_only]


registry = _Registry()
# A forked child must not speak on its parent's sockets, nor wait for its locks.
os.register_at_fork(after_in_child=registry.forget)


def _new_http_client(*, is_public_only: bool) -> httpx2.Client:
    """Thread-safe and pooled; redirects are not followed, so a key stays at home."""
    limits = httpx2.Limits(max_connections=256, max_keepalive_connections=64)
    return httpx2.Client(
        limits=limits,
        transport=PublicTransport(limits) if is_public_only else None,
        follow_redirects=False,
        event_hooks={"response": [_bound_body]},
    )


def _new_client(config: EndpointConfig, http_client: httpx2.Client) -> openai.OpenAI:
    client = openai.OpenAI(
        base_url=config.base_url,
        # The SDK insists on one; local servers want none and ignore it.
        api_key=config.api_key or "none",
        max_retries=0,
        http_client=http_client,
    )
    # The SDK reads these from the environment, which is the platform's, and would tell
    # them to every project's endpoint.
    client.organization = client.project = None
    return client


_body_deadline: ContextVar[Deadline | None] = ContextVar("body_deadline", default=None)


class _BoundedStream(httpx2.SyncByteStream):
    """A reply body that ends by the deadline and below a size.

    A read timeout starts anew with every byte: a server that drips would hold a worker
    for ever.
    """

    def __init__(self, stream: httpx2.SyncByteStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for part in self._stream:
            size += len(part)
            if self._deadline.is_over():
                raise httpx2.ReadTimeout("The reply was not complete in time.")
            if size > MAX_REPLY_BYTES:
                raise httpx2.ReadError("The reply is too large.")
            yield part

    def close(self) -> None:
        self._stream.close()


def _bound_body(response: httpx2.Response) -> None:
    deadline = _body_deadline.get()
    if deadline is not None:
        stream = cast(httpx2.SyncByteStream, response.stream)
        response.stream = _BoundedStream(stream, deadline)


class Caller:
    """One endpoint's requests: gate, attempts, deadline; its errors become ours."""

    def __init__(self, config: EndpointConfig) -> None:
        self._config = config
        self._client = registry.client(config)
        self.endpoint = registry.endpoint(config)

    def call[T](
        self,
        path: str,
        body: Mapping[str, Any],
        read: Callable[[Any], T],
        deadline: Deadline,
    ) -> tuple[T, int]:
        """``read`` of the JSON reply to ``body``, and the attempts it took."""

        def attempt(seconds: float) -> T:
            with self.endpoint.gate.enter(deadline):
                allowed_s = min(seconds, deadline.remaining_s())
                return read(self._post(path, body, allowed_s))

        return call_with_retries(
            attempt,
            deadline=deadline,
            timeout_s=self._config.timeout_s,
            max_attempts=self._config.max_attempts,
        )

    def _post(self, path: str, body: Mapping[str, Any], timeout_s: float) -> Any:
        """The decoded reply. The one place where foreign exceptions become ours."""
        token = _body_deadline.set(Deadline(timeout_s))
        try:
            response = self._client.post(
                path,
                cast_to=httpx2.Response,
                body=body,
                options={"timeout": _timeouts(timeout_s)},
            )
            return json.loads(response.content)
        except openai.APITimeoutError as exc:
            raise ProviderTimeout from exc
        except openai.APIConnectionError as exc:
            if isinstance(exc.__cause__, ProviderError):
                raise exc.__cause__ from exc
            raise ProviderUnavailable(_cause(exc)) from exc
        except openai.APIStatusError as exc:
            _raise_for_status(exc)
        except openai.OpenAIError as exc:
            raise ProviderUnavailable(_kind(exc)) from exc
        except (ValueError, RecursionError) as exc:
            raise ProviderReplyInvalid("The endpoint did not answer in JSON.") from exc
        finally:
            _body_deadline.reset(token)


def _timeouts(timeout_s: float) -> httpx2.Timeout:
    return httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S))


def _cause(exc: openai.APIConnectionError) -> str:
    return f"The model provider could not be reached ({_kind(exc.__cause__ or exc)})."


def _kind(exc: BaseException) -> str:
    """What it is, not what it says: its words may be the endpoint's."""
    return type(exc).__name__


class FormatUnsupported(ProviderRejected):
    """The endpoint does not know this response_format."""


def _raise_for_status(exc: openai.APIStatusError) -> NoReturn:
    status, text = exc.status_code, _error_text(exc)
    if status == 429 and exc.code != "insufficient_quota":
        retry_after_s = _retry_after_s(exc.response.headers)
        raise ProviderRateLimited(text, retry_after_s=retry_after_s) from exc
    if status == 408:
        raise ProviderTimeout(text) from exc
    if _refuses_format(exc):
        raise FormatUnsupported(text) from exc
    if status >= 500 or status in (409, 425):
        raise ProviderUnavailable(text) from exc
    raise ProviderRejected(text) from exc


def _error_text(exc: openai.APIStatusError) -> str:
    """Status, type and code; never the message, which may quote what was asked."""
    if 300 <= exc.status_code < 400:
        return f"HTTP {exc.status_code}: redirects are not followed."
    return f"The endpoint answered HTTP {exc.status_code}{_words(exc.type, exc.code)}."


_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def _words(*given: object) -> str:
    """`` (rate_limit_error, 42)``: those that are single words, as codes are."""
    words = [str(word) for word in given if _WORD.fullmatch(str(word or ""))]
    return f" ({', '.join(words)})" if words else ""


_FORMAT_WORDS = re.compile(r"response_?format|json_?schema|json_?object", re.I)


def _refuses_format(exc: openai.APIStatusError) -> bool:
    if exc.status_code not in (400, 404, 415, 422, 500, 501):
        return False
    return exc.param == "response_format" or bool(_FORMAT_WORDS.search(exc.message))


def _retry_after_s(headers: httpx2.Headers) -> float | None:
    """Seconds, from Retry-After-Ms or either form of Retry-After (RFC 9110 §10.2.3)."""
    for name, per_second in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) / per_second)
        except (KeyError, ValueError):
            continue
    try:
        until = parsedate_to_datetime(headers["retry-after"])
        return max(0.0, (until - clock.now()).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None


class OpenAIChat:
    """A chat model at an OpenAI-compatible endpoint (protocol Chat). Thread-safe."""

    def __init__(self, config: ChatConfig) -> None:
        self.provider = config.provider
        self.model = config.model
        self.context_tokens = config.context_tokens
        self._config = config
        self._caller = Caller(config)

    def complete(self, request: ChatRequest) -> ChatReply:
        """Ask once, retrying transport faults within the total deadline.

        Raises ProviderTimeout, ProviderUnavailable, ProviderRateLimited;
        ProviderRejected also for a refusal; ProviderReplyInvalid for a reply that is
        cut off or empty.
        """
        started = time.monotonic()
        (text, usage), attempts = self._ask(request, Deadline(self._config.deadline_s))
        return ChatReply(
            text=text,
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
            latency_ms=(time.monotonic() - started) * 1000,
            model=self.model,
            attempts=attempts,
        )

    def _ask(
        self, request: ChatRequest, deadline: Deadline
    ) -> tuple[tuple[str, Mapping[str, Any]], int]:
        """The text and usage, in the strictest format the endpoint takes; attempts."""
        reply_format = self._caller.endpoint.reply_format
        body = self._body(request, reply_format)
        try:
            return self._caller.call(
                "/chat/completions", body, _read_completion, deadline
            )
        except FormatUnsupported:
            if request.schema is None or reply_format is ReplyFormat.TEXT:
                raise
            self._step_down(reply_format)
        return self._ask(request, deadline)

    def _step_down(self, refused: ReplyFormat) -> None:
        """Remember, for the life of the process, that the endpoint refuses a format."""
        endpoint = self._caller.endpoint
        endpoint.reply_format = max(endpoint.reply_format, ReplyFormat(refused + 1))
        log.info("%s refuses %s replies", self._config.base_url, refused.name)

    def _body(self, request: ChatRequest, reply_format: ReplyFormat) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [
                {"role": "system", "content": _system_text(request, reply_format)},
                {"role": "user", "content": _user_content(request)},
            ],
        }
        if request.schema is not None and reply_format is not ReplyFormat.TEXT:
            body["response_format"] = _response_format(request, reply_format)
        return body


def _user_content(request: ChatRequest) -> str | list[dict[str, Any]]:
    if not request.images:
        return request.user
    images = [{"type": "image_url", "image_url": {"url": u}} for u in request.images]
    return [{"type": "text", "text": request.user}, *images]


def _system_text(request: ChatRequest, reply_format: ReplyFormat) -> str:
    """The instructions; with the schema in words where the endpoint cannot take it."""
    if request.schema is None or reply_format is ReplyFormat.SCHEMA:
        return request.system
    schema = json.dumps(request.schema, separators=(",", ":"))
    return (
        f"{request.system}\n\nAnswer with one JSON object named {request.schema_name}, "
        f"and nothing else, that satisfies this JSON schema:\n{schema}"
    )


def _response_format(
    request: ChatRequest, reply_format: ReplyFormat
) -> dict[str, object]:
    if reply_format is ReplyFormat.JSON:
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "json_schema": {
            "name": request.schema_name,
            "strict": True,
            "schema": request.schema,
        },
    }


def _read_completion(payload: Any) -> tuple[str, Mapping[str, Any]]:
    """The text and usage of a chat completion.

    Raises ProviderRejected when refused, ProviderReplyInvalid when cut off or empty.
    """
    choice = _first_choice(payload)
    message = choice.get("message") or {}
    finish_reason = choice.get("finish_reason")
    if message.get("refusal") or finish_reason == "content_filter":
        raise ProviderRejected("The model refused to answer.")
    if finish_reason == "length":
        raise ProviderReplyInvalid("The model's reply was cut off at its length limit.")
    text = _join_parts(message.get("content"))
    if not text.strip():
        raise ProviderReplyInvalid("The model's reply was empty.")
    return text, payload.get("usage") or {}


def _first_choice(payload: Any) -> Mapping[str, Any]:
    if not isinstance(payload, dict):
        raise ProviderReplyInvalid("The endpoint did not answer with a JSON object.")
    if payload.get("error"):  # gateways report an upstream's failure under HTTP 200
        error = payload["error"] if isinstance(payload["error"], dict) else {}
        words = _words(error.get("type"), error.get("code"))
        raise ProviderUnavailable(f"The endpoint failed{words}.")
    choices = payload.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ProviderReplyInvalid("The endpoint's reply holds no choice.")
    return cast(Mapping[str, Any], choices[0])


def _join_parts(content: Any) -> str:
    """Some servers answer with a list of typed parts instead of a string."""
    if isinstance(content, list):
        parts = [part.get("text", "") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


class OpenAIEmbedder:
    """An embedding model at an OpenAI-compatible endpoint (protocol Embedder)."""

    def __init__(self, config: EmbedderConfig) -> None:
        self.max_tokens = config.max_tokens
        self.space = SpaceKey(config.provider, config.model, _dimension(config))
        self._config = config
        self._caller = Caller(config)
        self._asks_dimension = _asks_dimension(config)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(n, dim) float32, unit norm, one row per text, in order. n may be 0.

        Texts beyond ``max_tokens`` count with their beginning only. Raises
        ProviderError subclasses; ProviderReplyInvalid when the reply has other rows or
        another dimension than asked for.
        """
        size = self._config.max_batch
        batches = [texts[at : at + size] for at in range(0, len(texts), size)]
        deadline = Deadline(self._config.deadline_s)
        rows = [self._embed_batch(batch, deadline) for batch in batches]
        if not rows:
            return np.zeros((0, self.space.dimension), dtype=np.float32)
        return rows[0] if len(rows) == 1 else np.concatenate(rows)

    def _embed_batch(self, texts: Sequence[str], deadline: Deadline) -> Vectors:
        shape = (len(texts), self.space.dimension)
        vectors, _ = self._caller.call(
            "/embeddings",
            self._body(texts),
            lambda payload: _read_counted(payload, shape),
            deadline,
        )
        return vectors

    def _body(self, texts: Sequence[str]) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._config.model,
            # An empty input is an error at most endpoints.
            "input": [clip_tokens(text, self.max_tokens) or " " for text in texts],
            "encoding_format": "base64",
        }
        if self._asks_dimension:
            body["dimensions"] = self.space.dimension
        return body


def _dimension(config: EmbedderConfig) -> int:
    dimension = config.dimension or NATIVE_DIMENSIONS.get(config.model)
    if dimension is None:
        message = f"The dimension of {config.model} is not known; state it."
        raise InvalidRequest(fields={"dimension": [message]})
    return dimension


def _asks_dimension(config: EmbedderConfig) -> bool:
    if config.request_dimension is not None:
        return config.request_dimension
    native = NATIVE_DIMENSIONS.get(config.model)
    return native is not None and config.dimension not in (None, native)


def _read_counted(payload: Any, shape: tuple[int, int]) -> Vectors:
    """The vectors; what they took is counted, whatever they are worth."""
    count_embedded(_embedded_tokens(payload))
    return _read_vectors(payload, shape)


def _embedded_tokens(payload: Any) -> int:
    """As the endpoint reports it; 0 where it does not."""
    usage = payload.get("usage") if isinstance(payload, dict) else None
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return tokens if type(tokens) is int and tokens > 0 else 0


def _read_vectors(payload: Any, shape: tuple[int, int]) -> Vectors:
    """(n, dim) float32, unit norm, in the order of the inputs."""
    rows = _read_rows(payload)
    if len(rows) != shape[0] or any(len(row) != shape[1] for row in rows):
        found = f"{len(rows)} vectors of {sorted({len(row) for row in rows})}"
        raise ProviderReplyInvalid(f"Expected {shape[0]} of {shape[1]}, got {found}.")
    vectors = np.stack(rows)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or not norms.all():
        raise ProviderReplyInvalid("The endpoint answered with a vector of no length.")
    return cast(Vectors, vectors / norms)


def _read_rows(payload: Any) -> list[Vectors]:
    """One float32 vector per item, sorted by ``index``."""
    try:
        items: Iterable[Any] = sorted(payload["data"], key=lambda item: item["index"])
        rows = [_decode_vector(item["embedding"]) for item in items]
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        raise ProviderReplyInvalid("The embeddings could not be read.") from exc
    if not rows:
        raise ProviderReplyInvalid("The endpoint answered with no embedding.")
    return rows


def _decode_vector(value: str | list[float]) -> Vectors:
    """From base64 of little-endian float32, or a list where the server ignores that."""
    if isinstance(value, str):
        return np.frombuffer(base64.b64decode(value), dtype="<f4")
    return np.asarray(value, dtype=np.float32)


__all__ = [
    "Caller",
    "ChatConfig",
    "EmbedderConfig",
    "EndpointConfig",
    "OpenAIChat",
    "OpenAIEmbedder",
    "RerankFormat",
    "registry",
]
