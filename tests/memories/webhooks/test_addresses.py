"""Where a webhook may point, and where it may not."""

from __future__ import annotations

import pytest

from memories.webhooks.addresses import AddressRefused, Allowed, url_problem

NOTHING = Allowed.of([])


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/h",
        "http://hooks.example.com:8080/a?b=c#d",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://bücher.example/h",
        "https://internal/h",  # a name: what it means is judged when it is used
    ],
)
def test_a_url_of_the_internet_is_fine(url):
    assert url_problem(url, NOTHING) == ""


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("not a url", "spaces"),
        ("ftp://example.com/", "http"),
        ("file:///etc/passwd", "http"),
        ("https://", "http"),
        ("//example.com/", "http"),
        ("https://example.com:99999/", "http"),
        ("https://example.com:0/", "http"),
        ("https://[::1/", "http"),
        ("https://example.com/\r\nX: y", "spaces"),
        ("https://example.com/" + "x" * 2000, "2000"),
        ("https://me:secret@example.com/", "password"),
        ("http://127.0.0.1/", "internet"),
        ("http://127.1/", "internet"),  # other ways to write the same
        ("http://2130706433/", "internet"),
        ("http://0x7f.1/", "internet"),
        ("http://0/", "internet"),
        ("http://[::1]/", "internet"),
        ("http://[::ffff:10.0.0.1]/", "internet"),
        ("http://[64:ff9b::7f00:1]/", "internet"),
        ("http://169.254.169.254/latest/meta-data/", "internet"),
        ("http://100.64.0.1/", "internet"),
        ("http://192.168.1.1/", "internet"),
        ("http://224.0.0.1/", "internet"),
    ],
)
def test_what_is_wrong_is_said(url, problem):
    assert problem in url_problem(url, NOTHING)


@pytest.mark.parametrize(
    ("words", "url"),
    [
        (["127.0.0.1"], "http://127.0.0.1:9000/"),
        (["10.1.0.0/16"], "http://10.1.2.3/"),
        (["10.1.0.0/16"], "http://[::ffff:10.1.2.3]/"),
        (["fd00::/8"], "http://[fd00::1]/"),
    ],
)
def test_what_is_listed_may_be_reached(words, url):
    assert url_problem(url, NOTHING)
    assert url_problem(url, Allowed.of(words)) == ""


def test_the_neighbour_of_what_is_listed_may_not():
    assert url_problem("http://10.2.0.1/", Allowed.of(["10.1.0.0/16"]))


@pytest.mark.parametrize("word", ["10.1.0.0/99", "10.1.0.1/16", "300.1.1.1", "a b", ""])
def test_a_word_that_is_neither_host_nor_network_is_refused(word):
    with pytest.raises(ValueError, match=r"does not appear|has host bits"):
        Allowed.of([word])


def test_a_name_is_judged_by_all_it_means():
    with pytest.raises(AddressRefused, match="ALLOW_PRIVATE_WEBHOOKS"):
        NOTHING.addresses_of("localhost", 80)
    assert Allowed.of(["LocalHost"]).addresses_of("localhost", 80)
    assert NOTHING.addresses_of("8.8.8.8", 80) == ["8.8.8.8"]


def test_a_name_with_one_address_inside_is_refused(monkeypatch):
    """One of several is enough for an attacker: it is a matter of luck which is taken."""
    places = [(2, 1, 6, "", (address, 80)) for address in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **kwargs: places)
    with pytest.raises(AddressRefused):
        NOTHING.addresses_of("both.example", 80)
