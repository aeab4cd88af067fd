"""Fetches what messages only name, and reads the text of documents.

An address comes from whoever may add a memory: it is reached on the internet only, as
the endpoints of projects are (``addresses``), each redirect anew; slowly, or at
whatever length, is not an option. What went wrong is said without the address, which
may hold a secret.
"""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpcore2
import httpx2
from django.conf import settings

from memories.providers import media
from memories.providers.addresses import ChoosyBackend, is_public, resolve
from memories.providers.retry import Deadline
from memplatform.lib.errors import DocumentUnavailable, DocumentUnreadable
from tenants.scopes import forbid_open_scope

MAX_REDIRECTS = 3
CONNECT_TIMEOUT_S = 5.0
PDF_MEMORY_BYTES = 1024**3
PDF_READERS = 2
"""How many files a process reads at once: each may take all of its memory."""
_WEB_PAGE = ("text/html", "application/xhtml+xml")
_PDF_READER = Path(__file__).with_name("pdf_reader.py")
_reading = threading.Semaphore(PDF_READERS)
# Windows starts no Python without this one.
_WITHOUT_SECRETS = {k: v for k, v in os.environ.items() if k == "SYSTEMROOT"}


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes, and what they are."""

    data: bytes
    media_type: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def fetch(url: str, kind: str) -> Document:
    """What an address holds, within the limits of size and time.

    Raises DocumentUnavailable when it may be there later, DocumentUnreadable when it
    is not what it was said to be or not to be had; ScopeError inside a transaction.
    """
    forbid_open_scope()
    try:
        with _client(Deadline(settings.DOCUMENT_TIMEOUT_S)) as client:
            return identify(kind, _download(client, url, kind))
    except httpx2.TimeoutException as exc:
        raise DocumentUnavailable("was not served in time.") from exc
    except httpx2.InvalidURL as exc:
        raise DocumentUnreadable("is at no address that can be asked.") from exc
    except httpx2.HTTPError as exc:
        raise DocumentUnavailable(f"was not served ({type(exc).__name__}).") from exc


def identify(kind: str, data: bytes) -> Document:
    """Raises DocumentUnreadable when the bytes are not of the kind."""
    try:
        return Document(data, media.media_type_of(kind, data))
    except ValueError as exc:
        raise DocumentUnreadable(str(exc)) from exc


def read_pages(document: Document) -> list[str]:
    """The text of a document: of each page of a PDF, else one.

    Raises DocumentUnreadable when there is none, or too much; DocumentUnavailable when
    too many others are being read. Not for images.
    """
    if document.media_type == "application/pdf":
        pages = _pdf_pages(document.data)
    else:
        pages = [media.decode_text(document.data)]
    if sum(map(len, pages)) > settings.MAX_DOCUMENT_CHARS:
        most = settings.MAX_DOCUMENT_CHARS
        raise DocumentUnreadable(f"holds over {most} characters of text.")
    if not any(page.strip() for page in pages):
        raise DocumentUnreadable("holds no text.")
    return pages


# --- fetching -------------------------------------------------------------------------


def _download(client: httpx2.Client, url: str, kind: str) -> bytes:
    """The body behind at most MAX_REDIRECTS; those of redirects are not read."""
    request = client.build_request("GET", url)
    for _ in range(1 + MAX_REDIRECTS):
        response = client.send(request, stream=True)
        try:
            if response.next_request is None:
                _require_served(response, kind)
                return _body(response)
            request = response.next_request
        finally:
            response.close()
    raise DocumentUnreadable("redirects too often.")


def _require_served(response: httpx2.Response, kind: str) -> None:
    status = response.status_code
    if status in (408, 425, 429) or status >= 500:
        raise DocumentUnavailable(f"was answered with HTTP {status}.")
    if status != 200:
        raise DocumentUnreadable(f"was answered with HTTP {status}.")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise DocumentUnreadable("is only served packed.")
    declared = response.headers.get("content-type", "").partition(";")[0].lower()
    if declared.strip() in _WEB_PAGE and kind != media.IMAGE:
        raise DocumentUnreadable("is a web page, not a document.")


def _body(response: httpx2.Response) -> bytes:
    data = bytearray()
    for part in response.iter_raw():
        data += part
        if len(data) > settings.MAX_DOCUMENT_BYTES:
            most = settings.MAX_DOCUMENT_BYTES
            raise DocumentUnreadable(f"has over {most} bytes.")
    return bytes(data)


def _client(deadline: Deadline) -> httpx2.Client:
    """One for each document: nothing is shared between those of different tenants."""
    return httpx2.Client(
        transport=_Transport(deadline),
        trust_env=False,
        # What is packed may unpack to anything.
        headers={"accept-encoding": "identity", "user-agent": "memplatform"},
    )


class _Transport(httpx2.HTTPTransport):
    """Asks no proxy, and ends by a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(),
            max_connections=1,
            network_backend=_Backend(deadline),
        )


