"""Keep the endpoints that projects name out of the platform's own network.

Whoever may name an endpoint could else read what only the platform's machines reach: a
cloud's metadata service, say. The address is judged when it is connected to, so that a
name that resolves to another one the second time gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import httpcore2
import httpx2

from memplatform.lib.errors import ProviderRejected, ProviderUnavailable

# Both carry an IPv4 address inside: RFC 6052 and RFC 3056.
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "2002::/16")))


def public_address(host: str, port: int) -> str:
    """An address of a host on the internet.

    Raises ProviderRejected when any of its addresses is elsewhere, ProviderUnavailable
    when it has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise ProviderUnavailable(f"{host} has no address.") from exc
    addresses = [str(place[0]) for *_, place in found]
    if not all(map(is_public, addresses)):
        raise ProviderRejected(
            f"{host} is not an address on the internet. Who runs this platform may"
            " allow such endpoints with ALLOW_PRIVATE_PROVIDERS=true."
        )
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address is on the internet, not on this machine or its networks."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return is_public(str(ip.ipv4_mapped))
        if any(ip in network for network in _TRANSLATED):
            return False
    return ip.is_global and not ip.is_multicast


class _PublicBackend(httpcore2.SyncBackend):
    """Connects to addresses on the internet only; TLS still checks the name."""

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        return super().connect_tcp(public_address(host, port), port, *args, **kwargs)


class PublicTransport(httpx2.HTTPTransport):
    """Reaches the internet only; asks no proxy, which may reach more."""

    def __init__(self, limits: httpx2.Limits) -> None:
        super().__init__(limits=limits)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_PublicBackend(),
        )
