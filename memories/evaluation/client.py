"""A client of the platform like any other: adds, waits and searches, with a key."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx2

TIMEOUT_S = 120.0
POLL_S, POLL_SELDOM_S = 0.05, 2.0
"""Between two looks at an add: more and more, for looking costs the server as well."""
ENDED = ("SUCCEEDED", "FAILED")
UNFINISHED = ("PENDING", "RUNNING")


class PlatformRefused(Exception):
    """The platform answered with an error, or not at all."""


@dataclass(frozen=True, slots=True)
class Found:
    """One search result as the wire shows it."""

    id: str
    text: str
    score: float
    created_at: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The results of a search, best first, and how long the answer took."""

    found: tuple[Found, ...]
    latency_ms: float


class Client:
    """Safe to share between threads."""

    def __init__(self, url: str, key: str, *, at_once: int = 8) -> None:
        self._is_closed = False
        self._http = httpx2.Client(
            base_url=url,
            headers={"Authorization": f"Token {key}"},
            timeout=TIMEOUT_S,
            limits=httpx2.Limits(
                max_connections=at_once, max_keepalive_connections=at_once
            ),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Whoever waits for an answer, or would ask for one, is refused from now on."""
        self._is_closed = True
        self._http.close()

    def add(self, body: Mapping[str, Any], *, retry_key: str) -> str:
        """The event's id; the same one when it is asked again with the same key."""
        headers = {"Idempotency-Key": retry_key}
        return str(self._ask("POST", "/v3/memories/add/", body, headers)["event_id"])

    def ended(self, event_id: str, *, within_s: float) -> dict[str, Any]:
        """The event once it has succeeded; raises PlatformRefused if it does not."""
        deadline, pause_s = time.monotonic() + within_s, POLL_S
        while (event := self._ask("GET", f"/v1/event/{event_id}/"))[
            "status"
        ] not in ENDED:
            if time.monotonic() > deadline:
                raise PlatformRefused(f"Event {event_id} has not ended in time.")
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, POLL_SELDOM_S)
        if event["status"] == "FAILED":
            raise PlatformRefused(f"Event {event_id} failed: {event['error']}")
        return dict(event)

    def project(self) -> str:
        """The id of the project that the key belongs to."""
        return str(self._ask("GET", "/v1/ping/").get("project_id", ""))

    def unfinished(self) -> int:
        """How many operations of the project wait or run, of any kind."""
        pages = (
            self._ask("GET", f"/v1/events/?status={status}&page_size=1")
            for status in UNFINISHED
        )
        return sum(int(page["count"]) for page in pages)

    def search(self, body: Mapping[str, Any]) -> Answer:
        began = time.perf_counter()
        results = self._ask("POST", "/v3/memories/search/", body)["results"]
        latency_ms = (time.perf_counter() - began) * 1000
        return Answer(tuple(map(_found, results)), latency_ms)

    def context(self, body: Mapping[str, Any]) -> tuple[str, int, float]:
        """The block for a prompt, its tokens, and how long it took in milliseconds."""
        began = time.perf_counter()
        answer = self._ask("POST", "/v1/context/", body)
        latency_ms = (time.perf_counter() - began) * 1000
        return answer["context"], answer["tokens"], latency_ms

    def confidence(self, body: Mapping[str, Any]) -> float:
        """How likely it is, 0..1, that the answer to a question is known."""
        return float(self._ask("POST", "/v1/context/", body)["confidence"])

    def evidence(self, body: Mapping[str, Any]) -> dict[str, float]:
        """What speaks for an answer to a question, by signal."""
        return dict(self._ask("POST", "/v1/context/", body)["evidence"])

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        if self._is_closed:
            raise PlatformRefused("The client was closed.")
        try:
            answer = self._http.request(method, path, json=body, headers=headers)
        except httpx2.HTTPError as exc:
            raise PlatformRefused(f"{method} {path}: {exc}") from exc
        if answer.status_code >= 400:
            said = answer.text[:500]
            raise PlatformRefused(f"{method} {path}: {answer.status_code} {said}")
        try:
            return answer.json()
        except ValueError as exc:
            raise PlatformRefused(f"{method} {path}: what came is no JSON.") from exc


def _found(result: Mapping[str, Any]) -> Found:
    return Found(
        id=result["id"],
        text=result["memory"],
        score=result["score"],
        created_at=result["created_at"],
    )
