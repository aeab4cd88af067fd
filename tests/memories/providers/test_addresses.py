"""A project's endpoint is on the internet, or it is not asked."""

from __future__ import annotations

import socket

import httpcore2
import pytest

from memories.providers.addresses import ChoosyBackend, is_public, public_addresses
from memories.providers.base import ChatRequest
from memories.providers.openai import ChatConfig, OpenAIChat
from memplatform.lib.errors import ProviderRejected, ProviderUnavailable


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",  # this machine
        "0.0.0.0",
        "10.1.2.3",  # its networks
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",  # a carrier's
        "169.254.169.254",  # a cloud's metadata
        "224.0.0.1",  # everybody
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",  # IPv4 in IPv6, three ways
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::127.0.0.1",
        "64:ff9b:1::7f00:1",
        "fec0::1",  # a site's
        "ff02::1",
        "192.88.99.1",  # a relay's
        "192.0.0.8",
        "240.0.0.1",  # nobody's
        "255.255.255.255",
    ],
)
def test_it_refuses_addresses_that_are_not_on_the_internet(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_it_accepts_addresses_on_the_internet(address):
    assert is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1"])
def test_other_ways_to_write_this_machine_are_seen_through(host):
    with pytest.raises((ProviderRejected, ProviderUnavailable)):
        public_addresses(host, 80)


def test_a_name_without_an_address_is_unavailable():
    with pytest.raises(ProviderUnavailable, match=r"nowhere\.invalid"):
        public_addresses("nowhere.invalid", 443)


def test_an_endpoint_on_this_machine_is_not_asked(model_server):
    chat = OpenAIChat(
        ChatConfig(base_url=model_server.base_url, model="m", is_public_only=True)
    )
    with pytest.raises(ProviderRejected, match="ALLOW_PRIVATE_PROVIDERS"):
        chat.complete(ChatRequest("s", "u"))
    assert model_server.stats()["chat"] == 0


def test_a_connection_that_is_open_already_does_not_serve_it(model_server):
    """The platform's own pool, which may go anywhere, is another one."""
    open_to_all = ChatConfig(base_url=model_server.base_url, model="m")
    model_server.reply("hello")
    OpenAIChat(open_to_all).complete(ChatRequest("s", "u"))
    guarded = ChatConfig(base_url=model_server.base_url, model="m", is_public_only=True)
    with pytest.raises(ProviderRejected):
        OpenAIChat(guarded).complete(ChatRequest("s", "u"))


def test_of_many_addresses_some_are_tried():
    """A name may have thousands where nobody listens: each would take a timeout."""
    with socket.create_server(("127.0.0.5", 0)) as listener:
        port = listener.getsockname()[1]
        near = ChoosyBackend(lambda host, port: ["127.0.0.2", "127.0.0.5"])
        near.connect_tcp("bees.example", port).close()
        far = ChoosyBackend(lambda host, port: [*["127.0.0.2"] * 20, "127.0.0.5"])
        with pytest.raises(httpcore2.ConnectError):
            far.connect_tcp("bees.example", port)
