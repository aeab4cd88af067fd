"""Mail: through the server that is set, else into the log."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading

import pytest

from memplatform import env

SEND = """
import django; django.setup()
from django.core.mail import EmailMessage
EmailMessage("Hello", "https://x.example/link?key=abc", to=["ann@x.org"]).send()
"""


class SmtpSession(socketserver.StreamRequestHandler):
    """As much of SMTP as one letter needs."""

    def handle(self):
        self.say("220 here")
        for raw in self.rfile:
            line = raw.decode().strip()
            self.server.heard.append(line)
            if line.upper() == "DATA":
                self.say("354 go on")
                self.read_letter()
            self.say("221 bye" if line.upper() == "QUIT" else "250 ok")

    def read_letter(self):
        for raw in self.rfile:
            line = raw.decode().rstrip("\r\n")
            self.server.heard.append(line)
            if line == ".":
                return

    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def smtp():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), SmtpSession) as server:
        server.heard = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def send(**settings):
    environment = {
        **os.environ,
        **settings,
        "DJANGO_SETTINGS_MODULE": "tests.settings_without_database",
    }
    return subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", SEND],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )


def test_it_goes_to_the_server_that_is_set(smtp):
    port = str(smtp.server_address[1])
    send(
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=port,
        EMAIL_USE_TLS="false",
        EMAIL_FROM="memory@acme.example",
    )
    assert "mail FROM:<memory@acme.example>" in smtp.heard[1]
    assert "rcpt TO:<ann@x.org>" in smtp.heard[2]
    assert "https://x.example/link?key=abc" in smtp.heard


def test_without_one_the_log_shows_it():
    (line,) = send(EMAIL_HOST="").stderr.splitlines()
    told = json.loads(line)
    assert told["to"] == ["ann@x.org"]
    assert told["text"] == "https://x.example/link?key=abc"
    assert "EMAIL_HOST" in told["message"]


def test_tls_from_the_first_byte_excludes_starttls():
    made = env.mailers(host="mail.x.org", port=465, use_tls=True, use_ssl=True)
    options = made["default"]["OPTIONS"]
    assert (options["use_ssl"], options["use_tls"]) == (True, False)
