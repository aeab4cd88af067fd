"""Who asks, behind proxies: those that are trusted are believed, and nobody else."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from django.test import RequestFactory

from memplatform.lib.http import client_address
from tests.conftest import PASSWORD

CASES = [
    # heard from, told by X-Forwarded-For, who it is
    ("203.0.113.9", None, "203.0.113.9"),
    ("203.0.113.9", "192.0.2.1", "203.0.113.9"),  # a stranger may say anything
    ("10.0.0.1", None, "10.0.0.1"),
    ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
    ("10.0.0.1", "198.51.100.7, 192.0.2.1", "192.0.2.1"),  # the first may be made up
    ("10.0.0.1", "192.0.2.1, 10.0.0.2", "192.0.2.1"),  # two proxies of ours
    ("::ffff:10.0.0.1", "192.0.2.1", "192.0.2.1"),
    ("fd00::1", "2001:db8::5", "2001:db8::5"),
    ("10.0.0.1", "nobody", "10.0.0.1"),
    ("10.0.0.1", "", "10.0.0.1"),
    ("10.0.0.1", "192.0.2.1:4711", "10.0.0.1"),
    ("", "192.0.2.1", ""),  # a socket that is a file
]


@pytest.mark.parametrize(("heard_from", "told", "who"), CASES)
def test_whom_it_takes_for_the_client(settings, heard_from, told, who):
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
    headers = {} if told is None else {"X-Forwarded-For": told}
    request = RequestFactory(headers=headers).get("/", REMOTE_ADDR=heard_from)
    assert client_address(request) == who


def test_nobody_is_trusted_by_default():
    request = RequestFactory(headers={"X-Forwarded-For": "192.0.2.1"}).get("/")
    assert client_address(request) == "127.0.0.1"


def test_one_behind_a_proxy_does_not_lock_out_the_other(client, alice, settings):
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]

    def sign_in(password, address):
        return client.post(
            "/console/sign-in/",
            {"login": alice.email, "password": password},
            headers={"X-Forwarded-For": address},
        ).status_code

    for _ in range(5):
        sign_in("wrong", "203.0.113.9")
    assert sign_in(PASSWORD, "203.0.113.9") == 422
    assert sign_in(PASSWORD, "192.0.2.1") == 302
