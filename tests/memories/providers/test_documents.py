"""Fetching what messages name and reading documents, within limits, told in words."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
import zlib
from contextlib import ExitStack, contextmanager, suppress

import pytest

from memories.providers import documents as documents_module
from memories.providers.documents import fetch, identify, read_pages
from memories.providers.media import decode_text, media_type_of
from memplatform.lib.errors import DocumentUnavailable, DocumentUnreadable, ScopeError
from tenants.scopes import tenant_scope
from tests.documents import DocumentServer, pdf, picture

PLAIN = ("txt_url", "pdf_url", "mdx_url", "image_url")


@pytest.fixture
def documents(settings):
    """A server on loopback, which this test allows."""
    settings.ALLOW_PRIVATE_DOCUMENTS = True
    with DocumentServer() as server:
        yield server


# --- what bytes are ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "data", "media_type"),
    [
        ("image_url", picture("x"), "image/png"),
        ("image_url", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("image_url", b"GIF89a...", "image/gif"),
        ("image_url", b"RIFF0000WEBPVP8 ", "image/webp"),
        ("pdf_url", pdf("x"), "application/pdf"),
        ("pdf_url", b"\n\n" + pdf("x"), "application/pdf"),
        ("txt_url", "naïve".encode(), "text/plain"),
        ("mdx_url", b"# Title", "text/markdown"),
    ],
)
def test_bytes_are_told_by_themselves(kind, data, media_type):
    assert media_type_of(kind, data) == media_type


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("image_url", pdf("x")),
        ("image_url", b"<svg onload=alert(1)>"),
        ("image_url", b""),
        ("pdf_url", picture("x")),
        ("txt_url", b"\xff\xfe\x00"),
        ("txt_url", b"nul\0"),
    ],
)
def test_bytes_that_are_something_else_are_refused(kind, data):
    with pytest.raises(DocumentUnreadable, match="is no"):
        identify(kind, data)


def test_a_mark_at_the_beginning_is_no_text():
    assert decode_text(b"\xef\xbb\xbfbees") == "bees"


# --- fetching ------------------------------------------------------------------------


def test_it_fetches_and_says_what_it_is(documents):
    url = documents.put("/a.pdf", pdf("I keep bees."), "application/octet-stream")
    found = fetch(url, "pdf_url")
    assert found.media_type == "application/pdf"
    assert len(found.sha256) == 64


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1"])
def test_what_is_not_on_the_internet_is_not_asked(settings, host):
    settings.ALLOW_PRIVATE_DOCUMENTS = False
    with DocumentServer() as server:
        address = server.put("/a.txt", b"secret").replace("127.0.0.1", host)
        with pytest.raises(DocumentUnreadable, match="on the internet"):
            fetch(address, "txt_url")
        assert server.asked == []


def test_each_redirect_is_asked_where_it_leads(documents):
    target = documents.put("/b.txt", b"bees")
    hop = documents.put("/a.txt", status=302, headers={"location": target})
    assert fetch(hop, "txt_url").data == b"bees"


def test_redirects_have_an_end(documents):
    here = documents.put("/a.txt")
    documents.put("/a.txt", status=302, headers={"location": here})
    with pytest.raises(DocumentUnreadable, match="redirects too often"):
        fetch(here, "txt_url")
    assert len(documents.asked) == 4


def test_a_redirect_to_another_scheme_is_not_followed(documents):
    hop = documents.put(
        "/a.txt", status=302, headers={"location": "file:///etc/passwd"}
    )
    with pytest.raises((DocumentUnreadable, DocumentUnavailable)):
        fetch(hop, "txt_url")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, DocumentUnreadable),
        (403, DocumentUnreadable),
        (204, DocumentUnreadable),
        (429, DocumentUnavailable),
        (503, DocumentUnavailable),
    ],
)
def test_another_answer_is_told(documents, status, error):
    url = documents.put("/a.txt", status=status)
    with pytest.raises(error, match=f"HTTP {status}"):
        fetch(url, "txt_url")


def test_nobody_there_may_be_there_later(settings):
    settings.ALLOW_PRIVATE_DOCUMENTS = True
    with pytest.raises(DocumentUnavailable):
        fetch("http://127.0.0.1:9/a.txt", "txt_url")


def test_it_reads_no_more_than_it_may(documents, settings):
    settings.MAX_DOCUMENT_BYTES = 2000
    url = documents.put("/a.txt", b"x" * 2001)
    with pytest.raises(DocumentUnreadable, match="over 2000 bytes"):
        fetch(url, "txt_url")


def test_a_server_that_drips_does_not_hold_a_worker(documents, settings):
    settings.DOCUMENT_TIMEOUT_S = 0.3
    url = documents.put("/a.txt", b"x" * 1000, is_dripping=True)
    with pytest.raises(DocumentUnavailable, match="in time"):
        fetch(url, "txt_url")


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\nx: "])
def test_a_head_that_drips_does_not_either(settings, beginning):
    settings.ALLOW_PRIVATE_DOCUMENTS, settings.DOCUMENT_TIMEOUT_S = True, 0.3
    with dripping(beginning) as url, pytest.raises(DocumentUnavailable, match="time"):
        fetch(url, "txt_url")


@contextmanager
def dripping(beginning: bytes):
    """A server that begins an answer and goes on with a byte now and then."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listener.accept()
        with client, suppress(OSError):
            client.sendall(beginning)
            while True:
                client.sendall(b"H")
                time.sleep(0.02)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/a.txt"
    thread.join(10)
    listener.close()


