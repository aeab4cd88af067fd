"""The load process: clients with persistent connections, each in a thread of its own.

    python -m bench.load  < a job as JSON  > one line of JSON: the samples

A process apart, so that making the load costs the measured processes no lock. A job is
``{"url", "key", "clients": [[{"method", "path", "body"}, …], …], "seconds"?,
"cookie"?}``: every client walks through its own requests, again and again while
``seconds`` last, else once. With a ``cookie`` it is a browser that is signed in.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 120


@dataclass
class Samples:
    """What the clients saw, and the CPU seconds that making the load took."""

    latencies_ms: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu_s: float = 0.0
    errors: dict[str, int] = field(default_factory=dict)

    def note_error(self, problem: str) -> None:
        self.errors[problem] = self.errors.get(problem, 0) + 1

    @property
    def per_second(self) -> float:
        return len(self.latencies_ms) / self.seconds if self.seconds else 0.0

    def percentile_ms(self, percent: float) -> float:
        """By nearest rank."""
        ordered = sorted(self.latencies_ms)
        if not ordered:
            return float("nan")
        rank = min(len(ordered) - 1, int(len(ordered) * percent / 100))
        return ordered[rank]


def run_load(
    url: str,
    key: str,
    clients: Sequence[Sequence[Mapping[str, Any]]],
    *,
    seconds: float | None = None,
    cookie: str = "",
) -> Samples:
    """Run a job in a process of its own, to its end."""
    job = {"url": url, "key": key, "clients": clients, "seconds": seconds}
    job["cookie"] = cookie
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(job),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Samples(**json.loads(done.stdout))


def call_json(
    url: str, method: str, path: str, body: object = None, *, key: str = ""
) -> Any:
    """One request on a connection of its own; raises OSError for a refusal."""
    client = _Client(url, key)
    try:
        status, raw = client.send(method, path, _encode(body))
    finally:
        client.close()
    if status >= 400:
        raise OSError(f"{method} {path}: {status} {raw[:500]!r}")
    return json.loads(raw)


def ask_once(url: str, path: str, cookie: str) -> int:
    """How a page answers; what it shows is read, and thrown away."""
    client = _Client(url, "", cookie)
    try:
        return client.send("GET", path, None)[0]
    finally:
        client.close()


class _Client:
    """One keep-alive connection."""

    def __init__(self, url: str, key: str, cookie: str = "") -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=TIMEOUT_S
        )
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["Authorization"] = f"Token {key}"
        if cookie:
            self._headers["Cookie"] = cookie

    def send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        return response.status, response.read()

    def close(self) -> None:
        self._connection.close()


def _encode(body: object) -> bytes | None:
    return None if body is None else json.dumps(body).encode()


def _walk(job: Mapping[str, Any], number: int, samples: Samples, start: Any) -> None:
    """One client's requests, one after the other."""
    steps = [
        (step["method"], step["path"], _encode(step.get("body")))
        for step in job["clients"][number]
    ]
    client = _Client(job["url"], job["key"], job.get("cookie", ""))
    start.wait()
    until = time.monotonic() + job["seconds"] if job["seconds"] else None
    while True:
        for step in steps:
            _send(client, step, samples)
            if until is not None and time.monotonic() > until:
                return
        if until is None:
            return


def _send(client: _Client, step: tuple[str, str, Any], samples: Samples) -> None:
    """One request; what fails is counted apart and never as fast."""
    began = time.perf_counter()
    try:
        status, raw = client.send(*step)
    except (OSError, http.client.HTTPException) as exc:
        client.close()  # the next request connects anew
        samples.note_error(type(exc).__name__)
        return
    if status >= 400:
        samples.note_error(f"{status} {raw[:200]!r}")
    else:
        samples.latencies_ms.append((time.perf_counter() - began) * 1000)


def _run(job: Mapping[str, Any]) -> Samples:
    samples = Samples()
    start = threading.Barrier(len(job["clients"]) + 1)
    threads = [
        threading.Thread(target=_walk, args=(job, number, samples, start))
        for number in range(len(job["clients"]))
    ]
    for thread in threads:
        thread.start()
    start.wait()
    began, cpu_began = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.join()
    samples.seconds = time.perf_counter() - began
    samples.cpu_s = time.process_time() - cpu_began
    return samples


def main() -> None:
    samples = _run(json.load(sys.stdin))
    json.dump(vars(samples), sys.stdout)


if __name__ == "__main__":
    main()
