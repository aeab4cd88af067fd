"""A small OpenAI-compatible server for tests: real HTTP, rule-made answers, faults.

    python -m tests.model_server --port 9000 [--latency-ms 300] [--dimension 1536]

    with ModelServer() as server:
        server.order("rate_limit", retry_after_s=0.2)   # the next chat request
        ...
        assert server.stats()["chat"] == 2

``/v1/chat/completions`` is answered by ``tests/model_rules.py`` and refuses requests
without a schema or without the recalled memories; ``/v1/embeddings`` by
``tests/model_vectors.py``; ``/v1/rerank`` in one of the ways rerankers have, and in no
other. ``POST /control`` takes the settings of :class:`Settings`,
``faults``, ``replies``, ``script`` and ``reset``; ``GET /control/stats`` tells what was asked. A
model named ``name#fault`` fails every request that way.

One asyncio loop with a parser of its own, because it must never be the bottleneck of a
benchmark that shares its core.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import re
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

import numpy as np

from tests import model_grader
from tests.model_rules import PURPOSES, BadRequest, answer, read_request
from tests.model_script import Script, scripted
from tests.model_vectors import embed_text

HANG = -1.0
HOLD_STEP_S = 0.1
REFUSAL = "I cannot help with that."
RERANKERS = ("cohere", "jina", "vllm", "tei")
RERANKED_AT_A_TIME = 32
FORMATS = ("json_schema", "json_object", "text")
FAULTS = (
    "rate_limit",  # 429 with Retry-After
    "error",  # 500
    "hang",  # never an answer
    "drop",  # the connection closes without an answer
    "drip",  # an answer, one byte a second
    "redirect",  # 307 to elsewhere
    "unauthorized",  # 401
    "malformed",  # content that is no JSON
    "truncated",  # finish_reason length
    "empty",  # no content
    "refusal",
    "wrong_schema",  # JSON of another shape
    "no_format",  # 400: response_format is not supported
    "not_json",  # an error page under HTTP 200
    "nested",  # JSON deeper than anybody reads
    "short",  # embeddings: a vector too few
)


@dataclass(frozen=True)
class Fault:
    """How one request fails; ``path`` is chat, embeddings or rerank.

    Only requests that hold the text ``about`` are meant, so that many adds at once can
    each meet a fault of their own. ``says`` is the endpoint's own message.
    """

    kind: str
    path: str = "chat"
    retry_after_s: float = 0.05
    about: str = ""
    says: str = ""

    def __post_init__(self) -> None:
        if self.kind not in FAULTS:
            raise ValueError(f"unknown fault {self.kind!r}")


@dataclass
class Settings:
    """What holds until it is changed.

    ``reword`` says each fact differently. ``hold`` names a path (chat, embeddings or
    rerank) whose answers wait until it is blank again. ``reranker`` is whose ways
    ``/v1/rerank`` has; its best ``rerank_most`` are answered (0: all).
    """

    latency_s: float = 0.0
    embedding_latency_s: float = 0.0
    dimension: int = 1536
    encoding: str = "base64"  # "float" ignores the request for base64
    formats: tuple[str, ...] = FORMATS
    reword: bool = False
    hold: str = ""
    keep_bodies: bool = False
    vision: bool = False
    reranker: str = "cohere"
    rerank_most: int = 0
    rerank_latency_s: float = 0.0


@dataclass
class Answer:
    """What goes on the wire, after ``delay_s``; None closes the connection."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    drip: bool = False
    drop: bool = False
    path: str = ""


