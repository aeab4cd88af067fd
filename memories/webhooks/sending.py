"""Send one delivery: one POST, to an address that was judged, within one deadline.

No redirect is followed and no proxy asked: either could lead where the address may not.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpcore2
import httpx2

from memories.providers.addresses import ChoosyBackend, PublicTransport
from memories.webhooks.addresses import AddressRefused, Allowed

AGENT = "Memplatform-Webhooks/1"
KEPT_BYTES = 4096
"""Of a response: what it said when it failed, not what it serves."""
_ONE = httpx2.Limits(max_connections=1, max_keepalive_connections=0)


@dataclass(frozen=True, slots=True)
class Response:
    """What came of one attempt; no status: nothing was answered, ``error`` says why."""

    status: int | None
    body: str = ""
    error: str = ""
    retry_after_s: float | None = None
    duration_ms: float = 0.0

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """The receiver wants no more (Standard Webhooks, "Delivery")."""
        return self.status == 410


def post(
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    allowed: Allowed,
    timeout_s: float,
) -> Response:
    """Send it; never raises for what the receiver or the network does."""
    began = time.monotonic()
    status, text, error, retry_after_s = None, "", "", None
    try:
        with (
            _client(allowed, began + timeout_s) as client,
            client.stream("POST", url, content=body, headers=headers) as response,
        ):
            status = response.status_code
            retry_after_s = _seconds(response.headers.get("retry-after", ""))
            text = _beginning(response)
    except AddressRefused as exc:
        error = str(exc)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as exc:
        error = _why(exc) if status is None else ""
    if status is not None and not 200 <= status < 300:
        error = f"HTTP {status}"
    spent_ms = (time.monotonic() - began) * 1000
    return Response(status, text, error, retry_after_s, spent_ms)


def request_headers(signed: dict[str, str]) -> dict[str, str]:
    """All that we say of a delivery beside its body."""
    return {
        "content-type": "application/json",
        "user-agent": AGENT,
        "accept-encoding": "identity",
        **signed,
    }


def _client(allowed: Allowed, deadline: float) -> httpx2.Client:
    left_s = max(deadline - time.monotonic(), 0.001)
    transport = PublicTransport(_ONE, _PunctualBackend(allowed, deadline))
    return httpx2.Client(
        transport=transport, timeout=left_s, follow_redirects=False, trust_env=False
    )


def _beginning(response: httpx2.Response) -> str:
    """As much of the body as is kept; the rest is not waited for."""
    kept = b""
    for chunk in response.iter_raw():
        kept += chunk
        if len(kept) >= KEPT_BYTES:
            break
    return kept[:KEPT_BYTES].decode(errors="replace").replace("\0", "")


def _seconds(retry_after: str) -> float | None:
    is_number = retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 7
    return float(retry_after) if is_number else None


def _why(exc: Exception) -> str:
    """A failure in our words: a library's may quote what was sent."""
    if isinstance(exc, httpx2.TimeoutException):
        return "no answer in time"
    if isinstance(exc.__context__, ssl.SSLCertVerificationError) or "CERTIFICATE" in (
        str(exc)
    ):
        return "its certificate is not good"
    if isinstance(exc, httpx2.ConnectError):
        return "cannot be connected to"
    if isinstance(exc, OSError | UnicodeError) and not isinstance(exc, ssl.SSLError):
        return "its host has no address"
    return f"no HTTP answer ({type(exc).__name__})"


class _PunctualBackend(ChoosyBackend):
    """A backend whose streams end at a deadline, however a receiver drips."""

    def __init__(self, allowed: Allowed, deadline: float) -> None:
        super().__init__(allowed.addresses_of)
        self._deadline = deadline

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        stream = super().connect_tcp(host, port, *args, **kwargs)
        return _PunctualStream(stream, self._deadline)


class _PunctualStream(httpcore2.NetworkStream):
    """Waits for each read and write no longer than the deadline leaves."""

    PIECE = 16_384

    def __init__(self, stream: httpcore2.NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left_s(httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for piece in _pieces(buffer, self.PIECE):
            self._stream.write(piece, self._left_s(httpcore2.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left_s = self._left_s(httpcore2.ConnectTimeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, left_s)
        return _PunctualStream(stream, self._deadline)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _left_s(self, late: type[Exception]) -> float:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise late
        return left_s


def _pieces(buffer: bytes, size: int) -> Iterable[bytes]:
    return (buffer[start : start + size] for start in range(0, len(buffer), size))
