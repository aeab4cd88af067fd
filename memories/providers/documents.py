"""Fetches what messages only name, and reads the text of documents.

An address comes from whoever may add a memory: it is reached on the internet only, as
the endpoints of projects are (``addresses``), each redirect anew; slowly, or at
whatever length, is not an option. What went wrong is said without the address, which
may hold a secret.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from django.conf import settings

from memories.providers import media
from memories.providers.addresses import PublicTransport
from memories.providers.retry import Deadline
from memplatform.lib.errors import (
    DocumentUnavailable,
    DocumentUnreadable,
    ProviderError,
    ProviderRejected,
)
from tenants.scopes import forbid_open_scope

MAX_REDIRECTS = 3
CONNECT_TIMEOUT_S = 5.0
PDF_MEMORY_BYTES = 1024**3
PDF_READERS = 2
"""How many files a process reads at once: each may take all of its memory."""
_WEB_PAGE = ("text/html", "application/xhtml+xml")
_PDF_READER = Path(__file__).with_name("pdf_reader.py")
_reading = threading.Semaphore(PDF_READERS)


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
    deadline = Deadline(settings.DOCUMENT_TIMEOUT_S)
    try:
        with _client() as client, client.stream("GET", url) as response:
            _require_served(response, kind)
            return identify(kind, _body(response, deadline))
    except httpx2.TimeoutException as exc:
        raise DocumentUnavailable("was not served in time.") from exc
    except httpx2.TooManyRedirects as exc:
        raise DocumentUnreadable("redirects too often.") from exc
    except httpx2.InvalidURL as exc:
        raise DocumentUnreadable("is at no address that can be asked.") from exc
    except httpx2.HTTPError as exc:
        raise DocumentUnavailable(f"was not served ({type(exc).__name__}).") from exc
    except ProviderRejected as exc:
        raise DocumentUnreadable("is not at an address on the internet.") from exc
    except ProviderError as exc:
        if isinstance(exc, DocumentUnavailable | DocumentUnreadable):
            raise
        raise DocumentUnavailable("has no address.") from exc


def identify(kind: str, data: bytes) -> Document:
    """Raises DocumentUnreadable when the bytes are not of the kind."""
    try:
        return Document(data, media.media_type_of(kind, data))
    except ValueError as exc:
        raise DocumentUnreadable(str(exc)) from exc


def read_pages(document: Document) -> list[str]:
    """The text of a document: of each page of a PDF, else one.

    Raises DocumentUnreadable when there is none, or too much. Not for images.
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


@contextmanager
def _client() -> Iterator[httpx2.Client]:
    """One for each address: nothing is shared between those of different tenants."""
    limits = httpx2.Limits(max_connections=1)
    transport = (
        httpx2.HTTPTransport(limits=limits)
        if settings.ALLOW_PRIVATE_DOCUMENTS
        else PublicTransport(limits)
    )
    seconds = settings.DOCUMENT_TIMEOUT_S
    with httpx2.Client(
        transport=transport,
        timeout=httpx2.Timeout(seconds, connect=min(seconds, CONNECT_TIMEOUT_S)),
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
        trust_env=False,
        # What is packed may unpack to anything.
        headers={"accept-encoding": "identity", "user-agent": "memplatform"},
    ) as client:
        yield client


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


def _body(response: httpx2.Response, deadline: Deadline) -> bytes:
    """A read timeout starts anew with every byte; the deadline does not."""
    data = bytearray()
    for part in response.iter_raw():
        data += part
        if len(data) > settings.MAX_DOCUMENT_BYTES:
            most = settings.MAX_DOCUMENT_BYTES
            raise DocumentUnreadable(f"has over {most} bytes.")
        if deadline.is_over():
            raise DocumentUnavailable("was not served in time.")
    return bytes(data)


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
        with _reading:
            done = subprocess.run(
                command, input=data, capture_output=True, timeout=seconds, check=True
            )
        answer = json.loads(done.stdout)
    except subprocess.TimeoutExpired as exc:
        raise DocumentUnreadable(f"takes over {seconds:g} s to read.") from exc
    except (subprocess.CalledProcessError, ValueError) as exc:
        raise DocumentUnreadable("takes more memory or time than it may.") from exc
    if "problem" in answer:
        raise DocumentUnreadable(answer["problem"])
    return list(answer["pages"])
