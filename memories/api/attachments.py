"""Parts of a message that are not text: images and documents, named or brought.

All that can be said about one without fetching it is said here.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from django.conf import settings

from memories.api import reading
from memories.api.reading import Problem
from memories.providers import media
from memories.types import Attached

MAX_URL_CHARS = 2048
_NO_SOURCE = "needs a url: an http(s) address, a data URI or base64."


def parse_attached(part: dict[str, Any], index: int | None) -> Attached:
    """From ``{"type": T, T: {"url": …}}``; ``index`` is its place among the parts."""
    kind = part["type"]
    source = part.get(kind)
    url = source.get("url") if isinstance(source, dict) else None
    if not isinstance(url, str) or not url.strip():
        raise Problem(_NO_SOURCE)
    if url.startswith(("http://", "https://")):
        return Attached(kind, index, url=_address(url))
    data = _from_data_uri(url) if url.startswith("data:") else _from_base64(url)
    return Attached(kind, index, data=data, media_type=_identified(kind, data))


def _address(url: str) -> str:
    reading.text_up_to(MAX_URL_CHARS)(url)
    try:
        parts = urlsplit(url)
        is_fit = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_fit = False
    if not is_fit or not url.isprintable() or " " in url:
        raise Problem("has a url that is no http(s) address.")
    if parts.username is not None or parts.password is not None:
        raise Problem("has a url with a name and password, which would be stored.")
    return url


def _from_data_uri(url: str) -> bytes:
    head, comma, body = url.removeprefix("data:").partition(",")
    if not comma:
        raise Problem("has a data URI without data.")
    return _from_base64(body) if head.endswith(";base64") else unquote_to_bytes(body)


def _from_base64(text: str) -> bytes:
    """Either alphabet, with or without padding and line breaks."""
    plain = "".join(text.split()).rstrip("=")
    if len(plain) * 3 // 4 > settings.MAX_DOCUMENT_BYTES:
        raise Problem(f"may have {settings.MAX_DOCUMENT_BYTES} bytes at most.")
    try:
        padded = plain.translate(_URL_SAFE) + "=" * (-len(plain) % 4)
        return base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise Problem(_NO_SOURCE) from exc


_URL_SAFE = str.maketrans("-_", "+/")


def _identified(kind: str, data: bytes) -> str:
    try:
        return media.media_type_of(kind, data)
    except ValueError as exc:
        raise Problem(str(exc)) from exc
