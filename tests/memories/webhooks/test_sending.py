"""One POST: what is sent, where it goes, how long it may take."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from memories.webhooks.addresses import Allowed
from memories.webhooks.sending import KEPT_BYTES, Response, post
from tests.webhook_receiver import DRIP, DROP, HANG, Answer, Receiver

HERE = Allowed.of(["127.0.0.1"])


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def secure(tmp_path, monkeypatch):
    """A receiver with a certificate for good.example, which is trusted here."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    write_certificate(key, certificate, "good.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Receiver(context) as receiver:
        yield receiver


def write_certificate(key_file, certificate_file, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    known_as = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(known_as, known_as, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    pem, nothing = serialization.Encoding.PEM, serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(pem, form, nothing))
    certificate_file.write_bytes(certificate.public_bytes(pem))


@pytest.fixture
def names(monkeypatch) -> dict[str, list[list[str]]]:
    """What the resolver answers for a name, time after time; others it knows itself."""
    answers: dict[str, list[list[str]]] = {}
    known = socket.getaddrinfo

    def getaddrinfo(host, port, *args, **kwargs):
        if host not in answers:
            return known(host, port, *args, **kwargs)
        places = [(address, port) for address in answers[host].pop(0)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", p) for p in places]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return answers


def send(url: str, *, allowed: Allowed = HERE, timeout_s: float = 5.0) -> Response:
    return post(url, b'{"a":1}', {"x-mine": "1"}, allowed=allowed, timeout_s=timeout_s)


def test_it_posts_the_very_bytes(receiver):
    response = send(receiver.url)
    assert (response.status, response.body, response.error) == (200, "thanks", "")
    (request,) = receiver.received
    assert (request.path, request.body) == ("/in", b'{"a":1}')
    assert request.headers["x-mine"] == "1"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("status", [400, 404, 410, 500, 503])
def test_another_status_is_told(receiver, status):
    receiver.answer(status)
    response = send(receiver.url)
    assert (response.status, response.error) == (status, f"HTTP {status}")
    assert response.is_gone == (status == 410)
    assert not response.is_success


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver, status):
    with Receiver() as elsewhere:
        to = (("Location", elsewhere.url),)
        receiver.answer(Answer(status, headers=to))
        assert send(receiver.url).error == f"HTTP {status}"
        assert elsewhere.received == []


def test_no_proxy_is_asked(receiver, monkeypatch):
    with Receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert send(receiver.url).is_success
        assert proxy.received == []


def test_only_the_beginning_of_an_answer_is_kept(receiver):
    receiver.answer(Answer(500, body=b"x" * 300_000))
    assert send(receiver.url).body == "x" * KEPT_BYTES
    receiver.answer(Answer(500, body=b"\0\xff ok"))
    assert send(receiver.url).body == "\ufffd ok"


def test_a_named_pause_is_read(receiver):
    receiver.answer(Answer(503, headers=(("Retry-After", "120"),)))
    assert send(receiver.url).retry_after_s == 120.0
    receiver.answer(Answer(503, headers=(("Retry-After", "Wed, 1 Apr 2026"),)))
    assert send(receiver.url).retry_after_s is None


@pytest.mark.parametrize("how", [HANG, DRIP])
def test_a_receiver_that_takes_its_time_is_left(receiver, how):
    receiver.answer(how)
    began = time.monotonic()
    response = send(receiver.url, timeout_s=0.4)
    assert (response.status, response.error) == (None, "no answer in time")
    assert time.monotonic() - began < 5  # a drip would go on for ever


def test_a_receiver_that_hangs_up_is_told_of(receiver):
    receiver.answer(DROP)
    assert send(receiver.url).error.startswith("no HTTP answer")


def test_nobody_there_and_no_such_name_are_told_apart(receiver):
    with Receiver() as gone:
        url = gone.url
    assert send(url).error == "cannot be connected to"
    assert send("http://nowhere.invalid/").error == "its host has no address"


def test_an_address_inside_is_not_connected_to(receiver):
    response = send(receiver.url, allowed=Allowed.of([]))
    assert "ALLOW_PRIVATE_WEBHOOKS" in response.error
    assert receiver.received == []


def test_what_is_judged_is_what_is_connected_to(receiver, names):
    """A name that means something else when it is asked again gains nothing."""
    names["rebinding.example"] = [["8.8.8.8"], ["127.0.0.1"]]
    url = f"http://rebinding.example:{receiver.port}/in"
    response = send(url, allowed=Allowed.of([]), timeout_s=0.5)
    assert response.status is None
    assert len(names["rebinding.example"]) == 1  # asked once
    names["rebinding.example"] = [["127.0.0.1"]]
    assert "internet" in send(url, allowed=Allowed.of([])).error
    assert receiver.received == []


def test_another_address_is_tried_when_one_does_not_answer(receiver, names):
    names["two.example"] = [["127.0.0.2", "127.0.0.1"]]
    allowed = Allowed.of(["127.0.0.0/8"])
    assert send(f"http://two.example:{receiver.port}/in", allowed=allowed).is_success
    (request,) = receiver.received
    assert request.headers["host"] == f"two.example:{receiver.port}"


def test_the_certificate_is_that_of_the_name(secure, names):
    """The address is pinned; what TLS asks for and checks is the name."""
    for name in ("good.example", "bad.example"):
        names[name] = [["127.0.0.1"]]
    assert send(f"https://good.example:{secure.port}/in").is_success
    refused = send(f"https://bad.example:{secure.port}/in")
    assert refused.error == "its certificate is not good"
    assert len(secure.received) == 1