class Model:
    """The state of the server and its answers; knows nothing of sockets."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.faults: deque[Fault] = deque()
        self.replies: deque[str] = deque()
        self.script: Script = {}
        self._reset_stats()

    def _reset_stats(self) -> None:
        self.counts: Counter[str] = Counter()
        self.purposes: Counter[str] = Counter()
        self.bodies: list[Any] = []

    def stats(self) -> dict[str, Any]:
        names = ("chat", "embeddings", "texts", "rerank", "rejected", "faults")
        counts = {name: self.counts[name] for name in names}
        by_purpose = dict(self.purposes)
        return counts | {"by_purpose": by_purpose, "bodies": list(self.bodies)}

    def control(self, order: Mapping[str, Any]) -> None:
        """Apply what ``POST /control`` brought. Raises TypeError, ValueError."""
        if order.get("reset"):
            self.settings = Settings()
            self.faults.clear()
            self.replies.clear()
            self.script = {}
            self._reset_stats()
        known = {item.name for item in fields(Settings)}
        for name, value in order.items():
            if name in known:
                setattr(self.settings, name, value)
            elif name not in ("reset", "faults", "replies", "script"):
                raise ValueError(f"unknown setting {name!r}")
        for item in order.get("faults", ()):
            times = item.get("times", 1)
            fault = Fault(**{key: item[key] for key in item if key != "times"})
            self.faults.extend([fault] * times)
        self.replies.extend(order.get("replies", ()))
        self.script = order.get("script", self.script)

    # --- routes

    def handle(self, method: str, path: str, raw: bytes) -> Answer:
        try:
            body = json.loads(raw) if raw else {}
            if path == "/control/stats":
                return Answer(body=self.stats())
            if path == "/control" and method == "POST":
                self.control(body)
                return Answer(body=asdict(self.settings))
            if path == "/v1/chat/completions":
                return self._chat(body)
            if path == "/v1/embeddings":
                return self._embeddings(body)
            if path == "/v1/rerank":
                return self._rerank(body)
        except BadRequest as error:
            self.counts["rejected"] += 1
            return _error(400, str(error))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return _error(400, f"{type(error).__name__}: {error}")
        return _error(404, f"no such path: {path}")

    def _next_fault(self, path: str, body: Mapping[str, Any]) -> Fault | None:
        model = str(body.get("model", ""))
        if "#" in model:
            return Fault(model.partition("#")[2], path)
        for fault in self.faults:
            if fault.path == path and fault.about in str(body):
                self.faults.remove(fault)
                return fault
        return None

    def _note(self, path: str, body: Mapping[str, Any]) -> Fault | None:
        self.counts[path] += 1
        if self.settings.keep_bodies:
            self.bodies.append(body)
        fault = self._next_fault(path, body)
        self.counts["faults"] += fault is not None
        return fault

    # --- chat

    def _chat(self, body: Mapping[str, Any]) -> Answer:
        fault = self._note("chat", body)
        latency_s = self.settings.latency_s
        if fault and (failure := _failure(fault)):
            return failure
        chosen = body.get("response_format", {"type": "text"})["type"]
        if chosen not in self.settings.formats or (fault and fault.kind == "no_format"):
            return _error(
                400, f"response_format {chosen} is not supported", "response_format"
            )
        if fault:
            return Answer(body=_mangled(body, fault), delay_s=latency_s)
        content = self.replies.popleft() if self.replies else self._think(body)
        reply = _completion(body, content)
        return Answer(body=reply, delay_s=latency_s, path="chat")

    def _think(self, body: Mapping[str, Any]) -> str:
        system, user = (message["content"] for message in body["messages"])
        purpose, schema = _purpose(body, system)
        self.purposes[purpose] += 1
        if purpose in model_grader.PURPOSES:
            return json.dumps(model_grader.grade(purpose, user))
        user, shown = self._look(user)
        reading = read_request(purpose, system, user, shown)
        reading.schema = schema
        prepared = scripted(reading, self.script) if self.script else None
        return json.dumps(prepared or answer(reading, reword=self.settings.reword))

    def _look(self, user: Any) -> tuple[str, list[str]]:
        """The words of a user's turn, and what its images show."""
        if isinstance(user, str):
            return user, []
        if not self.settings.vision:
            raise BadRequest("this model does not see images")
        (words, *images) = user
        return words["text"], [_shown(part["image_url"]["url"]) for part in images]

    # --- embeddings

    def _embeddings(self, body: Mapping[str, Any]) -> Answer:
        fault = self._note("embeddings", body)
        if fault and (failure := _failure(fault) or _vector_failure(fault)):
            return failure
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        if not texts or not all(texts):
            raise BadRequest("input is empty")
        self.counts["texts"] += len(texts)
        dimension = body.get("dimensions") or self.settings.dimension
        vectors = [embed_text(text, dimension) for text in texts]
        if fault and fault.kind == "short":
            vectors.pop()
        as_base64 = body.get("encoding_format") == self.settings.encoding == "base64"
        encode = _to_base64 if as_base64 else np.ndarray.tolist
        data = [
            {"object": "embedding", "index": index, "embedding": encode(vector)}
            for index, vector in enumerate(vectors)
        ]
        tokens = sum(len(text.split()) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        reply = {"object": "list", "data": data, "model": body["model"], "usage": usage}
        delay_s = self.settings.embedding_latency_s
        return Answer(body=reply, delay_s=delay_s, path="embeddings")

    # --- reranking

    def _rerank(self, body: Mapping[str, Any]) -> Answer:
        fault = self._note("rerank", body)
        if fault and (failure := _failure(fault) or _vector_failure(fault)):
            return failure
        kind = self.settings.reranker
        texts = _to_rerank(body, kind)
        about = set(re.findall(r"\w+", body["query"].lower()))
        scores = [_share(about, text) for text in texts]
        best = sorted(range(len(texts)), key=lambda i: -scores[i])
        best = best[: self.settings.rerank_most or len(best)]
        name = "score" if kind == "tei" else "relevance_score"
        rows: list[dict[str, Any]] = [{"index": i, name: scores[i]} for i in best]
        tokens = sum(len(text.split()) for text in texts)
        replies = {
            "cohere": {"id": "r", "results": rows, "meta": {"api_version": {}}},
            "jina": {"results": rows, "usage": {"total_tokens": tokens}},
            "vllm": {
                "id": "r",
                "model": body.get("model"),
                "usage": {"total_tokens": tokens},
                "results": [
                    r | {"document": {"text": texts[r["index"]]}} for r in rows
                ],
            },
            "tei": rows,
        }
        delay_s = self.settings.rerank_latency_s
        return Answer(body=replies[kind], delay_s=delay_s, path="rerank")


def _to_rerank(body: Mapping[str, Any], kind: str) -> list[str]:
    """The texts of a request as these rerankers take it; raises BadRequest."""
    if kind == "tei":
        texts, known = body.get("texts"), {"query", "texts", "truncate", "raw_scores"}
        if texts is not None and len(texts) > RERANKED_AT_A_TIME:
            raise BadRequest(f"batch size {len(texts)} > {RERANKED_AT_A_TIME}")
    else:
        texts, known = body.get("documents"), {"model", "query", "documents", "top_n"}
        if not body.get("model"):
            raise BadRequest("model is required")
    if not texts or not body.get("query"):
        raise BadRequest("missing field")
    if unknown := body.keys() - known:
        raise BadRequest(f"unknown fields: {sorted(unknown)}")
    return list(texts)


def _share(about: set[str], text: str) -> float:
    """How many of a text's words are of the query's."""
    words = re.findall(r"\w+", text.lower())
    return sum(word in about for word in words) / max(1, len(words))


def _shown(url: str) -> str:
    """What stands behind the signature of a picture made by ``tests/documents.py``."""
    head, _, data = url.partition(",")
    if not re.fullmatch(r"data:image/(png|jpeg|gif|webp);base64", head):
        raise BadRequest(f"an image by another way: {head[:40]}")
    return base64.b64decode(data, validate=True)[8:].decode()


def _purpose(body: Mapping[str, Any], system: str) -> tuple[str, Mapping[str, Any]]:
    """The schema and its name, if the request holds us to a schema at all."""
    declared = body.get("response_format", {"type": "text"})
    if declared["type"] == "json_schema":
        given = declared["json_schema"]
        name, schema = given["name"], given["schema"]
        if given.get("strict") is not True:
            raise BadRequest("the schema is not strict")
    else:
        before, found, text = system.rpartition("satisfies this JSON schema:\n")
        if not found:
            raise BadRequest("the request has no schema")
        name, schema = (
            before.rpartition(" named ")[2].partition(",")[0],
            json.loads(text),
        )
    _check_schema(name, schema)
    return name, schema


def _check_schema(name: str, schema: Mapping[str, Any]) -> None:
    known = PURPOSES | model_grader.PURPOSES
    if name not in known:
        raise BadRequest(f"unknown schema {name!r}")
    key, column = known[name]
    properties = schema.get("properties", {})
    if key not in properties:
        raise BadRequest(f"schema {name} lacks {key}")
    if column and column not in properties[key]["items"]["properties"]:
        raise BadRequest(f"schema {name} lacks {key}.{column}")


_MANGLED: dict[str, tuple[str | None, str, str | None]] = {
    "malformed": ("I would say that nothing much happened here", "stop", None),
    "truncated": ('{"facts":[{"text":"User li', "length", None),
    "empty": ("", "stop", None),
    "refusal": (None, "stop", REFUSAL),
    "wrong_schema": ('{"memories":[{"fact":1}]}', "stop", None),
}


def _mangled(body: Mapping[str, Any], fault: Fault) -> dict[str, Any]:
    content, reason, refusal = _MANGLED[fault.kind]
    if fault.says:
        content, refusal = content and f"{content} {fault.says}", refusal and fault.says
    return _completion(body, content, reason, refusal)


def _failure(fault: Fault) -> Answer | None:
    """The answer of a fault that lies in the transport; None for one in the content."""
    retry_after = {"retry-after": str(fault.retry_after_s)}
    failures = {
        "rate_limit": Answer(429, _error_body(fault.says or "slow down"), retry_after),
        "error": Answer(500, _error_body(fault.says or "internal error")),
        "hang": Answer(delay_s=HANG),
        "drop": Answer(drop=True),
        "drip": Answer(body={"choices": []}, drip=True),
        "redirect": Answer(307, {}, {"location": "http://127.0.0.1:9/v1"}),
        "unauthorized": Answer(401, _error_body(fault.says or "Incorrect API key")),
        "not_json": Answer(body="<html>gateway</html>"),
        "nested": Answer(body="[" * 100_000 + "]" * 100_000),
    }
    return failures.get(fault.kind)


# The faults of content, in the terms of embeddings: what stands under HTTP 200.
_MANGLED_VECTORS: dict[str, str] = {
    "malformed": "I would say that nothing much happened here",
    "truncated": '{"object": "list", "data": [{"index": 0, "embed',
    "empty": '{"object": "list", "data": []}',
    "wrong_schema": '{"vectors": [[1, 2, 3]]}',
}


def _vector_failure(fault: Fault) -> Answer | None:
    if fault.kind == "refusal":
        return _error(400, fault.says or REFUSAL)
    mangled = _MANGLED_VECTORS.get(fault.kind)
    return Answer(body=mangled) if mangled else None


def _error(status: int, message: str, param: str | None = None) -> Answer:
    return Answer(status, _error_body(message, param))


def _error_body(message: str, param: str | None = None) -> dict[str, Any]:
    return {
        "error": {"message": message, "type": "error", "param": param, "code": None}
    }


def _completion(
    body: Mapping[str, Any],
    content: str | None,
    finish_reason: str = "stop",
    refusal: str | None = None,
) -> dict[str, Any]:
    prompt = sum(len(str(m["content"])) for m in body["messages"]) // 4
    output = len(content or "") // 4
    message = {"role": "assistant", "content": content, "refusal": refusal}
    return {
        "id": "chatcmpl-stand-in",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": output,
            "total_tokens": prompt + output,
        },
    }


