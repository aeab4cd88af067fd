"""What bytes are: an image, a PDF, or text. They are believed, not their label.

Nothing is decoded here: an image goes to the model as it came.
"""

from __future__ import annotations

IMAGE, PDF, MARKDOWN, TEXT = KINDS = ("image_url", "pdf_url", "mdx_url", "txt_url")
"""What a part of a message may be, as the wire calls it."""

_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_PDF_STARTS_WITHIN = 1024
"""Readers tolerate that much before the signature (ISO 32000, annex H)."""


def media_type_of(kind: str, data: bytes) -> str:
    """The media type of bytes that are of ``kind``.

    Raises ValueError with the rest of a sentence that says what they are not.
    """
    if kind == IMAGE:
        return _image_type(data)
    if kind == PDF:
        if b"%PDF-" not in data[:_PDF_STARTS_WITHIN]:
            raise ValueError("is no PDF.")
        return "application/pdf"
    decode_text(data)
    return "text/markdown" if kind == MARKDOWN else "text/plain"


def decode_text(data: bytes) -> str:
    """UTF-8, with or without its mark. Raises ValueError as media_type_of."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise ValueError("is no text in UTF-8.") from exc
    if "\0" in text:
        raise ValueError("is no text: it holds NUL characters.")
    return text


def _image_type(data: bytes) -> str:
    for signature, media_type in _IMAGES:
        if data.startswith(signature):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise ValueError("is no PNG, JPEG, GIF or WebP image.")
