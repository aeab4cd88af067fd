"""Reads the text of a PDF in a process of its own, which may not grow or last.

    python -I pdf_reader.py MAX_PAGES MAX_CHARS MEMORY_BYTES CPU_S < file > answer.json

A PDF is a program that somebody else wrote: it can ask for any amount of memory and
time. The answer is ``{"pages": [text, …]}`` or ``{"problem": "is no …"}``, the rest of
a sentence. It imports nothing of the platform, so that it starts quickly.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

try:
    import resource
except ImportError:  # Windows: the time limit of the caller remains
    resource = None  # type: ignore[assignment]


def main() -> None:
    max_pages, max_chars, memory_bytes, cpu_s = (int(word) for word in sys.argv[1:5])
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    try:
        answer: dict[str, Any] = {
            "pages": list(_pages(sys.stdin.buffer.read(), max_pages, max_chars))
        }
    except Unreadable as exc:
        answer = {"problem": str(exc)}
    except Exception as exc:  # noqa: BLE001 - a broken file breaks a reader in any way
        answer = {"problem": f"cannot be read as a PDF ({type(exc).__name__})."}
    sys.stdout.write(json.dumps(answer))


class Unreadable(Exception):
    """Its message is the rest of a sentence that begins with the message's place."""


def _pages(data: bytes, max_pages: int, max_chars: int) -> Iterator[str]:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("is a PDF with a password.")
    if len(reader.pages) > max_pages:
        raise Unreadable(
            f"has {len(reader.pages)} pages; {max_pages} are read at most."
        )
    left = max_chars
    for page in reader.pages:
        text = _reflowed(page.extract_text())
        left -= len(text)
        if left < 0:
            raise Unreadable(f"holds over {max_chars} characters of text.")
        yield text


def _reflowed(text: str) -> str:
    """Lines of one paragraph as one line: a sentence goes on where a line ends."""
    text = text.replace("\0", "").encode(errors="replace").decode()
    text = re.sub(r"(?<=\w)-\n(?=[a-z])", "", text)
    return re.sub(r"(?<![.!?:\n])\n(?=[a-z(])", " ", text).strip()


if __name__ == "__main__":
    main()