def _to_base64(vector: np.ndarray) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")


# --- HTTP -----------------------------------------------------------------------------


class Connection(asyncio.Protocol):
    """One keep-alive HTTP/1.1 connection with Content-Length bodies."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (request := self._take_request()) is not None:
            self._respond(self._model.handle(*request))

    def _take_request(self) -> tuple[str, str, bytes] | None:
        """(method, path, body) as soon as all of it is there."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self._buffer[:end])
        length = _content_length(head)
        if len(self._buffer) < end + 4 + length:
            return None
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        method, path, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        return method, path, body

    def _respond(self, reply: Answer) -> None:
        if reply.path and reply.path == self._model.settings.hold:
            loop = asyncio.get_running_loop()
            loop.call_later(HOLD_STEP_S, self._respond, reply)
        elif reply.drop:
            self._close()
        elif reply.delay_s > 0:
            asyncio.get_running_loop().call_later(reply.delay_s, self._send, reply)
        elif reply.delay_s == 0:
            self._send(reply)

    def _send(self, reply: Answer) -> None:
        body = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        raw = body.encode()
        head = [f"HTTP/1.1 {reply.status} -", "content-type: application/json"]
        head += [f"{name}: {value}" for name, value in reply.headers.items()]
        head += [f"content-length: {len(raw)}", "", ""]
        self._write("\r\n".join(head).encode())
        if reply.drip:
            self._drip(raw)
        else:
            self._write(raw)

    def _drip(self, raw: bytes) -> None:
        if raw and self._transport and not self._transport.is_closing():
            self._write(raw[:1])
            asyncio.get_running_loop().call_later(0.1, self._drip, raw[1:])

    def _write(self, data: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(data)

    def _close(self) -> None:
        if self._transport:
            self._transport.abort()


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


class ModelServer:
    """The server in a thread, with the same controls as over HTTP."""

    def __init__(self, *, port: int = 0, settings: Settings | None = None) -> None:
        self.model = Model(settings)
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def order(self, kind: str, *, times: int = 1, **details: Any) -> None:
        """Let the next ``times`` requests fail that way."""
        self._do(
            lambda m: m.control({"faults": [{"kind": kind, "times": times, **details}]})
        )

    def reply(self, *contents: str) -> None:
        """Answer the next chat requests with these texts, whatever is asked."""
        self._do(lambda m: m.control({"replies": contents}))

    def configure(self, **settings: Any) -> None:
        """Change settings, see :class:`Settings`; ``reset=True`` first clears all."""
        self._do(lambda m: m.control(settings))

    def follow(self, script: Script) -> None:
        """Answer by a script from now on, see ``tests/model_script.py``."""
        self._do(lambda m: m.control({"script": script}))

    def stats(self) -> dict[str, Any]:
        return self._do(Model.stats)

    def _do[T](self, action: Callable[[Model], T]) -> T:
        """Run in the server's loop, so that no request sees half a change."""

        async def run() -> T:
            return action(self.model)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(listen(self.model, self.port))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


async def listen(model: Model, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(model), "127.0.0.1", port)


async def serve_forever(settings: Settings, port: int) -> None:
    server = await listen(Model(settings), port)
    bound_port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"listening on http://127.0.0.1:{bound_port}/v1\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--dimension", type=int, default=1536)
    parser.add_argument("--reword", action="store_true")
    given = parser.parse_args()
    settings = Settings(
        latency_s=given.latency_ms / 1000,
        dimension=given.dimension,
        reword=given.reword,
    )
    asyncio.run(serve_forever(settings, given.port))


if __name__ == "__main__":
    main()
