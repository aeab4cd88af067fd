"""Keep the addresses that projects name out of the platform's own network.

Whoever may name an endpoint could else read what only the platform's machines reach: a
cloud's metadata service, say. The address is judged when it is connected to, so that a
name that resolves to another one the second time gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any

import httpcore2
import httpx2

from memplatform.lib.errors import ProviderRejected, ProviderUnavailable

# Python's ``is_global`` lets these through, in some of its releases: 6to4 relays and
# protocol assignments (RFC 7526, RFC 6890).
_NOT_THE_INTERNET = tuple(map(ipaddress.ip_network, ("192.88.99.0/24", "192.0.0.0/24")))
# All of the IPv6 internet is in here (RFC 4291, 2.4); what else has an IPv4 address in
# it, as NAT64's 64:ff9b::/96, is not. 6to4 (RFC 3056) is and has.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_6TO4 = ipaddress.ip_network("2002::/16")

MOST_TRIED = 3
"""Of the addresses of one name: one that answers nobody takes all of a timeout."""
Choose = Callable[[str, int], Sequence[str]]
"""The addresses of a host and port that may be connected to; raises when none may."""


def resolve(host: str, port: int) -> list[str]:
    """Every address of a host; raises OSError or UnicodeError when it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


def public_addresses(host: str, port: int) -> list[str]:
    """The addresses of a provider's host on the internet.

    Raises ProviderRejected when any of its addresses is elsewhere, ProviderUnavailable
    when it has none.
    """
    try:
        addresses = resolve(host, port)
    except (OSError, UnicodeError) as exc:
        raise ProviderUnavailable(f"{host} has no address.") from exc
    if not all(map(is_public, addresses)):
        raise ProviderRejected(
            f"{host} is not an address on the internet. Who runs this platform may"
            " allow such endpoints with ALLOW_PRIVATE_PROVIDERS=true."
        )
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address is on the internet, not on this machine or its networks."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return is_public(str(ip.ipv4_mapped))
        return ip in _GLOBAL_UNICAST and ip not in _6TO4 and ip.is_global
    is_elsewhere = any(ip in network for network in _NOT_THE_INTERNET)
    return ip.is_global and not ip.is_multicast and not is_elsewhere


class ChoosyBackend(httpcore2.SyncBackend):
    """Connects to the first chosen address that answers; TLS still checks the name."""

    def __init__(self, choose: Choose) -> None:
        self._choose = choose

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        *others, last = self._choose(host, port)[:MOST_TRIED]
        for address in others:
            try:
                return super().connect_tcp(address, port, *args, **kwargs)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue  # it may be of a kind that this machine has no route to
        return super().connect_tcp(last, port, *args, **kwargs)


class PublicTransport(httpx2.HTTPTransport):
    """Reaches the internet only; asks no proxy, which may reach more."""

    def __init__(
        self, limits: httpx2.Limits, backend: httpcore2.NetworkBackend | None = None
    ) -> None:
        super().__init__(limits=limits)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=backend or ChoosyBackend(public_addresses),
        )
