"""Where a webhook may point: the internet, and what ALLOW_PRIVATE_WEBHOOKS lists."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from memories.providers.addresses import is_public, resolve

MAX_URL_CHARS = 2000
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
NOT_PUBLIC = (
    "is not an address on the internet. Who runs this platform may allow it with"
    " ALLOW_PRIVATE_WEBHOOKS."
)


class AddressRefused(Exception):
    """The receiver's host has an address that no webhook may reach."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Hosts and networks of our own that webhooks may reach all the same."""

    hosts: frozenset[str]
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

    @classmethod
    def of(cls, words: Iterable[str]) -> Self:
        """Host names, addresses and networks; raises ValueError for what is neither."""
        hosts, networks = set(), []
        for word in words:
            try:
                networks.append(ipaddress.ip_network(word))
            except ValueError:
                name = word.lower()
                # What has only digits and dots, or a slash, was to be a network.
                if not _HOST.fullmatch(name) or name.rpartition(".")[2].isdigit():
                    raise
                hosts.add(name)
        return cls(frozenset(hosts), tuple(networks))

    def reaches(self, host: str, address: str) -> bool:
        """Whether this address of this host may be connected to."""
        ip = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        is_listed = host.lower() in self.hosts or any(ip in n for n in self.networks)
        return is_listed or is_public(address)

    def addresses_of(self, host: str, port: int) -> list[str]:
        """All addresses of a host, if all may be reached; raises AddressRefused.

        Raises OSError or UnicodeError when it has none.
        """
        addresses = resolve(host, port)
        if not all(self.reaches(host, address) for address in addresses):
            raise AddressRefused(f"{host} {NOT_PUBLIC}")
        return addresses


def url_problem(url: str, allowed: Allowed) -> str:
    """What is wrong with a webhook's URL, the rest of a sentence; blank if nothing.

    A name is not looked up here: what it means is judged at each delivery.
    """
    if _UNPRINTABLE.search(url) or len(url) > MAX_URL_CHARS:
        return f"must have no spaces and {MAX_URL_CHARS} characters at most."
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "must be an http or https URL."
    if parts.scheme not in ("http", "https") or not host or port == 0:
        return "must be an http or https URL."
    if "@" in parts.netloc:
        return "must not hold a user name or password."
    literal = _literal(host)
    if literal and not allowed.reaches(host, literal):
        return NOT_PUBLIC
    return ""


def _literal(host: str) -> str | None:
    """The address that a host spells out, in any of the ways there are; else None."""
    try:
        found = socket.getaddrinfo(host, 0, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
    return str(found[0][4][0])
