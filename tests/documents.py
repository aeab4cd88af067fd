"""Documents and pictures for tests, and a little HTTP server that has them.

    with DocumentServer() as server:
        url = server.put("/cv.pdf", pdf("I keep bees."), "application/pdf")

A picture is a signature and the words that the stand-in model will see in it.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


def picture(shows: str) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + shows.encode()


def pdf(*pages: str) -> bytes:
    """A PDF with one page for each text; a line for each line."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for number, text in enumerate(pages):
        stream = _drawn(text.splitlines())
        page = (
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]"
            f"/Resources<</Font<</F1 3 0 R>>>>/Contents {5 + 2 * number} 0 R>>"
        )
        objects.append(page.encode())
        head = f"<</Length {len(stream)}>>stream\n".encode()
        objects.append(head + stream + b"\nendstream")
    return _assembled(objects)


def _drawn(lines: Sequence[str]) -> bytes:
    shown = [f"({line}) Tj T*" for line in lines]
    return " ".join(["BT /F1 12 Tf 14 TL 50 700 Td", *shown, "ET"]).encode("latin-1")


def _assembled(objects: Sequence[bytes]) -> bytes:
    file, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(file))
        file += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    ending = f"xref\n0 {size}\n0000000000 65535 f \n{table}"
    ending += f"trailer<</Root 1 0 R/Size {size}>>\nstartxref\n{len(file)}\n%%EOF"
    return file + ending.encode()


def data_uri(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


@dataclass
class Page:
    """What is served at one path; a body that drips comes a byte at a time."""

    body: bytes = b""
    media_type: str = "text/plain"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    is_dripping: bool = False


class DocumentServer:
    """On loopback, in threads of its own; ``asked`` are the paths in order."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def put(self, path: str, body: bytes = b"", media_type: str = "text/plain", **more):
        """Serve it; returns its address."""
        self.pages[path] = Page(body, media_type, **more)
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                page = server.pages.get(self.path, Page(status=404))
                self.send_response(page.status)
                self.send_header("content-type", page.media_type)
                self.send_header("content-length", str(len(page.body)))
                for name, value in page.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                _write(self, page)

            def log_message(self, *_: object) -> None:
                """Nothing: the test says what went wrong."""

        return Handler


def _write(handler: BaseHTTPRequestHandler, page: Page) -> None:
    pieces = [page.body]
    if page.is_dripping:
        pieces = [page.body[at : at + 1] for at in range(len(page.body))]
    try:
        for piece in pieces:
            handler.wfile.write(piece)
            handler.wfile.flush()
            if page.is_dripping:
                time.sleep(0.02)
    except OSError:  # the reader had enough
        return