def test_the_body_of_a_redirect_is_not_read(documents, settings):
    settings.MAX_DOCUMENT_BYTES = 2000
    target = documents.put("/b.txt", b"bees")
    bomb = zlib.compress(b"\0" * 10_000_000)
    packed = {"location": target, "content-encoding": "deflate"}
    hop = documents.put("/a.txt", bomb, status=302, headers=packed)
    assert fetch(hop, "txt_url").data == b"bees"


def test_packed_bytes_are_not_unpacked(documents):
    bomb = zlib.compress(b"\0" * 1_000_000)
    url = documents.put("/a.txt", bomb, headers={"content-encoding": "deflate"})
    with pytest.raises(DocumentUnreadable, match="packed"):
        fetch(url, "txt_url")


def test_a_web_page_is_no_document(documents):
    url = documents.put("/a.txt", b"<html>Sign in</html>", "text/html; charset=utf-8")
    with pytest.raises(DocumentUnreadable, match="web page"):
        fetch(url, "txt_url")


def test_the_address_is_not_told(documents):
    url = documents.put("/a.txt?signature=s3cret", status=403)
    with pytest.raises(DocumentUnreadable) as raised:
        fetch(url, "txt_url")
    assert "s3cret" not in raised.value.message


def test_no_transaction_is_open_meanwhile(acme, documents):
    with tenant_scope(acme.id), pytest.raises(ScopeError):
        fetch(documents.put("/a.txt", b"bees"), "txt_url")


# --- reading -------------------------------------------------------------------------


def read(*pages: str) -> list[str]:
    return read_pages(identify("pdf_url", pdf(*pages)))


def test_a_pdf_has_a_text_for_each_page():
    assert read("I keep bees.", "I live in Oslo.") == [
        "I keep bees.",
        "I live in Oslo.",
    ]


def test_a_sentence_goes_on_where_a_line_ends():
    assert read(
        "I keep bees behind\nthe barn at the riv-\nerside.\nI live in Oslo."
    ) == ["I keep bees behind the barn at the riverside.\nI live in Oslo."]


def test_a_text_is_one_page():
    assert read_pages(identify("mdx_url", b"# Ann\nI keep bees.")) == [
        "# Ann\nI keep bees."
    ]


@pytest.mark.parametrize(
    ("limit", "most", "sentence"),
    [
        ("MAX_DOCUMENT_PAGES", 2, "has 3 pages; 2 are read"),
        ("MAX_DOCUMENT_CHARS", 20, "over 20 characters"),
    ],
)
def test_a_long_pdf_is_refused_not_cut(settings, limit, most, sentence):
    setattr(settings, limit, most)
    with pytest.raises(DocumentUnreadable, match=sentence):
        read("I keep bees.", "I keep bees.", "I keep bees.")


def test_a_long_text_is_refused_not_cut(settings):
    settings.MAX_DOCUMENT_CHARS = 20
    with pytest.raises(DocumentUnreadable, match="over 20 characters"):
        read_pages(identify("txt_url", b"x" * 21))


def test_a_scan_holds_no_text():
    with pytest.raises(DocumentUnreadable, match="holds no text"):
        read("", "")


def test_a_broken_pdf_is_told():
    with pytest.raises(DocumentUnreadable, match="cannot be read as a PDF"):
        read_pages(identify("pdf_url", b"%PDF-1.4 and then nothing"))


def test_a_pdf_that_unpacks_to_too_much_ends_by_its_limits():
    bomb = zlib.compress(b"(x) Tj " * 12_000_000, 9)
    head = f"<</Length {len(bomb)}/Filter/FlateDecode>>stream\n".encode()
    plain = pdf("marker")
    start = plain.index(b"<</Length")
    end = plain.index(b"\nendstream")
    file = plain[:start] + head + bomb + plain[end:]
    with pytest.raises(DocumentUnreadable):
        read_pages(identify("pdf_url", file))


def test_a_pdf_that_takes_too_long_is_given_up(settings):
    settings.DOCUMENT_TIMEOUT_S = 0.01
    with pytest.raises(DocumentUnreadable, match="s to read"):
        read("I keep bees.")


def test_what_a_reader_complains_of_is_not_collected():
    """A warning for each of many mistakes: six times as much as the file."""
    plain = pdf("I keep bees.")
    at = plain.index(b">>", plain.index(b"/Catalog"))
    file = plain[:at] + b" /K 1" * 50_000 + plain[at:]
    tracemalloc.start()
    assert read_pages(identify("pdf_url", file)) == ["I keep bees."]
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 2 * len(file)


def test_who_would_wait_too_long_for_its_turn_comes_again_later(settings):
    """Not until its lease is over: then another would read the same file."""
    settings.LEASE_S = 0.2
    with ExitStack() as others:
        for _ in range(documents_module.PDF_READERS):
            others.enter_context(documents_module._reading)
        with pytest.raises(DocumentUnavailable, match="turn"):
            read("I keep bees.")
    assert read("I keep bees.") == ["I keep bees."]