class _Backend(ChoosyBackend):
    """Connects to addresses on the internet only; its streams end by a deadline."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__(_addresses_of)
        self._deadline = deadline

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        kwargs["timeout"] = min(CONNECT_TIMEOUT_S, self._deadline.remaining_s())
        stream = super().connect_tcp(host, port, *args[1:], **kwargs)
        return _Stream(stream, self._deadline)


class _Stream(httpcore2.NetworkStream):
    """A timeout starts anew with every byte; the deadline of all of it does not."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left_s())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left_s = self._left_s()
        inner = self._stream.start_tls(ssl_context, server_hostname, left_s)
        return _Stream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _left_s(self) -> float:
        if self._deadline.is_over():
            raise httpcore2.ReadTimeout("The document was not served in time.")
        return self._deadline.remaining_s()


def _addresses_of(host: str, port: int) -> list[str]:
    """The addresses of a host on the internet, or of any where that is allowed."""
    try:
        addresses = resolve(host, port)
    except (OSError, UnicodeError) as exc:
        raise DocumentUnavailable("has a host without an address.") from exc
    if not settings.ALLOW_PRIVATE_DOCUMENTS and not all(map(is_public, addresses)):
        raise DocumentUnreadable("is not at an address on the internet.")
    return addresses


# --- PDF ------------------------------------------------------------------------------


def _pdf_pages(data: bytes) -> list[str]:
    seconds = settings.DOCUMENT_TIMEOUT_S
    limits = [
        settings.MAX_DOCUMENT_PAGES,
        settings.MAX_DOCUMENT_CHARS,
        PDF_MEMORY_BYTES,
        int(seconds) + 1,
    ]
    command = [sys.executable, "-I", str(_PDF_READER), *map(str, limits)]
    try:
        with _turn():
            done = subprocess.run(
                command,
                input=data,
                stdout=subprocess.PIPE,
                # A warning for each mistake of a file can be longer than the file.
                stderr=subprocess.DEVNULL,
                timeout=seconds,
                check=True,
                env=_WITHOUT_SECRETS,
            )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired as exc:
        raise DocumentUnreadable(f"takes over {seconds:g} s to read.") from exc
    except (subprocess.CalledProcessError, ValueError) as exc:
        raise DocumentUnreadable("takes more memory or time than it may.") from exc
    if "problem" in answer:
        raise DocumentUnreadable(answer["problem"])
    return list(answer["pages"])


@contextmanager
def _turn() -> Iterator[None]:
    """One of PDF_READERS. Raises DocumentUnavailable before a lease is over: another
    worker would read the same file, and wait for the same readers.
    """
    if not _reading.acquire(timeout=settings.LEASE_S / 2):
        raise DocumentUnavailable("waited for its turn to be read for too long.")
    try:
        yield
    finally:
        _reading.release()
